"""What dtype and device the tensors of a model get."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from model_core.errors import ArgumentError
from model_core.torch_dtypes import named_floating
from model_core.torch_internals import apply_to_tensors

__all__ = ["Placement", "resolve_device", "resolve_dtype"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where tensors go, and what they are converted to.

    Attributes:
        dtype: What floating tensors are converted to, or None to leave each as it comes.
        device: Where tensors go, or None to leave each where the constructor put it.
        kept_in_float32: Ids of tensors of the model that are float32 whatever `dtype` is.
    """

    dtype: torch.dtype | None = None
    device: torch.device | None = None
    kept_in_float32: frozenset[int] = frozenset()

    def dtype_for(self, tensor: torch.Tensor, values: torch.dtype) -> torch.dtype:
        """Return the dtype of a tensor of the model once it has values of the given dtype."""
        if self.dtype is None or not values.is_floating_point:
            return values
        return torch.float32 if id(tensor) in self.kept_in_float32 else self.dtype

    def device_for(self, tensor: torch.Tensor) -> torch.device:
        """Return the device of a tensor of the model."""
        return tensor.device if self.device is None else self.device

    def apply(self, model: nn.Module) -> None:
        """Convert and move all tensors of a model that are not yet as they shall be, as `model.to(...)` does."""
        if self.dtype is None and self.device is None:
            return

        def placed(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.to(device=self.device_for(tensor), dtype=self.dtype_for(tensor, tensor.dtype))

        apply_to_tensors(model, placed)


def resolve_device(device: str | int | torch.device | None) -> torch.device | None:
    """Return the device that a load was asked for, with its number, found out by using it.

    Raises:
        ArgumentError: This torch cannot use it.
    """
    if device is None:
        return None
    try:
        resolved = torch.empty(0, device=device).device
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ArgumentError("device", device, allowed=f"a device that this torch can use ({error})") from error
    if resolved.type == "meta":
        raise ArgumentError("device", device, allowed="a device that holds values, which weights are loaded for")
    return resolved


def resolve_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Return the floating dtype that a load or construction was asked for.

    Args:
        dtype: A floating dtype, its name (`"bfloat16"` or `"torch.bfloat16"`), or None or `"auto"` for no conversion.

    Raises:
        ArgumentError: It is none of these.
    """
    if dtype is None or dtype == "auto":
        return None
    found = named_floating(dtype) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ArgumentError(
            "dtype", dtype, allowed="a floating dtype such as torch.bfloat16, its name 'bfloat16', 'auto' or None"
        )
    return found
