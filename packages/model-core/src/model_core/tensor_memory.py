"""The memory of tensors: what identifies their storage, how many use it, which elements are theirs, what is in them."""

from __future__ import annotations

from typing import Any

import torch

from model_core.torch_internals import storage_users, without_function_modes

__all__ = ["WITHOUT_VALUES", "elements_in_storage", "equal_bytes", "has_values", "num_storage_users", "storage_key"]

_PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})
# On other devices, a tensor with values may have no address.
_DEVICES_WITH_ADDRESSES = frozenset({"cpu", "cuda"})

WITHOUT_VALUES = "without values: on the meta device, a wrapper around other tensors, or with its memory released"
"""What a tensor is that `has_values` refuses, in words."""


def num_storage_users(tensor: torch.Tensor) -> int:
    """Return how many tensors use the storage of this one, itself included, whether Python can see them or not."""
    return storage_users(tensor)[1]


def storage_key(tensor: torch.Tensor) -> int:
    """Return a number that identifies the storage of a tensor, or 0 for a tensor without a storage of its own."""
    return storage_users(tensor)[0]


def has_values(tensor: torch.Tensor) -> bool:
    """Return whether a strided tensor has memory. Reading one that has none would end the process."""
    return without_function_modes(lambda: _has_values(tensor))


def _has_values(tensor: torch.Tensor) -> bool:
    try:
        if type(tensor) in _PLAIN and not tensor.storage_offset() and tensor.data_ptr():
            return True  # nearly all, at a fifth of the cost
        storage = tensor.untyped_storage()
        if storage.device.type not in _DEVICES_WITH_ADDRESSES:
            return storage.device.type != "meta"
        return not tensor.nbytes or storage.data_ptr() != 0
    except (NotImplementedError, RuntimeError):  # a wrapper around other tensors
        return False


def elements_in_storage(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return which elements of its storage a strided tensor consists of, and how it reads them."""
    place = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    return *place, tensor.dtype, tensor.is_conj(), tensor.is_neg()


def equal_bytes(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors are equal byte by byte, so that NaN equals itself."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    if one.is_quantized:  # to read its bytes would end the process
        return torch.equal(one.detach().cpu(), other.detach().cpu())
    plain = [tensor.detach().cpu().resolve_conj().resolve_neg().contiguous() for tensor in (one, other)]
    return torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in plain))
