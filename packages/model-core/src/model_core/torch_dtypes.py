"""Dtypes and their names: as users write them and as configs hold them."""

from __future__ import annotations

import torch

__all__ = ["dtype_name", "named_floating"]


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name that configs hold: `"bfloat16"`."""
    return str(dtype).removeprefix("torch.")


def named_floating(name: str | None) -> torch.dtype | None:
    """Return the floating dtype that a config names, or None if it names none."""
    found = getattr(torch, (name or "").removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and found.is_floating_point else None
