"""Dtypes and their names: as users write them, as configs hold them, as safetensors abbreviates them."""

from __future__ import annotations

import torch

from model_core.errors import ArgumentError

__all__ = ["dtype_name", "named_floating", "resolve_dtype", "stored_dtype", "stored_name"]

# The abbreviations in the header of a safetensors file.
_STORED = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "C64": "complex64",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
}
_ABBREVIATIONS = {name: abbreviation for abbreviation, name in _STORED.items()}


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name that configs hold: `"bfloat16"`."""
    return str(dtype).removeprefix("torch.")


def named_floating(name: str | None) -> torch.dtype | None:
    """Return the floating dtype that a config names, or None if it names none."""
    found = getattr(torch, (name or "").removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) and found.is_floating_point else None


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


def stored_dtype(abbreviation: str) -> torch.dtype | None:
    """Return the dtype that a safetensors header abbreviates, or None if this torch has no such dtype."""
    found = getattr(torch, _STORED.get(abbreviation, ""), None)
    return found if isinstance(found, torch.dtype) else None


def stored_name(dtype: torch.dtype) -> str | None:
    """Return how a safetensors header abbreviates a dtype, or None if the format has no such dtype."""
    return _ABBREVIATIONS.get(dtype_name(dtype))
