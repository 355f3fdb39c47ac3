"""Putting together the values of a config: aliases, the labels of a classifier, and what replaces what a file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import define
from config_core.config._config_json import jsonable
from config_core.config._field_types import class_named
from config_core.config._labels import LABEL_FIELDS, labels_kept
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["count_field", "listed", "merged", "near", "overridden", "real_names"]


def real_names(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace aliases by the names of the fields that they stand for."""
    aliases = define(cls).aliases
    if aliases.keys().isdisjoint(values):
        return dict(values)
    real: dict[str, Any] = {name: value for name, value in values.items() if name not in aliases}
    for alias, field in aliases.items():
        if alias not in values:
            continue
        value = values[alias]
        if field in real and real[field] is not None and value is not None and jsonable(real[field]) != jsonable(value):
            raise ConfigError(
                f"{cls.__name__}: {alias!r} is another name of {field!r}, but they are given as {value!r} and "
                f"{real[field]!r}. Give one of them."
            )
        if value is not None or field not in real:
            real[field] = value
    return real


def count_field(cls: type[Any]) -> str:
    """Return the name of the field that holds a classifier's number of classes."""
    return define(cls).aliases.get("num_labels", "num_labels")


def overridden(cls: type[Any], fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return a file's fields with a caller's in their place. The names of classes go when their number changes."""
    count = count_field(cls)
    # Programs pass None for labels that they do not know.
    given = {name: value for name, value in given.items() if value is not None or name not in LABEL_FIELDS | {count}}
    values = labels_kept(fields, given, count_field=count)
    return values | {name: merged(cls, name, values.get(name), value) for name, value in given.items()}


def merged(cls: type[Any], name: str, old: Any, new: Any) -> Any:
    """Return what a field becomes: of a part (a config, or a dict that stands for one) a dict changes what it names."""
    part: type[Any] | None = None
    if hasattr(type(old), "sub_configs"):
        part, old = type(old), old.to_dict()
    elif isinstance(old, dict):
        part = class_named(old.get("model_type"), define(cls).parts.get(name, ()))
    if part is None or not isinstance(new, dict):
        return new
    kind = old.get("model_type", part.model_type)
    if new.get("model_type", kind) != kind:
        return new  # fields of one class say nothing about another
    return overridden(part, real_names(part, old), real_names(part, new))


def listed(names: Iterable[str]) -> str:
    """Return names as they are shown in messages."""
    return ", ".join(map(repr, names))


def near(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a sentence that names known keywords spelled like unknown ones, or nothing."""
    import difflib

    candidates = sorted(known)
    guesses = [guess for name in names for guess in difflib.get_close_matches(name, candidates, n=1)]
    return f" Did you mean {listed(guesses)}?" if guesses else ""
