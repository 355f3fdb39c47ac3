"""The dtype and device of the tensors of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from config_core.familiar_options import did_you_mean
from model_core.errors import ArgumentError
from model_core.torch_dtypes import floating_dtype, intended_dtype, is_convertible
from model_core.torch_internals import apply_to_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

__all__ = ["Placement", "resolve_device", "resolve_dtype"]


@dataclass(frozen=True, slots=True)
class Placement:
    """What dtype tensors are converted to, and what device they are moved to.

    Attributes:
        dtype: The dtype of floating-point tensors, or None to convert none.
        device: The device of all tensors, or None to move none.
        kept_in_float32: Ids of the model's tensors that are float32 whatever `dtype` is.
    """

    dtype: torch.dtype | None = None
    device: torch.device | None = None
    kept_in_float32: frozenset[int] = frozenset()

    def dtype_for(self, tensor: torch.Tensor, values: torch.dtype) -> torch.dtype:
        """Return the dtype that a tensor of the model gets if its values are of dtype `values`."""
        if self.dtype is None or not is_convertible(values):
            return values
        return torch.float32 if id(tensor) in self.kept_in_float32 else self.dtype

    def device_for(self, tensor: torch.Tensor) -> torch.device:
        """Return the device that a tensor of the model gets."""
        return tensor.device if self.device is None else self.device

    def apply(self, model: nn.Module, *, only: Iterable[torch.Tensor] | None = None) -> None:
        """Convert and move all tensors of a model, or only some of them, as `model.to(...)` does."""
        if self.dtype is None and self.device is None:
            return
        chosen = None if only is None else set(map(id, only))

        def placed(tensor: torch.Tensor) -> torch.Tensor:
            if chosen is not None and id(tensor) not in chosen:
                return tensor
            return tensor.to(device=self.device_for(tensor), dtype=self.dtype_for(tensor, tensor.dtype))

        apply_to_tensors(model, placed)


def resolve_device(device: str | int | torch.device | None) -> torch.device | None:
    """Return a device with its index, found by creating a tensor there.

    Raises:
        ArgumentError: The device is not available, or is the meta device.
    """
    if device is None:
        return None
    try:
        resolved = torch.empty(0, device=device).device
    except (RuntimeError, TypeError, AssertionError) as error:
        expected = f"a device that is available to torch ({str(error).splitlines()[0]})"
        remedy = "Did you mean 'cuda'?" if device in {"auto", "gpu"} else ""
        raise ArgumentError("device", device, expected=expected, remedy=remedy) from error
    if resolved.type == "meta":
        raise ArgumentError("device", device, expected="a device that holds values")
    return resolved


def resolve_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Return the dtype that tensors are to be converted to.

    Args:
        dtype: A floating-point dtype, its name (`"bfloat16"` or `"torch.bfloat16"`), or None or `"auto"` for no
            conversion.

    Raises:
        ArgumentError: It is none of these.
    """
    if dtype is None or dtype == "auto":
        return None
    found = floating_dtype(dtype) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not is_convertible(found):
        expected = "a floating dtype such as torch.bfloat16, its name 'bfloat16', 'auto' or None"
        raise ArgumentError("dtype", dtype, expected=expected, remedy=_remedy_for_dtype(dtype))
    return found


def _remedy_for_dtype(given: object) -> str:
    if intended := intended_dtype(given):
        return f"Did you mean {intended!r}?"
    if isinstance(given, Mapping):
        return (
            "Convert parts after the load, as in model.encoder.to(torch.bfloat16), or keep their dtypes when you save."
        )
    if isinstance(given, (str, torch.dtype)) and re.search(r"int\d|nf4|\dbit", str(given)):
        return "Weights are never quantised by a load."
    return did_you_mean([str(given)], ["float16", "bfloat16", "float32", "float64"])
