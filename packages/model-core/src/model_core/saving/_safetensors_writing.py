"""Writing a safetensors file whose tensors are aligned, so that loading needs no copy and computes the same bits.

The format allows no gaps between tensors. Those whose size is not a multiple of the alignment therefore come last, and
the few that are not aligned are copied when they are read. In everything else the file is as other libraries write it.
"""

from __future__ import annotations

import ctypes
import json
import mmap
from typing import TYPE_CHECKING

import torch

from model_core.weight_files import ALIGNMENT, ALIGNMENT_KEY, LENGTH_BYTES, METADATA_NAME, to_safetensors_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["write_safetensors"]


def write_safetensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a file, replacing an existing one.

    Args:
        path: The file.
        tensors: Strided tensors by name, in any memory format, on any device that holds values.
        metadata: Metadata for the header. The alignment is added.

    Raises:
        OSError: The disk is full, or the file is not writable.
    """
    ordered = sorted(tensors, key=lambda name: _position(tensors[name].nbytes))
    header = _header(ordered, tensors, {**metadata, ALIGNMENT_KEY: str(ALIGNMENT)})
    with path.open("wb") as file:
        file.write(len(header).to_bytes(LENGTH_BYTES, "little"))
        file.write(header)
        scratch = _scratch(tensors.values())
        for name in ordered:
            values = tensors[name].detach()
            if not _is_as_stored(values):
                values = scratch[: values.nbytes].view(values.dtype).view(values.shape).copy_(values)
            if size := values.nbytes:
                file.write((ctypes.c_ubyte * size).from_address(values.data_ptr()))


def _is_as_stored(tensor: torch.Tensor) -> bool:
    """Return whether the memory of a tensor is byte for byte what the file holds."""
    return tensor.is_cpu and tensor.is_contiguous() and not tensor.is_conj() and not tensor.is_neg()


def _scratch(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return memory for one copy at a time. It is mapped, because malloc keeps some of what was freed."""
    size = max((tensor.nbytes for tensor in tensors if not _is_as_stored(tensor)), default=0)
    return torch.frombuffer(mmap.mmap(-1, max(size, 1)), dtype=torch.uint8)


def _position(size: int) -> tuple[bool, int]:
    """Return a sort key: multiples of the alignment first; then by decreasing size, so that the largest is aligned."""
    is_uneven = size % ALIGNMENT != 0
    return is_uneven, -size if is_uneven else 0


def _header(ordered: list[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return the header, padded with spaces so that the values after it begin aligned."""
    entries: dict[str, object] = {METADATA_NAME: dict(metadata)}
    begin = 0
    for name in ordered:
        tensor = tensors[name]
        end = begin + tensor.nbytes
        dtype, shape = to_safetensors_dtype(tensor.dtype), list(tensor.shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    return text + b" " * (-(LENGTH_BYTES + len(text)) % ALIGNMENT)
