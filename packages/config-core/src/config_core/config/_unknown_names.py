"""Names that a config class does not know: where they are in the config, and how that is said.

It is imported only where there are some.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import definition_of, public_names
from config_core.config._config_json import NOT_KEPT, WRITTEN_BY_ALL
from config_core.config._init_parameters import assigned_names
from config_core.config._problems import dicts_in, values_in
from config_core.config._value_types import builtin_value, is_config
from config_core.error_base import ConfigProblem
from config_core.errors import UnknownOptionError
from config_core.familiar_options import is_slip
from config_core.messages import warn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    _Unknown = tuple[Any, tuple[str, ...]]

__all__ = [
    "forbidden_in_parts",
    "forbidden_names",
    "name_hint",
    "names_unknown_to",
    "quoted",
    "report_slips",
    "report_unknown",
    "slips_among",
    "unknown_names_in",
    "warn_caller",
]

_PLAIN_TYPES = (bool, int, float, str, list, tuple, dict)
_OWN_MODULES = ("config_core.", "auto_registry.", "model_core.")


def report_unknown(unknown: Iterable[_Unknown], root: Any, rule: str | None = None) -> None:
    """Warn of the names, or raise an error with all that are forbidden.

    Args:
        unknown: Configs with the names that their classes do not know.
        root: The config that the others are parts of.
        rule: What to do, `"warn"` or `"forbid"`; None for what the class of each config says.

    Raises:
        UnknownOptionError: Some are forbidden.
    """
    paths = {id(root): ""}
    for place, value in values_in(root):
        paths.setdefault(id(value), place)
    problems: list[str] = []
    forbidden: list[str] = []
    for config, names in unknown:
        cls, path = type(config), paths.get(id(config))
        owner = cls if path is None else type(root)
        full = tuple(f"{path}.{name}" if path else name for name in names)
        problem = f"{owner.__name__} has no field {quoted(full)}.{name_hint(cls, names, public_names(cls))}"
        if (rule or cls._extra_fields) == "forbid":
            problems.append(f"{problem} Its fields are {', '.join(public_names(cls))}.")
            forbidden.extend(full)
        else:
            warn_caller(f"{problem} It is kept as an attribute.")
    if problems:
        raise UnknownOptionError(" ".join(problems), names=tuple(forbidden))


def forbidden_names(cls: type[Any], given: Iterable[str], rule: str | None) -> Iterator[ConfigProblem]:
    """Yield a problem for each name that a class does not know and forbids, or that the rule of the call forbids."""
    if (rule or cls._extra_fields) != "forbid":
        return
    for name in names_unknown_to(cls, given):
        if not isinstance(getattr(cls, name, None), property):
            yield _unknown_field(cls, name, name)


def forbidden_in_parts(
    unknown: list[_Unknown], given: Mapping[str, Any], rule: str | None = None
) -> Iterator[ConfigProblem]:
    """Take the forbidden names of the parts that were made of a config's values, and yield a problem for each.

    Args:
        unknown: Configs with the names that their classes do not know. What is yielded is removed.
        given: The values. There is no config of them, because others are wrong.
        rule: As for `report_unknown`.
    """
    for path, values in dicts_in(given):
        found = next((entry for entry in unknown if values.keys() >= {*entry[1]}), None)
        if found is None:
            continue
        unknown.remove(found)
        cls = type(found[0])
        if (rule or cls._extra_fields) == "forbid":
            for name in found[1]:
                yield _unknown_field(cls, name, f"{path}.{name}")


def slips_among(cls: type[Any], names: Iterable[str], given: Collection[str]) -> tuple[str, ...]:
    """Return the names in a file that a class does not know, but that look like a field of its own that the file lacks.

    They differ from it by one letter, or by two that are swapped. A digit says another thing: a file of another version
    may have `stage1` in place of `stage2`. So does a name like one of the base class: timm's `architecture`.

    Args:
        cls: The class.
        names: The names that it does not know.
        given: All names in the file.
    """
    definition = definition_of(cls)
    aliases = definition.aliases
    present = {*given, *(aliases[name] for name in given if name in aliases)}
    missing = {name for name in public_names(cls) if aliases.get(name, name) not in present} - definition.inherited
    return tuple(name for name in names if any(is_slip(name, field) for field in missing))


def report_slips(found: Iterable[_Unknown], root: Any, path: str) -> None:
    """Warn of names in a file that look like misspelt fields.

    Args:
        found: Configs with these names.
        root: The config of the whole file.
        path: The file.
    """
    paths = {id(value): f"{place}." for place, value in values_in(root)}
    for config, names in found:
        cls = type(config)
        full = [f"{paths.get(id(config), '')}{name}" for name in names]
        warn_caller(
            f"{path}: {type(root).__name__} has no field {quoted(full)}.{name_hint(cls, names, public_names(cls))} "
            "It is kept as an attribute, and the field has its default."
        )


def names_unknown_to(cls: type[Any], given: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are neither keywords of a class, nor attributes that it sets, nor keys of any config."""
    known = {*public_names(cls), *assigned_names(cls), *NOT_KEPT, *WRITTEN_BY_ALL}
    return tuple(name for name in given if not (name in known or name.startswith("_")))


