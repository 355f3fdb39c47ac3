"""Carrying out a planned load: assigning the values of a checkpoint to the tensors of a model.

The model keeps its `Parameter` objects; they get new memory. So ties, `requires_grad`, attributes of parameters,
subclasses, and lists of parameters in modules stay as the constructor made them. If something else uses the memory of a
tensor, such as a view that the constructor kept, values are copied into that memory instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from model_core.errors import WeightsFileError
from model_core.loading._module_hooks import extra_states
from model_core.tensor_memory import equal_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from model_core.construction import DeferredConstruction
    from model_core.loading._load_plan import LoadPlan
    from model_core.loading._placement import Placement
    from model_core.loading._weight_sources import WeightSource
    from model_core.module_tensors import NamedTensors

__all__ = ["assign_weights"]


def assign_weights(
    named: NamedTensors,
    plan: LoadPlan,
    source: WeightSource,
    *,
    placement: Placement,
    deferred: DeferredConstruction,
) -> None:
    """Give a model the values of a checkpoint.

    Args:
        named: The modules and tensors of the model, as it was constructed.
        plan: What goes where.
        source: The checkpoint.
        placement: The dtype and device of the values.
        deferred: The initialisation that construction has left out so far.

    Raises:
        WeightsFileError: A file cannot be read, or holds different values for one tensor of the model.
    """
    tensors = named.persistent
    for stored_name, value in source.read(plan.targets):
        name = plan.targets[stored_name]
        aliases = [tensors[name]]
        if name in plan.shared:
            aliases = list({id(alias): alias for alias in map(tensors.__getitem__, plan.shared[name])}.values())
        _assign(aliases, value, placement=placement, deferred=deferred)
    _check_repeats(plan, source)
    for name, value in _values_to_copy(plan, source):
        _assign([tensors[name]], value.clone(), placement=placement, deferred=deferred)
    deferred.finish()
    _set_extra_state(named, plan, source)


def _assign(
    aliases: list[torch.Tensor], value: torch.Tensor, *, placement: Placement, deferred: DeferredConstruction
) -> None:
    """Assign a value to a tensor, given as all tensor objects that are the same elements of memory."""
    tensor = aliases[0]
    dtype, device = placement.dtype_for(tensor, value.dtype), placement.device_for(tensor)
    if nn.parameter.is_lazy(tensor):
        tensor.materialize(tuple(value.shape), device=device, dtype=dtype)
    elif deferred.release(tensor, num_aliases=len(aliases)):
        copied = _copy_into(tensor, value)
        if copied and (tensor.dtype, tensor.device) == (dtype, device):
            return
    if value.dtype is not dtype or value.device != device:
        value = value.to(device=device, dtype=dtype)
    value = _with_memory_format_of(tensor, value)
    for alias in aliases:
        alias.data = value


def _copy_into(tensor: torch.Tensor, value: torch.Tensor) -> bool:
    """Copy a value into the memory of a tensor. False if elements that share memory would need different values."""
    target, values = tensor.detach(), value
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if size > 1 and stride == 0:
            target, values = target.narrow(dimension, 0, 1), values.narrow(dimension, 0, 1)
    target.copy_(values)
    return values is value or torch.equal(values.expand_as(value), value)


def _with_memory_format_of(tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return a value in the memory format that the constructor chose, such as channels last."""
    if tensor.is_contiguous():
        return value.contiguous()
    if tensor.stride() == value.stride():
        return value
    like = torch.empty_like(tensor, dtype=value.dtype, device=value.device, memory_format=torch.preserve_format)
    return like.detach().copy_(value)


def _check_repeats(plan: LoadPlan, source: WeightSource) -> None:
    """Check that tensors of the checkpoint which are one tensor in the model have equal values."""
    if not plan.repeats:
        return
    values = dict(source.read({*plan.repeats, *plan.repeats.values()}))
    for name, other in plan.repeats.items():
        if not equal_bytes(values[name], values[other]):
            raise WeightsFileError(
                f"it holds different values for {name} and {other}, which are one tensor in the model. Remove one of "
                "them from the checkpoint. Or load two tensors: pass tie_word_embeddings=False if _tied_weights_keys "
                "declares the tie, or change the constructor or tie_weights() if that makes it",
                file=source.tensors[name].filename or source.name,
            )


def _values_to_copy(plan: LoadPlan, source: WeightSource) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of the model that get values which the checkpoint has under another name, and these."""
    if not plan.copies:
        return
    stored = {name: stored_name for stored_name, name in plan.targets.items()}
    stored |= {alias: stored[name] for name, aliases in plan.shared.items() for alias in aliases}
    for name, other in plan.copies.items():
        for _, value in source.read([stored[other]]):
            yield name, value


def _set_extra_state(named: NamedTensors, plan: LoadPlan, source: WeightSource) -> None:
    if not plan.extra:
        return
    modules = extra_states(named.modules)
    stored = dict(source.read(plan.extra.values()))
    for name, stored_name in plan.extra.items():
        modules[name].set_extra_state(stored[stored_name])
