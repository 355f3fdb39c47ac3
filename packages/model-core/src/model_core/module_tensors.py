"""The named tensors of a module: which there are, and which of them are one and the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from model_core.tensor_memory import elements_in_storage, storage_key
from model_core.torch_internals import child_modules, module_buffers, module_parameters, non_persistent_buffer_names

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = [
    "NamedTensors",
    "all_tensors",
    "group_shared",
    "named_tensors",
    "persistent_tensors",
    "replace_tensor",
    "shape_of",
    "walk_modules",
]


@dataclass(frozen=True, slots=True)
class NamedTensors:
    """The modules and tensors of a model, found in one walk; what has several names stands under each.

    Attributes:
        modules: Path of each module, with a dot at its end unless it is the model itself, and the module.
        persistent: The parameters and the buffers that are saved, by name, in the order of `state_dict`.
        others: The buffers that are not saved, by name.
    """

    modules: list[tuple[str, nn.Module]]
    persistent: dict[str, torch.Tensor]
    others: dict[str, torch.Tensor]

    def everything(self) -> dict[str, torch.Tensor]:
        """Return all parameters and buffers by name."""
        return self.persistent | self.others


def named_tensors(module: nn.Module) -> NamedTensors:
    """Find the modules and tensors of a model."""
    modules = walk_modules(module)
    persistent: dict[str, torch.Tensor] = {}
    others: dict[str, torch.Tensor] = {}
    for path, owner in modules:
        for name, parameter in module_parameters(owner).items():
            if parameter is not None:
                persistent[path + name] = parameter
        for name, buffer in module_buffers(owner).items():
            if buffer is None:
                continue
            if name in non_persistent_buffer_names(owner):
                others[path + name] = buffer
            else:
                persistent[path + name] = buffer
    return NamedTensors(modules, persistent, others)


def walk_modules(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return path and module for a module and all in it, in the order of `state_dict`, shared ones at each place."""
    found: list[tuple[str, nn.Module]] = []
    _walk("", module, found)
    return found


def persistent_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters and the persistent buffers by name; one that has several names stands under each."""
    return named_tensors(module).persistent


def all_tensors(module: nn.Module) -> list[torch.Tensor]:
    """Return each parameter and each buffer once, those that are not persistent included."""
    return list({id(tensor): tensor for tensor in named_tensors(module).everything().values()}.values())


def shape_of(tensor: torch.Tensor) -> tuple[int, ...] | None:
    """Return the shape of a tensor; None for a lazy parameter, which has none yet."""
    return None if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)


def _region(tensor: torch.Tensor) -> Hashable:
    """Return what two tensors have in common that are the same elements of the same memory."""
    if nn.parameter.is_lazy(tensor) or tensor.layout is not torch.strided or tensor.numel() == 0:
        return id(tensor)
    return _memory(tensor), *elements_in_storage(tensor)


def group_shared(tensors: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Return the names of what has several: of the same tensor, or of the same elements of memory, together, in order.

    Most tensors have one name, and no list is made for those.
    """
    first: dict[Hashable, str] = {}
    by_memory: dict[Hashable, list[str]] = {}
    for name, tensor in tensors.items():
        memory = _memory(tensor)
        other = first.setdefault(memory, name)
        if other is not name:
            by_memory.setdefault(memory, [other]).append(name)
    by_region: dict[Hashable, list[str]] = {}
    for names in by_memory.values():
        for name in names:
            by_region.setdefault(_region(tensors[name]), []).append(name)
    return [names for names in by_region.values() if len(names) > 1]


def replace_tensor(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Put another tensor in the place of the parameter or buffer of this name."""
    path, _, local = name.rpartition(".")
    owner = module.get_submodule(path)
    # Not into `_parameters`: modules such as nn.LSTM keep lists of their own, which their `__setattr__` renews.
    setattr(owner, local, tensor)


def _walk(path: str, module: nn.Module, found: list[tuple[str, nn.Module]]) -> None:
    found.append((path, module))
    for name, child in child_modules(module).items():
        if child is not None:
            _walk(f"{path}{name}.", child, found)


def _memory(tensor: torch.Tensor) -> Hashable:
    """Return what identifies the memory that a tensor lies in, or the tensor itself if it has none of its own."""
    if nn.parameter.is_lazy(tensor):
        return id(tensor)
    return storage_key(tensor) or id(tensor)
