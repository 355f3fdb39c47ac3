"""Floating-point dtypes by name, as users and configs write them."""

from __future__ import annotations

import torch

__all__ = ["dtype_name", "floating_dtype"]


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype as configs hold it: `"bfloat16"`."""
    return str(dtype).removeprefix("torch.")


def floating_dtype(name: str | None) -> torch.dtype | None:
    """Return the floating-point dtype of this name, or None if there is no such dtype."""
    found = getattr(torch, (name or "").removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and found.is_floating_point else None
