"""Classes whose values have another form in JSON: their kinds, their annotations, and the keys of a `TypedDict`."""

from __future__ import annotations

import contextlib
import re
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any

from config_core.config._annotations import module_names
from config_core.config._body_fields import own_annotations
from config_core.config._value_types import dict_methods, is_part_class, value_type

__all__ = ["extra_items", "hints_of", "is_qualifier", "is_unpacked", "keys_of", "kind_of", "row_of", "with_arguments"]

# A class has the first kind that fits it.
_KINDS: dict[str, Callable[[type[Any]], Any]] = {
    "form": value_type,
    "enum": lambda cls: issubclass(cls, Enum),
    "typed_dict": lambda cls: hasattr(cls, "__total__") and hasattr(cls, "__required_keys__"),
    "named_tuple": lambda cls: issubclass(cls, tuple) and hasattr(cls, "_fields"),
    "config": is_part_class,
    "dict_methods": dict_methods,
    "dataclass": lambda cls: hasattr(cls, "__dataclass_fields__"),
}
_QUALIFIER = re.compile(r"\b(NotRequired|Required)\[")


def kind_of(cls: type[Any]) -> str:
    """Return the kind of a class whose values have another form in JSON, such as `"enum"`; `""` for other classes."""
    return next((kind for kind, is_one in _KINDS.items() if is_one(cls)), "")


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class that can be evaluated; a name may be one that only type checkers know."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that is not found, or anything else
        found: dict[str, Any] = {}
        names, own = module_names(cls), dict(vars(cls))
        for base in reversed(cls.__mro__):
            for name, annotation in own_annotations(base).items():
                holder = types.SimpleNamespace(__annotations__={name: annotation})
                with contextlib.suppress(Exception):
                    found |= typing.get_type_hints(holder, names, own, include_extras=True)
        return found


def with_arguments(annotation: Any, known: dict[Any, Any]) -> Any:
    """Return an annotation of a generic class with what its type variables stand for."""
    if isinstance(annotation, typing.TypeVar):
        return known.get(annotation, annotation)
    if not known or isinstance(annotation, type):
        return annotation
    inside = getattr(annotation, "__parameters__", ())
    return annotation[tuple(known.get(variable, variable) for variable in inside)] if inside else annotation


def is_qualifier(origin: Any) -> bool:
    """Return whether an annotation of this origin says something of a key or a name, and not of its values."""
    return origin in {typing.Required, typing.NotRequired, typing.Final} or getattr(origin, "_name", "") == "ReadOnly"


def is_unpacked(annotation: Any) -> bool:
    """Return whether an annotation stands for any number of others, as the second one in `tuple[int, *rest]` does."""
    return typing.get_origin(annotation) is typing.Unpack or bool(getattr(annotation, "__unpacked__", False))


def row_of(annotation: Any) -> tuple[Any, ...] | None:
    """Return the annotations of the values of a tuple of one length, such as `tuple[int, str]`, or None for others."""
    arguments = typing.get_args(annotation)
    has_any_number = arguments[-1:] == (Ellipsis,) or any(map(is_unpacked, arguments))
    # `tuple[()]` has no arguments either, and says so.
    is_row = typing.get_origin(annotation) is tuple and hasattr(annotation, "__args__") and not has_any_number
    return arguments if is_row else None


def keys_of(cls: Any) -> dict[str, bool]:
    """Return the keys of a `TypedDict`, with whether each is required."""
    hints = hints_of(cls)
    return {
        key: _is_required(hints.get(key, annotation), default=key in cls.__required_keys__)
        for key, annotation in cls.__annotations__.items()
    }


def _is_required(annotation: Any, *, default: bool) -> bool:
    # `__required_keys__` alone is wrong where annotations are text, as under `from __future__ import annotations`.
    if isinstance(annotation, typing.ForwardRef):
        found = _QUALIFIER.search(annotation.__forward_arg__)
        return found[1] == "Required" if found else default
    origin = typing.get_origin(annotation)
    if origin in {typing.Required, typing.NotRequired}:
        return origin is typing.Required
    if origin is typing.Annotated or is_qualifier(origin):
        return _is_required(typing.get_args(annotation)[0], default=default)
    return default


def extra_items(cls: Any) -> Any:
    """Return the annotation of the further keys that a `TypedDict` allows, or `Never` if it allows none."""
    extra = getattr(cls, "__extra_items__", None)  # of `typing_extensions`, which has a word for none
    return typing.Never if extra is None or type(extra).__name__.startswith("NoExtraItems") else extra
