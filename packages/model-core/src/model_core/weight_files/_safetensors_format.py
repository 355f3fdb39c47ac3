"""The safetensors format: parts of its header, its names of dtypes, and how our files align their tensors.

CPU kernels choose instructions by the alignment of memory, and different instructions round differently: logits of a
model that is mapped from an unaligned file can differ in the last bits from those before the save. Our files are
therefore laid out so that tensors begin at multiples of 64 bytes, as in torch's own memory. `ALIGNMENT_KEY`
in the metadata marks them.
"""

from __future__ import annotations

import torch

from model_core.torch_dtypes import dtype_name

__all__ = [
    "ALIGNMENT",
    "ALIGNMENT_KEY",
    "LENGTH_BYTES",
    "METADATA_NAME",
    "from_safetensors_dtype",
    "to_safetensors_dtype",
]

# The header entry that is not a tensor.
METADATA_NAME = "__metadata__"
# Size of the number at the beginning of a file that gives the length of the header.
LENGTH_BYTES = 8
# Tensors begin at multiples of this many bytes in files whose metadata has the key.
ALIGNMENT = 64
ALIGNMENT_KEY = "alignment"

_DTYPE_NAMES = {
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
_SAFETENSORS_NAMES = {name: safetensors_name for safetensors_name, name in _DTYPE_NAMES.items()}


def from_safetensors_dtype(name: str) -> torch.dtype | None:
    """Return the dtype of this name in a safetensors header, or None if this version of torch does not have it."""
    found = getattr(torch, _DTYPE_NAMES.get(name, ""), None)
    return found if isinstance(found, torch.dtype) else None


def to_safetensors_dtype(dtype: torch.dtype) -> str | None:
    """Return the name of a dtype in a safetensors header, or None if the format does not have it."""
    return _SAFETENSORS_NAMES.get(dtype_name(dtype))
