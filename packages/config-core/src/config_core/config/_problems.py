"""Everything that is wrong with a config as one error, with paths from the root of the config.

A check raises `WrongValueError` with paths below the value that it looks at. The paths grow while the error is passed
up: through containers, and from the config of a part to the config that it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from config_core.config._value_types import SCALARS, dataclass_fields, is_any_config, is_config, is_config_class
from config_core.error_base import ConfigProblem
from config_core.errors import ConfigDefinitionError, ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "AUTHOR_ERRORS",
    "WrongValueError",
    "call_validate",
    "check_all",
    "check_fields",
    "dicts_in",
    "made_config",
    "moved_to_root",
    "problems_of_part",
    "shown",
    "unpacked",
    "validate_config",
    "values_in",
    "with_problems",
]


# What the code of a class raises about values that it does not work with.
AUTHOR_ERRORS = (TypeError, ValueError, LookupError, ArithmeticError, AssertionError)


def made_config(cls: type[Any], made: Any) -> Any:
    """Return what `from_dict` of a class has made, which may be the author's own.

    Raises:
        ConfigDefinitionError: It is no config.
    """
    if not is_any_config(made):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.from_dict must return a config, got {shown(made)}. End it with "
            "`return super().from_dict(config_dict, **overrides)`."
        )
    return made


class WrongValueError(Exception):
    """Values do not fit their annotation. The caller turns this into the public error.

    Attributes:
        problems: All that is wrong, with paths from the checked value, such as `[2]` or `.width`.
    """

    def __init__(self, problem: str, *, is_missing: bool = False) -> None:
        super().__init__(problem)
        self.problems: tuple[ConfigProblem, ...] = (ConfigProblem("", problem, is_missing=is_missing),)

    @classmethod
    def of_problems(cls, problems: Iterable[ConfigProblem]) -> Self:
        """Return the error for several problems."""
        error = cls("")
        error.problems = (*problems,)
        return error

    def move_below(self, place: str) -> None:
        """Make its paths those from a value that has the checked one at a place."""
        self.problems = tuple(problem._replace(field=place + problem.field) for problem in self.problems)


def check_all(
    entries: Iterable[tuple[Any, Callable[[Any], Any] | None, Any]], place: Callable[[Any], str]
) -> list[Any]:
    """Check several values and return what they are restored to.

    Args:
        entries: Key, check (None if every value fits) and value of each.
        place: Returns the path of a key, such as `[2]`.

    Raises:
        WrongValueError: Some values do not fit; it has the problems of all of them.
        ConfigError, TypeError, ValueError, …: Only one value does not fit, and this is what its config or the
            `__init__` of that raised.
    """
    results: list[Any] = []
    errors: list[Exception] = []
    for key, check, value in entries:
        try:
            results.append(value if check is None else check(value))
        except ConfigDefinitionError:
            raise
        except WrongValueError as error:
            error.move_below(place(key))
            errors.append(error)
        except AUTHOR_ERRORS as error:
            _set_place(error, place(key) + _place_of(error))
            errors.append(error)
    if errors:
        try:
            raise _merged(errors)
        finally:
            errors.clear()  # their tracebacks would keep everything that the load has made
    return results


def check_fields(cls: type[Any], entries: Iterable[tuple[str, Callable[[Any], Any], Any]]) -> list[Any]:
    """Check the values of a config's fields and return what they are restored to.

    Raises:
        ConfigValidationError: Some values do not fit; it has the problems of all of them.
        ConfigError, TypeError, ValueError, …: Only one value does not fit, and this is what its config or the
            `__init__` of that raised.
    """
    try:
        return check_all(((name, _finite(check), value) for name, check, value in entries), place=".{}".format)
    except WrongValueError as error:
        raise _of_fields(error.problems, cls) from error.__cause__
    except AUTHOR_ERRORS as error:
        _name_root(error, cls)
        raise


def _finite(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a check that refuses values that contain themselves."""

    def check_finite(value: Any) -> Any:
        try:
            return check(value)
        except RecursionError as error:
            raise WrongValueError("this contains itself, or is nested too deep") from error

    return check_finite


