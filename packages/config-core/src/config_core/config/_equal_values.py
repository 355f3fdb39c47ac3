"""Whether two values are equal. Values may be anything, and their own `==` may fail or give something else than a bool.

No function here raises. It is imported only where values are compared.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from config_core.config._config_json import plain_value
from config_core.config._value_types import SCALARS, is_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["are_equal", "same_value", "setting_of"]

# What transformers 5 writes into every part, and configs here have no field for.
_WRITTEN_BY_TRANSFORMERS = (("chunk_size_feed_forward", 0),)


def setting_of(value: Any) -> Any:
    """Return what a `deque` or a `defaultdict` has beside its values, which JSON has no place for; None for others."""
    if isinstance(value, deque):
        return value.maxlen
    return value.default_factory if isinstance(value, defaultdict) else None


def same_value(value: Any, other: Any) -> bool:
    """Return whether two values are the same in a file. Those that JSON does not have are compared as objects."""
    if type(value) in SCALARS and type(other) in SCALARS:
        return are_equal(value, other)
    are_lists, are_dicts = {type(value), type(other)} <= {list, tuple}, type(value) is type(other) is dict
    if (are_lists and _are_plainly_equal(value, other)) or (
        are_dicts and all(map(_are_plainly_equal, (value, value.values()), (other, other.values())))
    ):
        return True  # without making JSON of them
    try:
        if is_config(value) and isinstance(other, dict):
            return _is_config_of(value, other)
        if (pairs := _pairs_with_configs(value, other)) is not None:
            return all(same_value(mine, theirs) for mine, theirs in pairs)
        mine, theirs = plain_value(value), plain_value(other)
    except Exception:  # noqa: BLE001 - JSON has no form of them, or their own code fails
        return _are_equal(value, other, same_value)
    return bool(mine == theirs) or are_equal(mine, theirs)


def _pairs_with_configs(value: Any, other: Any) -> Iterable[tuple[Any, Any]] | None:
    """Return the pairs of the values of two lists or dicts, if the first has configs and the second as many values."""
    if isinstance(value, dict) and isinstance(other, dict) and value.keys() == other.keys():
        other, value = [other[key] for key in value], [*value.values()]
    are_lists = isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)) and len(value) == len(other)
    return zip(value, other, strict=True) if are_lists and any(map(is_config, value)) else None


def _are_plainly_equal(value: Iterable[Any], other: Iterable[Any]) -> bool:
    """Return whether two collections consist of the same scalars of the same types in the same order."""
    kinds = [*map(type, value)]
    return SCALARS.issuperset(kinds) and kinds == [*map(type, other)] and [*value] == [*other]


def are_equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal as objects: containers and arrays by their elements, and NaN to NaN."""
    return _are_equal(value, other, are_equal)


def _are_equal(value: Any, other: Any, are_parts_equal: Callable[[Any, Any], bool]) -> bool:
    if value is other:
        return True
    if type(value) in SCALARS and type(other) in SCALARS:
        return bool(value == other or (value != value and other != other))  # noqa: PLR0124 - NaN
    try:
        if isinstance(value, dict) and isinstance(other, dict):
            is_same = setting_of(value) == setting_of(other) and value.keys() == other.keys()
            return is_same and all(are_parts_equal(value[key], other[key]) for key in value)
        if any(isinstance(value, kind) and isinstance(other, kind) for kind in (list, tuple)):
            return len(value) == len(other) and all(map(are_parts_equal, value, other))
        return _are_objects_equal(value, other, are_parts_equal)
    except Exception:  # noqa: BLE001 - the values' own code, or one that contains itself
        return False


def _are_objects_equal(value: Any, other: Any, are_parts_equal: Callable[[Any, Any], bool]) -> bool:
    if _is_array(value) or _is_array(other):
        return type(value) is type(other) and _are_arrays_equal(value, other)
    if hasattr(value, "__dataclass_fields__") and type(value) is type(other) and not is_config(value):
        with contextlib.suppress(Exception):  # its own `==` may fail, as that of arrays does
            if value == other:
                return True
        names = [name for name, field in value.__dataclass_fields__.items() if field.compare and hasattr(value, name)]
        return all(are_parts_equal(getattr(value, name), getattr(other, name)) for name in names)
    return bool(value == other) or (_is_nan(value) and _is_nan(other))


def _is_nan(value: Any) -> bool:
    """Return whether a value is a number that is not equal to itself; `!=` of other objects may mean anything."""
    from numbers import Number

    return (isinstance(value, Number) or hasattr(value, "dtype")) and bool(value != value)  # noqa: PLR0124


def _is_array(value: Any) -> bool:
    """Return whether a value is an array or a tensor of any library. Those without dimensions are numbers."""
    return hasattr(value, "dtype") and getattr(value, "shape", ()) != ()


def _are_arrays_equal(value: Any, other: Any) -> bool:
    if value.shape != other.shape or value.dtype != other.dtype:
        return False
    return bool(((value == other) | ((value != value) & (other != other))).all())  # noqa: PLR0124 - NaN


def _is_config_of(config: Any, values: dict[str, Any]) -> bool:
    """Return whether a config is the one that its class makes of values."""
    kept = {name: value for name, value in values.items() if (name, value) not in _WRITTEN_BY_TRANSFORMERS}
    return bool(type(config).from_dict(kept) == config)
