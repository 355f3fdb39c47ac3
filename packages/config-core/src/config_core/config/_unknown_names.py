"""Names that a config class does not know: where they are in the config, and how that is said.

It is imported only where there are some.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Literal

from config_core.config._config_definition import public_names
from config_core.config._config_json import NOT_KEPT, WRITTEN_BY_ALL
from config_core.config._value_types import builtin_value, is_config
from config_core.errors import UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["quoted", "report_unknown", "spelling_hint", "unknown_names_in", "warn_caller"]

_OWN_MODULES = ("config_core.", "auto_registry.", "model_core.")


def report_unknown(
    unknown: Iterable[tuple[Any, tuple[str, ...]]], root: Any, *, rule: Literal["warn", "forbid"] | None = None
) -> None:
    """Warn of the names, or raise an error with all that are forbidden.

    Args:
        unknown: Configs with the names that their classes do not know.
        root: The config that the others are parts of.
        rule: What to do; by default what the class of each config says.

    Raises:
        UnknownOptionError: Some are forbidden.
    """
    paths = _paths_of_parts(root)
    problems: list[str] = []
    forbidden: list[str] = []
    for config, names in unknown:
        cls, path = type(config), paths.get(id(config))
        owner = cls if path is None else type(root)
        full = tuple(f"{path}.{name}" if path else name for name in names)
        problem = f"{owner.__name__} has no field {quoted(full)}.{spelling_hint(names, public_names(cls))}"
        if (rule or cls._extra_fields) == "forbid":
            problems.append(f"{problem} Known are {', '.join(public_names(cls))}.")
            forbidden.extend(full)
        else:
            warn_caller(f"{problem} It is kept as an attribute.")
    if problems:
        raise UnknownOptionError(" ".join(problems), names=tuple(forbidden))


def _paths_of_parts(root: Any) -> dict[int, str]:
    """Return the `id` of each config in a config, at any depth, to the path of its field."""
    paths = {id(root): ""}
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:
        path, holder = pending.pop()
        if isinstance(holder, (list, tuple)):
            items = [(f"{path}[{index}]", value) for index, value in enumerate(holder)]
        elif isinstance(holder, dict):
            items = [(f"{path}[{key!r}]", value) for key, value in holder.items()]
        else:
            items = [(f"{path}.{name}" if path else name, value) for name, value in vars(holder).items()]
        for place, value in items:
            is_config = hasattr(type(value), "sub_configs")
            if (is_config or isinstance(value, (list, tuple, dict))) and id(value) not in paths:
                paths[id(value)] = place
                pending.append((place, value))
    return paths


def unknown_names_in(given: Any, made: Any, old: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield the configs that were made of a caller's dicts, at any depth, with the names that they do not know.

    Args:
        given: The value that the caller gave.
        made: The value of the field.
        old: What was there before: its names are known.
    """
    given = builtin_value(given)
    if isinstance(given, dict) and is_config(made):
        known = {*public_names(type(made)), *NOT_KEPT, *WRITTEN_BY_ALL, *(old if isinstance(old, dict) else ())}
        yield made, tuple(name for name in given if not (name in known or name.startswith("_")))
        made = vars(made)
    if isinstance(given, dict) and isinstance(made, dict):
        entries = [(key, given[key]) for key in given if key in made]
    elif isinstance(given, (list, tuple)) and isinstance(made, (list, tuple)) and len(given) == len(made):
        entries = list(enumerate(given))
    else:
        return
    for key, value in entries:
        yield from unknown_names_in(value, made[key], old.get(key) if isinstance(old, dict) else None)


def quoted(names: Iterable[str]) -> str:
    """Return names as they are shown in messages."""
    return ", ".join(map(repr, names))


def spelling_hint(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a sentence with the known names that are spelled like the given ones, after a space, or `""`."""
    from config_core.familiar_options import did_you_mean

    return f" {did_you_mean(names, known)}".rstrip()


def warn_caller(message: str) -> None:
    """Warn of something in the first line outside this project's packages that led to it."""
    level, frame = 2, sys._getframe(1)  # noqa: SLF001 - `skip_file_prefixes` needs Python 3.12
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OWN_MODULES):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