def _unknown_field(cls: type[Any], name: str, path: str) -> ConfigProblem:
    return ConfigProblem(path, f"there is no such field.{name_hint(cls, [name], public_names(cls))}")


def unknown_names_in(
    given: Any, made: Any, old: Any, around: tuple[int, ...] = ()
) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield the configs that were made of a caller's dicts, at any depth, with the names that they do not know.

    Args:
        given: The value that the caller gave.
        made: The value of the field.
        old: What was there before: its names are known.
        around: `id` of each value that this one is in.
    """
    if given is made or id(given) in around:
        return
    around = (*around, id(given))
    given = builtin_value(given)
    if isinstance(given, dict) and is_config(made):
        known = old if isinstance(old, dict) else ()
        yield made, tuple(name for name in names_unknown_to(type(made), given) if name not in known)
        made = vars(made)
    if isinstance(given, dict) and isinstance(made, dict):
        entries = [(key, given[key]) for key in given if key in made]
    elif isinstance(given, (list, tuple)) and isinstance(made, (list, tuple)) and len(given) == len(made):
        entries = list(enumerate(given))
    else:
        return
    for key, value in entries:
        yield from unknown_names_in(value, made[key], old.get(key) if isinstance(old, dict) else None, around)


def quoted(names: Iterable[str]) -> str:
    """Return names as they are shown in messages."""
    return ", ".join(map(repr, names))


def name_hint(cls: type[Any], names: Iterable[str], known: Iterable[str]) -> str:
    """Return what may be meant by names that are no fields of a class, after a space; or `""`.

    Args:
        cls: The class.
        names: The names.
        known: Names that may be given.
    """
    from config_core.familiar_options import did_you_mean

    known = {*known}
    hints = []
    for name in names:
        part, _, inner = name.partition(".")
        value = getattr(cls, name, None)
        if inner and part in known:
            hints.append(f"Give the fields of a part as a dict: {{{part!r}: {{{inner!r}: ...}}}}.")
        elif isinstance(value, _PLAIN_TYPES) and name not in definition_of(cls).names:
            annotated = f"{name}: {type(value).__name__} = {value!r:.80}"
            hints.append(f"The class sets {name!r} without an annotation; to make it a field, write {annotated}.")
    return f" {' '.join(hints) or did_you_mean(names, known)}".rstrip()


def warn_caller(message: str) -> None:
    """Warn of something in the first line outside this project's packages that led to it."""
    level, frame = 2, sys._getframe(1)  # noqa: SLF001 - `skip_file_prefixes` needs Python 3.12
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OWN_MODULES):
        level, frame = level + 1, frame.f_back
    warn(message, stacklevel=level)
