"""The named tensors of a model, and which names stand for the same tensor.

Names are those of the modules that the author wrote: what `torch.compile` and data-parallel wrappers inside a model add
to names is left out, so that they are the same with and without these wrappers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from model_core.tensor_memory import elements_in_storage, storage_key
from model_core.torch_internals import (
    CHECKPOINTED_CHILD,
    child_modules,
    module_buffers,
    module_parameters,
    non_persistent_buffer_names,
    without_function_modes,
    wrapped_child,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

__all__ = [
    "NamedTensors",
    "TensorLayout",
    "all_tensors",
    "group_shared",
    "layout_of",
    "named_tensors",
    "persistent_tensors",
    "replace_tensor",
    "shape_of",
    "walk_modules",
    "without_wrappers",
    "wrapper_prefixes",
]


@dataclass(frozen=True, slots=True)
class NamedTensors:
    """The modules and tensors of a model. A module or tensor with several names appears under each of them.

    Attributes:
        modules: Prefix of the names in each module (`""` for the model itself, then `"layer."`), and the module.
        persistent: Parameters and persistent buffers by name, in the order of `state_dict`.
        non_persistent: Non-persistent buffers by name.
    """

    modules: list[tuple[str, nn.Module]]
    persistent: dict[str, torch.Tensor]
    non_persistent: dict[str, torch.Tensor]

    def all(self) -> dict[str, torch.Tensor]:
        """Return all parameters and buffers by name."""
        return self.persistent | self.non_persistent


class TensorLayout(NamedTuple):
    """What a load expects of the tensors of a model.

    Attributes:
        shapes: The shapes of parameters and persistent buffers by name, as `shape_of` gives them.
        ties: The names of each tensor that has several.
    """

    shapes: Mapping[str, tuple[int, ...] | None]
    ties: Sequence[Sequence[str]]


def named_tensors(module: nn.Module) -> NamedTensors:
    """Return the modules and tensors of a model."""
    modules = walk_modules(module)
    persistent: dict[str, torch.Tensor] = {}
    non_persistent: dict[str, torch.Tensor] = {}
    for prefix, owner in modules:
        for name, parameter in module_parameters(owner).items():
            if parameter is not None:
                persistent[prefix + name] = parameter
        for name, buffer in module_buffers(owner).items():
            if buffer is not None:
                kind = non_persistent if name in non_persistent_buffer_names(owner) else persistent
                kind[prefix + name] = buffer
    return NamedTensors(modules, persistent, non_persistent)


def walk_modules(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return each module in a model with its prefix, in the order of `state_dict`, shared modules at each place."""
    found: list[tuple[str, nn.Module]] = []
    _walk("", module, found)
    return found


def wrapper_prefixes(module: nn.Module, modules: Sequence[tuple[str, nn.Module]] | None = None) -> dict[str, str]:
    """Return the beginnings of names in `state_dict` that are due to wrappers, and what they are without them.

    Deeper ones come first: `{"layer._orig_mod.": "layer."}`.

    Args:
        module: The module.
        modules: The modules in it with their prefixes, if they are known.
    """
    modules = walk_modules(module) if modules is None else modules
    if not any(map(wrapped_child, {type(inner): inner for _, inner in modules}.values())):  # one of each class
        return {}
    found: dict[str, str] = {}
    _collect_wrappers("", "", module, found)
    return dict(sorted(found.items(), key=lambda entry: -len(entry[0])))


def without_wrappers(name: str, prefixes: Mapping[str, str]) -> str:
    """Return a name without what wrappers add to it, given the result of `wrapper_prefixes`."""
    for prefix, replacement in prefixes.items():
        if name.startswith(prefix):
            return replacement + name.removeprefix(prefix)
    return name


def persistent_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return parameters and persistent buffers by name. A tensor with several names appears under each of them."""
    return named_tensors(module).persistent


def layout_of(module: nn.Module) -> TensorLayout:
    """Return the layout of the tensors of a model."""
    tensors = persistent_tensors(module)
    shapes = without_function_modes(lambda: {name: shape_of(tensor) for name, tensor in tensors.items()})
    return TensorLayout(shapes, group_shared(tensors))


def all_tensors(module: nn.Module) -> list[torch.Tensor]:
    """Return every parameter and every buffer once, including non-persistent buffers."""
    return list({id(tensor): tensor for tensor in named_tensors(module).all().values()}.values())


def shape_of(tensor: torch.Tensor) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or None for a lazy parameter, which has no shape yet, and a nested tensor."""
    return None if nn.parameter.is_lazy(tensor) or tensor.is_nested else tuple(tensor.shape)


def _region(tensor: torch.Tensor) -> Hashable:
    """Return a value that is equal for tensors that are the same elements of the same memory."""
    if nn.parameter.is_lazy(tensor) or tensor.layout is not torch.strided or tensor.numel() == 0:
        return id(tensor)
    return storage_key(tensor) or id(tensor), *elements_in_storage(tensor)


def group_shared(tensors: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Return the names of each tensor that has several, where the same elements of memory count as one tensor.

    Names are in the order of `tensors`. Most tensors have one name, and no list is made for those.
    """
    return without_function_modes(lambda: _group_shared(tensors))


def _group_shared(tensors: Mapping[str, torch.Tensor]) -> list[list[str]]:
    addresses = [_address(tensor) for tensor in tensors.values()]
    if len(set(addresses)) == len(addresses):
        return []  # by far the fastest answer
    uses = Counter(addresses)
    by_region: dict[Hashable, list[str]] = {}
    for name, address in zip(tensors, addresses, strict=True):
        if uses[address] > 1:
            by_region.setdefault(_region(tensors[name]), []).append(name)
    return [names for names in by_region.values() if len(names) > 1]


def replace_tensor(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Assign another tensor in place of the parameter or buffer of this name."""
    path, dot, local = name.rpartition(".")
    # A wrapper and the module in it have the same prefix, and only one of them has the tensor.
    owner = next(
        owner
        for prefix, owner in walk_modules(module)
        if prefix == path + dot and (local in module_parameters(owner) or local in module_buffers(owner))
    )
    # By setattr: modules such as nn.LSTM keep lists of their parameters, which their `__setattr__` updates.
    setattr(owner, local, tensor)


def _walk(prefix: str, module: nn.Module, found: list[tuple[str, nn.Module]]) -> None:
    found.append((prefix, module))
    children = child_modules(module)
    wrapped = wrapped_child(module) if children else None  # most modules have none
    for name, child in children.items():
        if child is not None:
            _walk(prefix if name == wrapped else f"{prefix}{name}.", child, found)


def _collect_wrappers(full: str, prefix: str, module: nn.Module, found: dict[str, str]) -> None:
    wrapped = wrapped_child(module)
    for name, child in child_modules(module).items():
        if child is None:
            continue
        if name == CHECKPOINTED_CHILD:  # no part of the names in a state dict
            _collect_wrappers(full, prefix, child, found)
            continue
        inner_full, inner = f"{full}{name}.", prefix if name == wrapped else f"{prefix}{name}."
        if name == wrapped:
            found[inner_full] = inner
        _collect_wrappers(inner_full, inner, child, found)


def _address(tensor: torch.Tensor) -> Hashable:
    """Return a value that is equal for tensors that begin at the same place in memory, at a fifth of the cost."""
    try:
        return tensor.data_ptr()  # 0 if there is no memory
    except (RuntimeError, NotImplementedError, ValueError):  # a lazy parameter, or a wrapper around other tensors
        return id(tensor)
