"""What the default of a field says of its type where the annotation says little or nothing."""

from __future__ import annotations

import collections
import types
import typing
from typing import TYPE_CHECKING, Any, Union

from config_core.config._record_types import is_qualifier, kind_of
from config_core.config._value_types import MAPPINGS, SEQUENCES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LikeDefault", "described_by_default", "is_like_default"]


class LikeDefault:
    """Marks an annotation of a field whose values are restored like its default where they fit that."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation


def is_like_default(annotation: Any) -> bool:
    """Return whether only the default of a field says what its values are restored to."""
    arguments = typing.get_args(annotation)
    return len(arguments) > 1 and arguments[0] is Any and isinstance(arguments[1], LikeDefault)


def described_by_default(annotation: Any, default: Any) -> Any:
    """Return the annotation of a field, with what the default adds if the annotation says little or nothing."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if is_qualifier(origin):
        return described_by_default(arguments[0], default)
    if default is None and annotation is not Any:  # `size: int = None` is common, and None is meant to be allowed
        try:
            return Union[annotation, None]  # noqa: UP007
        except TypeError:  # `Final` alone, and what is no annotation
            return annotation
    if origin is typing.Annotated:
        return typing.Annotated[(described_by_default(arguments[0], default), *annotation.__metadata__)]
    if origin in {Union, types.UnionType} and isinstance(default, (list, tuple)):
        # Of several sequences, the first that fits is used.
        annotation = Union[tuple(sorted(arguments, key=lambda choice: not _is_of_kind(default, choice)))]  # noqa: UP007
    try:
        described = _described_by_value(default)
    except RecursionError:  # it contains itself
        described = None
    if described is None or not _leaves_open(origin, annotation, default, described):
        return annotation
    return typing.Annotated[annotation, LikeDefault(described)]


def _is_of_kind(default: Any, choice: Any) -> bool:
    """Return whether a default is a container of the type that an alternative names."""
    container = typing.get_origin(choice) or choice
    return container in SEQUENCES and isinstance(default, container)


def _leaves_open(origin: Any, annotation: Any, default: Any, described: Any) -> bool:
    """Return whether an annotation does not say what JSON's form of a default is restored to."""
    if origin in {Union, types.UnionType}:
        return isinstance(described, type)  # which of the alternatives
    container = origin or annotation
    if not isinstance(container, type) or container not in SEQUENCES.keys() | MAPPINGS.keys():
        return annotation is Any
    is_abstract = container.__module__ == "collections.abc"
    return isinstance(default, container) and (is_abstract or not typing.get_args(annotation))


def _described_by_value(value: Any) -> Any:
    """Return an annotation that restores a value from JSON, or None if it needs none."""
    cls = type(value)
    kind = kind_of(cls)
    if kind in {"form", "enum", "named_tuple", "config"}:
        return cls
    if isinstance(value, dict):
        return _dict_described_by(value)
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        of = _common(value)
        if isinstance(value, tuple):
            return types.GenericAlias(tuple, (Any if of is None else of, Ellipsis))
        return types.GenericAlias(cls, (of,)) if of is not None else None if isinstance(value, list) else cls
    return cls if kind else None


def _dict_described_by(value: dict[Any, Any]) -> Any:
    of = _common(value.values())
    if all(type(key) is str for key in value):
        return None if of is None else types.GenericAlias(dict, (str, of))
    keys = {type(key) for key in value}
    return types.GenericAlias(dict, (keys.pop() if len(keys) == 1 else Any, Any if of is None else of))


def _common(values: Iterable[Any]) -> Any:
    """Return the annotation that restores each of several values, or None."""
    found = [_described_by_value(value) for value in values]
    return found[0] if found and all(other == found[0] for other in found) else None
