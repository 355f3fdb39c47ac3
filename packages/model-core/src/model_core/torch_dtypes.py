"""Floating-point dtypes by name, as users and configs write them."""

from __future__ import annotations

import functools

import torch

__all__ = ["dtype_name", "floating_dtype", "is_convertible"]


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype as configs hold it: `"bfloat16"`."""
    return str(dtype).removeprefix("torch.")


def floating_dtype(name: str | None) -> torch.dtype | None:
    """Return the floating-point dtype of this name, or None if there is none that torch converts."""
    found = getattr(torch, (name or "").removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and is_convertible(found) else None


@functools.cache
def is_convertible(dtype: torch.dtype) -> bool:
    """Return whether torch converts a dtype to other floating-point dtypes and back. Packed ones are only storage."""
    if not dtype.is_floating_point:
        return False
    try:
        torch.zeros(1, device="cpu").to(dtype).to(torch.float32)
    except (RuntimeError, NotImplementedError, TypeError):
        return False
    return True
