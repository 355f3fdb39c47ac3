"""Who gave a wrong value: the file, or the caller who replaced what the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import definition_of
from config_core.config._part_classes import class_named
from config_core.error_base import all_problems
from config_core.errors import ConfigError, ConfigFileError, ConfigValidationError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config_core.config._config_json import ConfigFile

__all__ = ["blame"]


def blame(error: Exception, cls: type[Any], file: ConfigFile, overrides: Mapping[str, Any]) -> None:
    """Add to an error of a load where the wrong values are from.

    Args:
        error: The error.
        cls: The config class.
        file: The file.
        overrides: What the caller gave in place of the file's values.
    """
    source = f"{file.path}"
    if isinstance(error, ConfigValidationError) and error.config_class == cls.__name__:
        _blame_each(error, cls, file, overrides)
        return
    if overrides:
        source += f", with {', '.join(map(repr, overrides))} given by the caller"
    if not isinstance(error, ConfigError):  # raised by the `__init__` of a subclass
        error.add_note(f"The values are those of {source}.")
    elif not isinstance(error, (ConfigFileError, UnknownOptionError)):  # also of a part that `__init__` makes by hand
        text, error.place = str(error), ""
        error.args = (f"{source}: {text}",)


def _blame_each(error: ConfigValidationError, cls: type[Any], file: ConfigFile, overrides: Mapping[str, Any]) -> None:
    problems = []
    for problem in error.problems:
        steps = problem.field.replace("[", ".[").split(".")
        # What is missing in a file is so where the file has its neighbours.
        in_file = steps[:-1] if problem.is_missing else steps
        is_of_file = not problem.field or (
            not _gives(cls, overrides, steps) and (not in_file or _gives(cls, file.values, in_file))
        )
        problems.append(problem._replace(source=f"{file.path}" if is_of_file else ""))
    error.problems = tuple(problems)
    error.args = (all_problems(error.config_class, error.problems),)


def _gives(cls: type[Any] | None, values: Mapping[str, Any], steps: list[str]) -> bool:
    """Return whether the value at a path is among the values of a file or of a caller.

    Args:
        cls: The class of the config at the root of the path, if it is known.
        values: Its fields.
        steps: The path.
    """
    name, *rest = steps
    aliases = {alias for alias, field in definition_of(cls).aliases.items() if field == name} if cls else set()
    given = next((key for key in (name, *aliases) if key in values), None)
    if given is None:
        return False
    value = values[given]
    if not rest or rest[0].startswith("[") or not isinstance(value, dict):
        return True
    parts = definition_of(cls).parts.get(name, ()) if cls else ()
    return _gives(class_named(value.get("model_type"), parts, cls), value, rest)
