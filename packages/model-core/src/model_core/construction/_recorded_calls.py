"""Calls that give a tensor its values, kept to be made later, on that tensor or on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from model_core.tensor_memory import elements_in_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Call", "SharedValues", "is_whole", "on_target", "run_calls", "same_elements", "without_first"]

# Function, positional arguments, keyword arguments.
Call = tuple["Callable[..., Any]", tuple[Any, ...], dict[str, Any]]


class SharedValues:
    """Values of a tensor and of copies of it, drawn when the first of them is read."""

    def __init__(self, tensor: torch.Tensor, calls: tuple[Call, ...]) -> None:
        """Share what calls would give a contiguous tensor that has its storage to itself."""
        self._shape, self.dtype, self._device = tensor.shape, tensor.dtype, tensor.device
        self._calls = calls
        self._values: torch.Tensor | None = None

    def __call__(self, target: torch.Tensor) -> None:
        """Fill a tensor with the values."""
        if self._values is None:
            self._values = torch.empty(self._shape, dtype=self.dtype, device=self._device)
            run_calls(self._values, self._calls)
        target.copy_(self._values)


def run_calls(target: torch.Tensor, calls: Iterable[Call]) -> None:
    """Make calls, which lack their tensor argument, on a tensor."""
    for function, args, kwargs in calls:
        function(target, *args, **kwargs)


def without_first(call: Call) -> Call:
    """Return a call without its tensor argument."""
    function, args, kwargs = call
    if args:
        return function, args[1:], kwargs
    kwargs = kwargs.copy()  # functions of torch.nn.init are dispatched with keywords only
    del kwargs["tensor"]
    return function, args, kwargs


def on_target(target: torch.Tensor, tensor: torch.Tensor, call: Call) -> Call | None:
    """Return what a call on a tensor is as a call on a target in the same storage, or None if it is none."""
    if same_elements(target, tensor):
        return call
    if tensor.dtype is not target.dtype or tensor.is_complex():  # which may be conjugated
        return None
    offset = tensor.storage_offset() - target.storage_offset()
    return _call_on_part, (tuple(tensor.shape), tensor.stride(), offset, call), {}


def is_whole(call: Call) -> bool:
    """Return whether a call that `on_target` returned is one on the whole target."""
    return call[0] is not _call_on_part


def _call_on_part(
    target: torch.Tensor, shape: tuple[int, ...], stride: tuple[int, ...], offset: int, call: Call
) -> None:
    run_calls(target.as_strided(shape, stride, target.storage_offset() + offset), [call])


def same_elements(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors that share their storage are the same elements of it."""
    return elements_in_storage(one) == elements_in_storage(other)
