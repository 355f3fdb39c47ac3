"""Constructing a model for the names and shapes of its tensors alone, without memory for their values.

On the meta device this costs nothing, but a constructor that reads a value, such as the rates in
`[rate.item() for rate in torch.linspace(0, 0.1, depth)]`, raises an error there. So it is run a second time with values
in small tensors, which are those that constructors read. One that reads large ones is not run on real memory: a model
may be larger than what is left of it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from model_core.construction._function_kinds import FunctionKind, answer_without_values, kind_of
from model_core.torch_internals import fill_under_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

__all__ = ["construct_without_values"]

# Elements of the largest tensor that has values. A table of positions is smaller, nearly every weight is larger.
_MOST_WITH_VALUES = 2**16
_NEW_TENSORS = frozenset(
    {
        *("arange", "empty", "empty_strided", "eye", "full", "linspace", "logspace", "ones", "zeros"),
        *("new_empty", "new_full", "new_ones", "new_zeros", "rand", "randint", "randn", "randperm"),
    }
)
_IN_PLACE = frozenset({FunctionKind.RANDOM_FILL, FunctionKind.CONSTANT_FILL, FunctionKind.ELEMENTWISE})


def construct_without_values(make: Callable[[], nn.Module]) -> nn.Module | None:
    """Return a model whose large tensors are on the meta device, or None if its constructor needs their values.

    Args:
        make: Constructs the model. It may be called twice.
    """
    for most in (0, _MOST_WITH_VALUES):
        try:
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), _SmallTensors(most):
                warnings.simplefilter("ignore")
                return make()
        except Exception:  # noqa: BLE001, S112 - it may read values, or take more arguments
            continue
    return None


class _SmallTensors(TorchFunctionMode):
    """A context in which new tensors are on the meta device unless they are small."""

    def __init__(self, most: int) -> None:
        """Leave values to tensors of at most this many elements."""
        super().__init__()
        self._most = most

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _NEW_TENSORS and "out" not in kwargs:
            others = {name: value for name, value in kwargs.items() if name not in {"generator", "pin_memory"}}
            on_meta = func(*args, **others | {"device": "meta"})
            return on_meta if on_meta.numel() > self._most else func(*args, **kwargs)
        kind = kind_of(func)
        if kind in _IN_PLACE or kind is FunctionKind.QUESTION:
            first = args[0] if args else kwargs.get("tensor")
            if isinstance(first, torch.Tensor) and first.numel() > _MOST_WITH_VALUES:
                # Not even memory that `torch.Tensor(size)` has reserved is written, nor read.
                if kind is not FunctionKind.QUESTION:
                    return first
                if fill_under_way(first):
                    return answer_without_values(func)
        return func(*args, **kwargs)