def _of_fields(problems: Iterable[ConfigProblem], cls: type[Any]) -> ConfigValidationError:
    """Return the error of a config for problems with their paths, such as `.image.width`."""
    return ConfigValidationError.of_problems(
        tuple(
            each._replace(
                field=each.field.removeprefix("."),
                problem=each.problem if each.problem.endswith((".", "?")) else f"{each.problem}.",
            )
            for each in problems
        ),
        config_class=cls.__name__,
    )


def problems_of_part(error: ConfigValidationError) -> WrongValueError:
    """Return the problems of a config for the check of the config that it is a part of."""
    return WrongValueError.of_problems(
        each._replace(field=f".{each.field}" if each.field else "") for each in error.problems
    )


def with_problems(error: Exception, problems: Iterable[ConfigProblem], cls: type[Any]) -> Exception:
    """Return an error about a config together with further problems of it; the error itself if there are none."""
    problems = tuple(problems)
    if not problems or isinstance(error, (ConfigDefinitionError, ExceptionGroup)):
        return error
    both = ConfigValidationError.of_problems((*_problems_of(error), *problems), config_class=cls.__name__)
    both.__cause__ = error.__cause__ if _is_ours(error) else error
    return both


def call_validate(config: Any) -> None:
    """Call `validate` of a config, and that of the base class too if `strict` of huggingface_hub has replaced it."""
    cls = type(config)
    if hasattr(cls, "__class_validators__"):
        root: Any = next(base for base in reversed(cls.__mro__) if is_config_class(base))
        root.validate(config)
    config.validate()


def validate_config(config: Any) -> None:
    """Call `validate` of a config before it is saved; all that is wrong, in its parts too, is one error."""
    try:
        call_validate(config)
    except (*AUTHOR_ERRORS, ExceptionGroup) as raised:
        error = unpacked(raised, type(config))
        raise with_problems(error, _problems_in_parts(config), type(config))  # noqa: B904 - mostly the error itself


def _problems_in_parts(config: Any) -> Iterator[ConfigProblem]:
    """Yield what is wrong in the parts of a config, at any depth."""
    for place, part in values_in(config):
        if is_config(part) and part is not config and place[:1] != "_":
            try:
                call_validate(part)
            except (*AUTHOR_ERRORS, ExceptionGroup) as error:
                for problem in _problems_of(unpacked(error, type(part))):
                    yield problem._replace(field=f"{place}.{problem.field}".rstrip("."))


def unpacked(error: Exception, cls: type[Any]) -> Exception:
    """Return one error for an `ExceptionGroup` that the code of a class raised, and any other error as it is.

    A group with an error that is no TypeError or ValueError is returned as it is too.
    """
    if not isinstance(error, ExceptionGroup):
        return error
    errors = [*_leaves(error)]
    if not all(isinstance(each, (TypeError, ValueError)) for each in errors):
        return error
    problems = tuple(problem for each in errors for problem in _problems_of(each))
    raised = ConfigValidationError.of_problems(problems, config_class=cls.__name__)
    raised.__cause__ = error
    return raised


def _leaves(error: Exception) -> Iterator[Exception]:
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for each in error.exceptions:
        yield from _leaves(each)


def _problems_of(error: Exception) -> tuple[ConfigProblem, ...]:
    return error.problems if isinstance(error, ConfigError) else (ConfigProblem(_place_of(error)[1:], _text_of(error)),)


def _text_of(error: Exception) -> str:
    """Return what an error says; the text of some others than those about values means nothing without their name."""
    if isinstance(error, ConfigError):
        return error.message
    return f"{error}" if isinstance(error, (TypeError, ValueError)) else f"{type(error).__name__}: {error}"


