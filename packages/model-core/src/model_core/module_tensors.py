"""The named tensors of a module: which there are, and which of them are one and the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

__all__ = ["all_tensors", "group_shared", "persistent_tensors", "replace_tensor", "shape_of", "shared_region"]


def persistent_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters and the persistent buffers by name; one that has several names stands under each."""
    return {name: tensor for name, tensor, persistent in _named_tensors(module) if persistent}


def all_tensors(module: nn.Module) -> list[torch.Tensor]:
    """Return each parameter and each buffer once, those that are not persistent included."""
    return list({id(tensor): tensor for _, tensor, _ in _named_tensors(module)}.values())


def shape_of(tensor: torch.Tensor) -> tuple[int, ...] | None:
    """Return the shape of a tensor; None for a lazy parameter, which has none yet."""
    return None if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)


def shared_region(tensor: torch.Tensor) -> Hashable:
    """Return what two tensors have in common that are the same elements of the same memory."""
    if nn.parameter.is_lazy(tensor) or tensor.layout is not torch.strided or tensor.numel() == 0:
        return id(tensor)
    try:
        storage = tensor.untyped_storage()._cdata  # noqa: SLF001
    except (NotImplementedError, RuntimeError):  # a wrapper around other tensors
        return id(tensor)
    return (storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype)


def group_shared(tensors: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Return the names in groups, in order: names of the same tensor, or of the same elements of memory, together."""
    groups: dict[Hashable, list[str]] = {}
    for name, tensor in tensors.items():
        groups.setdefault(shared_region(tensor), []).append(name)
    return list(groups.values())


def replace_tensor(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Put another tensor in the place of the parameter or buffer of this name."""
    path, _, local = name.rpartition(".")
    owner = module.get_submodule(path)
    # Not into `_parameters`: modules such as nn.LSTM keep lists of their own, which their `__setattr__` renews.
    setattr(owner, local, tensor)


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor, bool]]:
    """Yield `(name, tensor, whether it is saved)` in the order of `state_dict`."""
    for path, owner in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        parameters: Iterable[tuple[str, torch.Tensor | None]] = owner._parameters.items()  # noqa: SLF001
        for name, tensor in parameters:
            if tensor is not None:
                yield prefix + name, tensor, True
        for name, tensor in owner._buffers.items():  # noqa: SLF001
            if tensor is not None:
                yield prefix + name, tensor, name not in owner._non_persistent_buffers_set  # noqa: SLF001
