"""What the errors of all packages have in common."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

__all__ = [
    "ConfigProblem",
    "SentenceError",
    "all_problems",
    "escape_args",
    "message_text",
    "path_to",
    "printable",
    "reduce_error",
]

_MAX_SHOWN = 20
# Messages longer than this are looked through for words that are longer than any path or list of digits.
_LONG_MESSAGE = 4_000
_LONG_WORD = 1_000


class SentenceError(Exception):
    """Base of errors whose only argument is a message of whole sentences, for this and other packages.

    Their constructors may have any parameters, also keyword-only ones; the errors can still be pickled.
    """

    def __str__(self) -> str:
        # OSError and KeyError format their arguments differently.
        return message_text(str(self.args[0])) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_error(self)


def message_text(text: str) -> str:
    """Return the text of an error as it is shown: escaped, and without the middle of names that are pages long."""
    if len(text) > _LONG_MESSAGE:
        import re

        text = re.sub(rf"\S{{{_LONG_WORD},}}", lambda word: f"{word[0][:200]}…{word[0][-20:]}", text)
    return printable(text, keep="\n\t")


def printable(text: str, *, keep: str = "") -> str:
    """Return a text with its unprintable characters escaped: a terminal may obey them, and some reorder a line.

    Names of files, tensors and repositories are untrusted, and appear in messages, reports and logs.

    Args:
        text: The text.
        keep: Unprintable characters to keep, such as line feeds.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in text
    )


def path_to(values: Any, is_wanted: Callable[[Any], bool], path: str = "") -> tuple[str, Any] | None:
    """Return the path and the value of the first wanted value in lists and dicts, at any depth, or None.

    Args:
        values: Values of JSON's types.
        is_wanted: Returns whether a value is wanted.
        path: The path of the values, such as `rope.factors[2]`.
    """
    if is_wanted(values):
        return path, values
    entries: Iterable[tuple[str, Any]] = ()
    if isinstance(values, dict):
        entries = ((f"{path}.{key}" if path else f"{key}", value) for key, value in values.items())
    elif isinstance(values, list):
        entries = ((f"{path}[{index}]", value) for index, value in enumerate(values))
    found = (path_to(value, is_wanted, place) for place, value in entries)
    return next((each for each in found if each is not None), None)


def escape_args(error: BaseException) -> None:
    """Escape the message and notes of a foreign error that becomes the cause of ours: a traceback shows them, too.

    Its own causes, and the errors in a group, are escaped as well.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        shown = waiting.pop()
        if id(shown) in seen:
            continue
        seen.add(id(shown))
        shown.args = tuple(message_text(each) if isinstance(each, str) else each for each in shown.args)
        notes = vars(shown).get("__notes__")
        if isinstance(notes, list):
            shown.__notes__ = [message_text(each) for each in notes if isinstance(each, str)]
        others = shown.exceptions if isinstance(shown, BaseExceptionGroup) else ()
        waiting += [each for each in (shown.__cause__, shown.__context__, *others) if each is not None]


def reduce_error(error: Exception) -> tuple[Any, ...]:
    """Return what `__reduce__` of an error must return. By default, unpickling calls its class with the message."""
    data = dict(vars(error))
    if isinstance(error, OSError):
        data |= {"errno": error.errno, "filename": error.filename}
    return _rebuilt, (type(error), error.args, {name: value for name, value in data.items() if _can_travel(value)})


def _rebuilt(cls: type[Exception], args: tuple[Any, ...], data: dict[str, Any]) -> Exception:
    # With two builtins among the bases, only the one that defines the layout can create the object.
    error = OSError.__new__(cls, *args) if issubclass(cls, OSError) else cls.__new__(cls, *args)
    error.args = args
    for name, value in data.items():
        setattr(error, name, value)
    return error


def _can_travel(value: object) -> bool:
    """Return whether a value can be pickled. An error that arrives without some of its data is better than none."""
    import pickle

    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - an object's `__reduce__` may raise anything
        return False
    return True


class ConfigProblem(NamedTuple):
    """One thing that is wrong with a config.

    Attributes:
        field: Path to the value from the root of the config, such as `image.layers[2]`, or `""` for the whole config.
        problem: What was expected and what was given.
        source: The file that the value is from, or `""` if it is not from a file: the caller gave it, or the class.
        is_missing: Whether no value was given.
    """

    field: str
    problem: str
    source: str = ""
    is_missing: bool = False


def all_problems(config_class: str, problems: tuple[ConfigProblem, ...]) -> str:
    """Return the text of problems: one line for one, a list for more. A file that has all of them is named once."""
    sources = {problem.source for problem in problems}
    shared = next(iter(sources)) if len(sources) == 1 else ""
    lines = [
        (f"{config_class}.{problem.field}: {problem.problem}" if problem.field else problem.problem)
        + (f" (from {problem.source})" if problem.source and not shared else "")
        for problem in problems[:_MAX_SHOWN]
    ]
    if len(problems) > _MAX_SHOWN:
        lines.append(f"and {len(problems) - _MAX_SHOWN} more")
    start = f"{shared}: " if shared else ""
    if len(problems) == 1:
        return start + lines[0]
    return f"{start}{len(problems)} problems in {config_class}:\n  " + "\n  ".join(lines)
