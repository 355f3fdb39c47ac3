"""One safetensors file, written so that loading needs no copy and computes the same bits.

Kernels choose their instructions by how memory is aligned, and another choice rounds otherwise: a model that is mapped
from an unaligned file gives logits that differ in the last bits from those it gave before it was saved. Files are
therefore laid out so that tensors begin at multiples of 64 bytes, as torch's own memory does. The format allows no
gaps, so tensors of other sizes come last; a reader copies those few that are not aligned. That a file is laid out so
is said by `ALIGNMENT_METADATA_KEY` in its metadata. Everything else is the format as all others write it.
"""

from __future__ import annotations

import ctypes
import json
import mmap
from typing import TYPE_CHECKING

import torch

from model_core.weight_files import ALIGNMENT, ALIGNMENT_METADATA_KEY, LENGTH_BYTES, METADATA_NAME, stored_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["write_safetensors"]


def write_safetensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a file.

    Args:
        path: The file, which is replaced.
        tensors: Strided tensors by name, in any memory order, on any device that holds values.
        metadata: What the header says besides; the alignment is added.

    Raises:
        OSError: The disk is full, or the file cannot be written.
    """
    ordered = sorted(tensors, key=lambda name: _position(tensors[name].nbytes))
    header = _header(ordered, tensors, {**metadata, ALIGNMENT_METADATA_KEY: str(ALIGNMENT)})
    with path.open("wb") as file:
        file.write(len(header).to_bytes(LENGTH_BYTES, "little"))
        file.write(header)
        scratch = _scratch(tensors.values())
        for name in ordered:
            values = tensors[name].detach()
            if not _is_in_order(values):
                values = scratch[: values.nbytes].view(values.dtype).view(values.shape).copy_(values)
            if size := values.nbytes:
                file.write((ctypes.c_ubyte * size).from_address(values.data_ptr()))


def _is_in_order(tensor: torch.Tensor) -> bool:
    """Tell whether the memory of a tensor is what the file holds of it."""
    return tensor.is_cpu and tensor.is_contiguous() and not tensor.is_conj() and not tensor.is_neg()


def _scratch(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return memory for one copy at a time. It is mapped: the allocator of C keeps pieces of what it had given away."""
    size = max((tensor.nbytes for tensor in tensors if not _is_in_order(tensor)), default=0)
    return torch.frombuffer(mmap.mmap(-1, max(size, 1)), dtype=torch.uint8)


def _position(size: int) -> tuple[bool, int]:
    """Give the place of a tensor: multiples of the alignment first, and then the largest, which still is aligned."""
    uneven = size % ALIGNMENT != 0
    return uneven, -size if uneven else 0


def _header(ordered: list[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return the header, filled up with spaces so that the values after it begin aligned."""
    entries: dict[str, object] = {METADATA_NAME: dict(metadata)}
    begin = 0
    for name in ordered:
        tensor = tensors[name]
        end = begin + tensor.nbytes
        dtype, shape = stored_name(tensor.dtype), list(tensor.shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    return text + b" " * (-(LENGTH_BYTES + len(text)) % ALIGNMENT)
