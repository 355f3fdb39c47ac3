"""Which tensors share memory: what identifies their storage, how many look at it, and which elements of it they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["elements_in_storage", "num_storage_users", "storage_key", "storage_users", "unseen"]

_Result = TypeVar("_Result")
_num_modes = torch._C._len_torch_function_stack  # noqa: SLF001


def num_storage_users(tensor: torch.Tensor) -> int:
    """Return how many tensors share the memory of this one, itself included, whether Python can see them or not."""
    return storage_users(tensor)[1]


def storage_key(tensor: torch.Tensor) -> int:
    """Return what identifies the memory of a tensor, or 0 for a tensor that has none of its own."""
    return storage_users(tensor)[0]


def storage_users(tensor: torch.Tensor) -> tuple[int, int]:
    """Return what identifies the memory of a tensor, and how many tensors share it; zeros if it has none of its own."""
    try:
        storage = unseen(tensor.untyped_storage)
        key: int = storage._cdata  # noqa: SLF001
        # The wrapper of the storage that we hold here counts as well.
        return key, torch._C._storage_Use_Count(key) - 1  # noqa: SLF001
    except (NotImplementedError, RuntimeError, ValueError):
        return 0, 0


def elements_in_storage(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return which elements of its storage a strided tensor is, and how it reads them."""
    place = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    return *place, tensor.dtype, tensor.is_conj(), tensor.is_neg()


def unseen(call: Callable[[], _Result]) -> _Result:
    """Make a call that a construction around this load would take for one of the program's."""
    if not _num_modes():
        return call()
    with torch._C.DisableTorchFunction():  # noqa: SLF001
        return call()
