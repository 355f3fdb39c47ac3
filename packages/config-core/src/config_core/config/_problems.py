"""Everything that is wrong with a config as one error, with paths from the root of the config.

A check raises `WrongValueError` with paths below the value that it looks at. The paths grow while the error is passed
up: through containers, and from the config of a part to the config that it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.error_base import ConfigProblem
from config_core.errors import ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["WrongValueError", "check_all", "check_fields", "moved_to_root", "problems_of_part"]


class WrongValueError(Exception):
    """Values do not fit their annotation. The caller turns this into the public error.

    Attributes:
        problems: For each, the path below the checked value, such as `[2]`, and what was expected and given.
    """

    def __init__(self, problem: str, *, path: str = "") -> None:
        super().__init__(problem)
        self.problems = [(path, problem)]


def check_all(
    entries: Iterable[tuple[Any, Callable[[Any], Any] | None, Any]], place: Callable[[Any], str]
) -> list[Any]:
    """Check several values and return what they are restored to.

    Args:
        entries: Key, check (None if every value fits) and value of each.
        place: Returns the path of a key, such as `[2]`.

    Raises:
        WrongValueError: Some values do not fit; it has the problems of all of them.
        ConfigError: Only one value does not fit. It is a config that is wrong in another way than by its types.
    """
    results: list[Any] = []
    errors: list[WrongValueError | ConfigError] = []
    for key, check, value in entries:
        try:
            results.append(value if check is None else check(value))
        except WrongValueError as error:
            error.problems = [(place(key) + path, problem) for path, problem in error.problems]
            errors.append(error)
        except ConfigError as error:
            error.place = place(key) + error.place
            errors.append(error)
        except (TypeError, ValueError) as error:  # raised by the `__init__` of a part
            error.config_place = place(key) + getattr(error, "config_place", "")  # type: ignore[union-attr]
            raise
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
        ConfigError: Only one value does not fit. It is a config that is wrong in another way than by its types.
    """
    try:
        return check_all(entries, place=".{}".format)
    except WrongValueError as error:
        problems = tuple(ConfigProblem(path[1:], f"{problem.rstrip('.')}.") for path, problem in error.problems)
        raise ConfigValidationError.of_problems(problems, config_class=cls.__name__) from None
    except ConfigError as error:
        error.config_class = cls.__name__
        raise
    except (TypeError, ValueError) as error:
        _note_place(error, cls.__name__)
        raise


def problems_of_part(error: ConfigValidationError) -> WrongValueError:
    """Return the problems of a config for the check of the config that it is a part of."""
    moved = WrongValueError("")
    moved.problems = [(f".{problem.field}", problem.problem) for problem in error.problems]
    return moved


def moved_to_root(error: ConfigValidationError, cls: type[Any], fields: Mapping[str, Any]) -> ConfigValidationError:
    """Return the error of a part that `__init__` makes of a dict, with paths from the config that it belongs to.

    Args:
        error: The error.
        cls: The class of the config that is made.
        fields: Its fields.
    """
    given = vars(error).pop("_given", None)
    places = [] if given is None else [place for place, value in _dicts_in(fields) if _is_source(value, given)]
    if len(places) != 1:  # made of something else, or of any of several
        return error
    problems = tuple(ConfigProblem(f"{places[0]}.{problem.field}", problem.problem) for problem in error.problems)
    return ConfigValidationError.of_problems(problems, config_class=cls.__name__)


def _dicts_in(fields: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the dicts that are the values of fields, or in a list or dict that is one, with their paths."""
    for name, value in fields.items():
        entries: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
        if isinstance(value, (list, tuple)):
            entries = enumerate(value)
        for place, item in ((name, value), *((f"{name}[{key!r}]", entry) for key, entry in entries)):
            if isinstance(item, dict) and item:
                yield place, item


def _is_source(values: dict[str, Any], given: Mapping[str, Any]) -> bool:
    """Return whether the keywords of a part are the values of a dict."""
    shared = values.keys() & given.keys()
    return bool(shared) and all(values[name] is given[name] for name in shared)


def _merged(errors: list[WrongValueError | ConfigError]) -> Exception:
    if len(errors) == 1:
        return errors[0]
    merged = WrongValueError("")
    merged.problems = []
    for error in errors:
        if isinstance(error, WrongValueError):
            merged.problems += error.problems
        else:
            merged.problems.append((error.place, error.message))
    return merged


def _note_place(error: Exception, owner: str) -> None:
    """Say in a note of a class's own error which part of the config it is about."""
    place: str = getattr(error, "config_place", "")
    if not place:
        return
    note = f"It was raised for {owner}{place}."
    notes: list[str] = getattr(error, "__notes__", [])
    notes[:] = [other for other in notes if not other.startswith("It was raised for ")]
    error.add_note(note)
