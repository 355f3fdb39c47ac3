"""The signature of a config class, for `inspect.signature` and what is built on it."""

from __future__ import annotations

import inspect
import typing
from typing import Any

from config_core.config._config_definition import definition_of
from config_core.config._init_parameters import NO_DEFAULT, parameters_of
from config_core.config._value_types import finds_classes

__all__ = ["signature_of"]

_Kind = inspect.Parameter


def signature_of(cls: type[Any]) -> inspect.Signature:
    """Return every keyword of a config class, those of its parents included, and `**kwargs`."""
    definition = definition_of(cls)
    defaults = {p.name: p.default for base in reversed(cls.__mro__) for p in _parameters(base)}
    defaults |= definition.defaults
    for name, field in getattr(cls, "__dataclass_fields__", {}).items():
        if callable(field.default_factory):
            defaults[name] = field.default_factory()
    others = [name for name in definition.defaults if name not in definition.positional]
    others += sorted(definition.names - {*definition.positional, *others})
    parts = {name: part | None for name, part in cls.sub_configs.items() if not finds_classes(part)}
    annotations = {**definition.annotations, **parts}
    parameters = [
        _parameter(name, defaults.get(name, NO_DEFAULT), annotations.get(name, Any), kind)
        for kind, names in ((_Kind.POSITIONAL_OR_KEYWORD, definition.positional), (_Kind.KEYWORD_ONLY, others))
        for name in names
    ]
    return inspect.Signature([*parameters, _Kind("kwargs", _Kind.VAR_KEYWORD, annotation=Any)])


def _parameters(cls: type[Any]) -> list[Any]:
    init = cls.__dict__.get("__init__")
    return parameters_of(init) if hasattr(init, "__code__") else []


def _parameter(name: str, default: Any, annotation: Any, kind: Any) -> inspect.Parameter:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]  # the marks are our own
    is_missing = default is NO_DEFAULT or isinstance(default, property)
    return _Kind(name, kind, default=_Kind.empty if is_missing else default, annotation=annotation)