def moved_to_root(error: Exception, cls: type[Any], fields: Mapping[str, Any]) -> Exception:
    """Return the error of a part that `__init__` makes of a dict, with paths from the config that it belongs to.

    Args:
        error: The error.
        cls: The class of the config that is made.
        fields: Its fields.
    """
    given = vars(error).pop("_given", None)
    if given is None:
        return error
    shared = [(place, _shared(value, given)) for place, value in dicts_in(fields) if given or not value]
    most = max((count for _, count in shared), default=0)
    places = [place for place, count in shared if count == most]
    if len(places) != 1 or (given and not most):  # made of something else, or of any of several
        return error
    if isinstance(error, ConfigValidationError):
        below = problems_of_part(error)
        below.move_below(places[0])
        moved = _of_fields(below.problems, cls)
        moved.__cause__ = error.__cause__
        return moved
    _set_place(error, f".{places[0]}{_place_of(error)}")
    _name_root(error, cls)
    return error


def dicts_in(fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the dicts in the fields of a config, at any depth, with their paths."""
    return ((path, value) for path, value in values_in(fields) if isinstance(value, dict))


def values_in(holder: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the values in a dict of fields or a config, at any depth, with their paths.

    Args:
        holder: What holds the values: a dict, list or tuple, a config or a dataclass. Anything else holds none.
        path: Its path.
        seen: `id` of each holder whose values were yielded before, as one that is in itself.
    """
    seen = set() if seen is None else seen
    if id(holder) in seen:
        return
    seen.add(id(holder))
    entries: Iterable[tuple[str, Any]] = ()
    if isinstance(holder, dict):
        entries = ((f"[{key!r}]" if path else f"{key}", value) for key, value in holder.items())
    elif isinstance(holder, (list, tuple)):
        entries = ((f"[{index}]", value) for index, value in enumerate(holder))
    elif is_config(holder):
        entries = ((f".{name}", value) for name, value in vars(holder).items())
    else:
        names = (field.name for field in dataclass_fields(type(holder)))
        entries = ((f".{name}", getattr(holder, name)) for name in names if hasattr(holder, name))
    for step, value in entries:
        place = f"{path}{step}".removeprefix(".")
        yield place, value
        if type(value) not in SCALARS:
            yield from values_in(value, place, seen)


def _shared(values: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Return how many keywords of a part are values of a dict; 0 if the dict has other ones for some."""
    names = values.keys() & given.keys()
    return len(names) if all(values[name] is given[name] for name in names) else 0


def _merged(errors: list[Exception]) -> Exception:
    if len(errors) == 1:
        return errors[0]
    problems: list[ConfigProblem] = []
    for error in errors:
        if isinstance(error, WrongValueError):
            problems += error.problems
        else:
            problems.append(ConfigProblem(_place_of(error), _text_of(error)))
    merged = WrongValueError.of_problems(problems)
    causes = (error.__cause__ if _is_ours(error) else error for error in errors)
    merged.__cause__ = next(filter(None, causes), None)
    return merged


def _is_ours(error: Exception) -> bool:
    return isinstance(error, (WrongValueError, ConfigError))


def _place_of(error: Exception) -> str:
    """Return the path from the root to the part that an error is about, such as `.image`, or `""`."""
    place: str = getattr(error, "place" if isinstance(error, ConfigError) else "config_place", "")
    return place


def _set_place(error: Exception, place: str) -> None:
    setattr(error, "place" if isinstance(error, ConfigError) else "config_place", place)


def _name_root(error: Exception, root: type[Any]) -> None:
    """Say what class the path of an error begins with; an error of a class's own has that in a note."""
    if isinstance(error, ConfigError):
        error.config_class = root.__name__
    elif place := _place_of(error):
        notes: list[str] = getattr(error, "__notes__", [])
        notes[:] = [other for other in notes if not other.startswith("It was raised for ")]
        error.add_note(f"It was raised for {root.__name__}{place}.")


def shown(value: Any) -> str:
    """Return a value as errors show it: in one line, which the text of a config is not."""
    if is_any_config(value):
        return f"{type(value).__name__}(…)"
    try:
        return f"{value!r:.80}"
    except Exception:  # noqa: BLE001 - an int of too many digits, or the value's own code
        return object.__repr__(value)
