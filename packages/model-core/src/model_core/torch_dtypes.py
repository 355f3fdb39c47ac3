"""Floating-point dtypes by name, as users and configs write them."""

from __future__ import annotations

import functools
import re

import torch

__all__ = ["dtype_name", "floating_dtype", "intended_dtype", "is_convertible"]

_ABBREVIATION = re.compile(r"(?:torch\.)?(b?)(?:float|fp|f)?_?(16|32|64)(?:-\w+)?")


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype as configs hold it: `"bfloat16"`."""
    return str(dtype).removeprefix("torch.")


def floating_dtype(name: str | None) -> torch.dtype | None:
    """Return the floating-point dtype of this name, or None if there is none that torch converts."""
    found = getattr(torch, (name or "").removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and is_convertible(found) else None


def intended_dtype(given: object) -> str:
    """Return the name of the floating-point dtype that something else is written for, such as `"fp16"`, or `""`."""
    match = _ABBREVIATION.fullmatch(str(getattr(given, "__name__", given)).strip().lower())
    name = f"{match[1]}float{match[2]}" if match else ""
    return name if floating_dtype(name) else ""


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
