"""Putting together the values of a config: aliases, the labels of a classifier, and what replaces what a file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import define
from config_core.config._config_json import jsonable
from config_core.config._field_types import class_named
from config_core.config._labels import read_labels
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["disagreement", "listed", "merged", "near", "overridden", "real_names", "with_count"]

_LABEL_FIELDS = frozenset({"id2label", "label2id"})


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


def with_count(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Give the field that counts the classes the number of named classes, where only the names are given."""
    if _LABEL_FIELDS.isdisjoint(values):
        return values
    count = define(cls).aliases.get("num_labels", "num_labels")
    labels = read_labels(values.get("id2label"), values.get("label2id"))
    if labels is None:
        return values
    if values.get(count) is None:
        values[count] = len(labels)
    if values[count] != len(labels):
        raise ConfigError(disagreement(cls, values[count], labels))
    return values


def overridden(cls: type[Any], fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return a file's fields with a caller's in their place. The names of classes go when their number changes."""
    count = define(cls).aliases.get("num_labels", "num_labels")
    # Programs pass None for labels that they do not know.
    given = {name: value for name, value in given.items() if value is not None or name not in _LABEL_FIELDS | {count}}
    labels = read_labels(fields.get("id2label"), fields.get("label2id"))
    old_count = fields.get(count, len(labels) if labels else None)
    dropped: frozenset[str] = frozenset()
    if given.keys() & _LABEL_FIELDS:
        dropped = _LABEL_FIELDS | {count}
    elif given.get(count, old_count) != old_count:
        dropped = _LABEL_FIELDS
    values = {name: value for name, value in fields.items() if name not in dropped}
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


def disagreement(cls: type[Any], count: Any, labels: Mapping[int, str]) -> str:
    """Say that the number of classes and their names do not belong together."""
    name = define(cls).aliases.get("num_labels", "num_labels")
    return (
        f"{cls.__name__}: {name} is {count!r}, but id2label names {len(labels)} classes. Give one of them, or make "
        "them agree."
    )


def listed(names: Iterable[str]) -> str:
    """Return names as they are shown in messages."""
    return ", ".join(map(repr, names))


def near(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a sentence that names known keywords spelled like unknown ones, or nothing."""
    import difflib

    candidates = sorted(known)
    guesses = [guess for name in names for guess in difflib.get_close_matches(name, candidates, n=1)]
    return f" Did you mean {listed(guesses)}?" if guesses else ""
