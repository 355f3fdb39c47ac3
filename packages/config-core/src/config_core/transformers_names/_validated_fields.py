"""Fields whose values `huggingface_hub.dataclasses.strict` checks: `width: float = interval(min=0)(default=0.1)`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["activation_fn_key", "interval", "is_divisible_by", "positive_int_field"]


def _checked_by(is_valid: Callable[[Any], bool], rule: str) -> Callable[..., Any]:
    """Return what makes a field whose values are checked."""

    def validate(value: Any) -> None:
        if not is_valid(value):
            raise ValueError(f"Value must be {rule}, got {value!r:.80}.")

    def make_field(**options: Any) -> Any:
        """Return a field of a dataclass, whose default is one of the options."""
        return dataclasses.field(metadata={"validator": [validate]}, **options)

    return make_field


def interval(
    min: float | None = None,  # noqa: A002 - transformers' signature
    max: float | None = None,  # noqa: A002
    exclude_min: bool = False,  # noqa: FBT001, FBT002
    exclude_max: bool = False,  # noqa: FBT001, FBT002
) -> Callable[..., Any]:
    """Return what makes a field for numbers between two bounds."""

    def is_valid(value: Any) -> bool:
        above = min is None or (value > min if exclude_min else value >= min)
        return above and (max is None or (value < max if exclude_max else value <= max))

    least = [] if min is None else [f"{'above' if exclude_min else 'at least'} {min}"]
    most = [] if max is None else [f"{'below' if exclude_max else 'at most'} {max}"]
    return _checked_by(is_valid, " and ".join(least + most))


def is_divisible_by(divisor: float) -> Callable[..., Any]:
    """Return what makes a field for multiples of a number."""
    return _checked_by(lambda value: value % divisor == 0, f"divisible by {divisor}")


positive_int_field = _checked_by(
    lambda value: value is None or (isinstance(value, int) and value > 0), "a positive int"
)
# Which names of activations there are is known to models alone.
activation_fn_key = _checked_by(lambda value: isinstance(value, str), "the name of an activation")
