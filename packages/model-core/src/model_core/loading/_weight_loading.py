"""Carrying out a planned load: the values of a checkpoint become those of a model's own tensors.

The model keeps its `Parameter` objects; they are given new memory. So ties, `requires_grad`, attributes of parameters,
subclasses and lists that modules keep stay as the constructor made them. Where something else still looks at the memory
of a tensor, such as a view that the constructor kept, the values are copied into it instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from model_core.errors import WeightsFileError
from model_core.loading._module_hooks import extra_states
from model_core.module_tensors import persistent_tensors, replace_tensor

if TYPE_CHECKING:
    from model_core.construction import DeferredConstruction
    from model_core.loading._checkpoint_reading import WeightSource
    from model_core.loading._placement import Placement
    from model_core.loading._weight_matching import LoadPlan
    from model_core.module_tensors import NamedTensors

__all__ = ["fill"]


def fill(
    model: nn.Module,
    named: NamedTensors,
    plan: LoadPlan,
    source: WeightSource,
    *,
    placement: Placement,
    deferred: DeferredConstruction,
) -> None:
    """Give a model the values of a checkpoint.

    Args:
        model: The model, as it was constructed.
        named: Its modules and tensors.
        plan: What goes where.
        source: The checkpoint.
        placement: What dtype and device the values get.
        deferred: What the construction left to be done.

    Raises:
        WeightsFileError: A file cannot be read, or gives several values for what is one tensor in the model.
    """
    tensors = named.persistent
    for stored_name, value in source.read(plan.targets):
        name = plan.targets[stored_name]
        same = [tensors[name]]
        if name in plan.shared:
            same = list({id(alias): alias for alias in map(tensors.__getitem__, plan.shared[name])}.values())
        _place(same, value, placement=placement, deferred=deferred)
    _check_repeats(plan, source)
    for name, other in plan.ties.items():
        _tie(model, name, other)
    for name, other in plan.copies.items():
        _place([tensors[name]], tensors[other].detach().clone(), placement=placement, deferred=deferred)
    deferred.settle()
    keepers = extra_states(named.modules)
    stored = dict(source.read(plan.extra.values()))
    for name, stored_name in plan.extra.items():
        keepers[name].set_extra_state(stored[stored_name])


def _place(
    same: list[torch.Tensor], value: torch.Tensor, *, placement: Placement, deferred: DeferredConstruction
) -> None:
    """Make `value` the value of a tensor, given as all the objects that are the same elements of memory."""
    tensor = same[0]
    dtype, device = placement.dtype_for(tensor, value.dtype), placement.device_for(tensor)
    if nn.parameter.is_lazy(tensor):
        tensor.materialize(tuple(value.shape), device=device, dtype=dtype)
    elif deferred.release(tensor, num_aliases=len(same)):
        copied = _copy_into(tensor, value)
        if copied and (tensor.dtype, tensor.device) == (dtype, device):
            return
    if (value.dtype, value.device) != (dtype, device):
        value = value.to(device=device, dtype=dtype)
    value = _laid_out_like(tensor, value)
    for one in same:
        one.data = value


def _copy_into(tensor: torch.Tensor, value: torch.Tensor) -> bool:
    """Write into the memory of a tensor, which others look at too. False if elements share memory and values differ."""
    target, values = tensor.detach(), value
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if size > 1 and stride == 0:
            target, values = target.narrow(dimension, 0, 1), values.narrow(dimension, 0, 1)
    target.copy_(values)
    return values is value or torch.equal(values.expand_as(value), value)


def _laid_out_like(tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return the value in the order in memory that the constructor chose, such as channels last."""
    if tensor.is_contiguous():
        return value.contiguous()
    if tensor.stride() == value.stride():
        return value
    like = torch.empty_like(tensor, dtype=value.dtype, device=value.device, memory_format=torch.preserve_format)
    return like.detach().copy_(value)


def _check_repeats(plan: LoadPlan, source: WeightSource) -> None:
    """Refuse a checkpoint that holds different values for what is one tensor in the model."""
    if not plan.repeats:
        return
    values = dict(source.read({*plan.repeats, *plan.repeats.values()}))
    for name, other in plan.repeats.items():
        if not _same_bytes(values[name], values[other]):
            raise WeightsFileError(
                f"it holds different values for {name} and {other}, which are one and the same tensor in the model. "
                "Leave one out of the checkpoint; or load two tensors: with tie_word_embeddings=False where "
                "_tied_weights_keys declares the tie, without the constructor's own tie where that makes it",
                file=source.tensors[name].filename or source.name,
            )


def _same_bytes(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Compare exactly, so that NaN equals itself."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return torch.equal(*(tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)))


def _tie(model: nn.Module, name: str, other: str) -> None:
    """Make one tensor of a model another that has been loaded."""
    tensors = persistent_tensors(model)
    if isinstance(tensors[name], nn.Parameter) == isinstance(tensors[other], nn.Parameter):
        replace_tensor(model, name, tensors[other])
    else:  # a parameter and a buffer can only share values
        tensors[name].data = tensors[other].detach()
