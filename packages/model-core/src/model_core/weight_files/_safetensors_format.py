"""The safetensors format: its header, its abbreviations of dtypes, and how our files are aligned in it.

Kernels choose their instructions by how memory is aligned, and another choice rounds otherwise: a model that is mapped
from an unaligned file gives logits that differ in the last bits from those it gave before it was saved. Our files are
therefore laid out so that tensors begin at multiples of 64 bytes, as torch's own memory does, and say so by
`ALIGNMENT_METADATA_KEY` in their metadata.
"""

from __future__ import annotations

import torch

from model_core.torch_dtypes import dtype_name

__all__ = ["ALIGNMENT", "ALIGNMENT_METADATA_KEY", "LENGTH_BYTES", "METADATA_NAME", "stored_dtype", "stored_name"]

ALIGNMENT_METADATA_KEY = "alignment"
# The entry of the header that describes no tensor.
METADATA_NAME = "__metadata__"
# Multiple of bytes at which tensors begin.
ALIGNMENT = 64
# Size of the number, at the beginning of the file, that gives the length of the header.
LENGTH_BYTES = 8

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


def stored_dtype(abbreviation: str) -> torch.dtype | None:
    """Return the dtype that a safetensors header abbreviates, or None if this torch has no such dtype."""
    found = getattr(torch, _STORED.get(abbreviation, ""), None)
    return found if isinstance(found, torch.dtype) else None


def stored_name(dtype: torch.dtype) -> str | None:
    """Return how a safetensors header abbreviates a dtype, or None if the format has no such dtype."""
    return _ABBREVIATIONS.get(dtype_name(dtype))
