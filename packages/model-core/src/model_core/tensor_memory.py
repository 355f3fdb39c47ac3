"""Which tensors share memory: what identifies their storage, how many use it, and which elements of it each one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_core.torch_internals import storage_users

if TYPE_CHECKING:
    import torch

__all__ = ["elements_in_storage", "num_storage_users", "storage_key"]


def num_storage_users(tensor: torch.Tensor) -> int:
    """Return how many tensors use the storage of this one, itself included, whether Python can see them or not."""
    return storage_users(tensor)[1]


def storage_key(tensor: torch.Tensor) -> int:
    """Return a number that identifies the storage of a tensor, or 0 for a tensor without a storage of its own."""
    return storage_users(tensor)[0]


def elements_in_storage(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return which elements of its storage a strided tensor consists of, and how it reads them."""
    place = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    return *place, tensor.dtype, tensor.is_conj(), tensor.is_neg()
