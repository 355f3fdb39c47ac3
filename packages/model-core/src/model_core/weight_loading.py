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
from model_core.module_tensors import persistent_tensors, replace_tensor

if TYPE_CHECKING:
    from model_core.checkpoint_reading import WeightSource
    from model_core.deferred_construction import DeferredConstruction
    from model_core.weight_matching import LoadPlan

__all__ = ["fill", "place_rest"]


def fill(
    model: nn.Module,
    plan: LoadPlan,
    source: WeightSource,
    *,
    dtype: torch.dtype | None,
    device: torch.device | None,
    deferred: DeferredConstruction,
    kept_in_float32: frozenset[int] = frozenset(),
) -> None:
    """Give a model the values of a checkpoint.

    Args:
        model: The model, as it was constructed.
        plan: What goes where.
        source: The checkpoint.
        dtype: What floating tensors are converted to, or None for the checkpoint's own.
        device: Where tensors go, or None for where the constructor put each.
        deferred: What the construction left to be done.
        kept_in_float32: Ids of tensors that are not converted to a shorter dtype.

    Raises:
        WeightsFileError: A file cannot be read, or gives several values for what is one tensor in the model.
    """
    tensors = persistent_tensors(model)
    for stored_name, value in source.read(plan.targets):
        names = plan.shared[plan.targets[stored_name]]
        same = list({id(tensors[name]): tensors[name] for name in names}.values())
        to_dtype = torch.float32 if dtype is not None and id(same[0]) in kept_in_float32 else dtype
        _place(same, value, dtype=to_dtype, device=device, deferred=deferred)
    _check_repeats(plan, source)
    for name, other in plan.ties.items():
        _tie(model, name, other)


def place_rest(
    model: nn.Module,
    *,
    dtype: torch.dtype | None,
    device: torch.device | None,
    kept_in_float32: frozenset[int] = frozenset(),
) -> None:
    """Convert and move what no checkpoint supplied, as `model.to(device, dtype)` does."""
    if dtype is None and device is None:
        return

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        to_dtype = dtype if tensor.is_floating_point() else None
        return tensor.to(device=device, dtype=torch.float32 if to_dtype and id(tensor) in kept_in_float32 else to_dtype)

    model._apply(moved)  # noqa: SLF001 - what `Module.to` itself calls; some modules extend it


def _place(
    same: list[torch.Tensor],
    value: torch.Tensor,
    *,
    dtype: torch.dtype | None,
    device: torch.device | None,
    deferred: DeferredConstruction,
) -> None:
    """Make `value` the value of a tensor, given as the objects that are the same elements of memory."""
    tensor = same[0]
    dtype = dtype if dtype is not None and value.is_floating_point() else value.dtype
    if isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer)):
        tensor.materialize(tuple(value.shape), device=device, dtype=dtype)
    device = tensor.device if device is None else device
    if (
        deferred.num_other_users(tensor) > len(same) - 1
        and (tensor.dtype, tensor.device) == (dtype, torch.empty(0, device=device).device)
        and not torch._debug_has_internal_overlap(tensor)  # noqa: SLF001
    ):
        deferred.forget(tensor)
        with torch.no_grad():
            tensor.copy_(value)
        return
    value = _laid_out_like(tensor, value.to(device=device, dtype=dtype))
    for one in same:
        one.data = value


def _laid_out_like(tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return the value in the order in memory that the constructor chose, such as channels last."""
    if tensor.is_contiguous() or tensor.stride() == value.stride():
        return value
    like = torch.empty_like(tensor, dtype=value.dtype, device=value.device, memory_format=torch.preserve_format)
    return like.detach().copy_(value)


def _check_repeats(plan: LoadPlan, source: WeightSource) -> None:
    """Refuse a checkpoint that holds different values for what is one tensor in the model."""
    if not plan.repeats:
        return
    values = dict(source.read({*plan.repeats, *plan.repeats.values()}))
    for name, other in plan.repeats.items():
        one, two = values[name], values[other]
        if one.dtype is not two.dtype or not torch.equal(one.nan_to_num(), two.nan_to_num()):
            raise WeightsFileError(
                f"it holds different values for {name} and {other}, which are one and the same tensor in the model. Change "
                "the model's constructor not to tie them, or leave one out of the checkpoint",
                file=source.tensors[name].filename or source.name,
            )


def _tie(model: nn.Module, name: str, other: str) -> None:
    tensors = persistent_tensors(model)
    if isinstance(tensors[name], nn.Parameter) == isinstance(tensors[other], nn.Parameter):
        replace_tensor(model, name, tensors[other])
    else:
        with torch.no_grad():
            tensors[name].copy_(tensors[other])
