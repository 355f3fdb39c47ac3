"""Writing the tensors of a model as safetensors: one file, or shards with an index."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from config_core.checkpoint import weight_file_name, weight_index_name
from model_core.errors import ArgumentError
from model_core.saving._safetensors_writing import write_safetensors
from model_core.weight_files import (
    MODULE_VERSIONS_KEY,
    SAVE_ID_KEY,
    TIED_WEIGHTS_KEY,
    encode_object,
    new_save_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from model_core.saving._savable_tensors import SavableTensors

__all__ = ["parse_size", "write_weights"]

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"\s*(?P<number>\d+(\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)
# Readers reject a header of more than 100 MB. This leaves room for its metadata.
_MAX_HEADER_BYTES = 90_000_000


def parse_size(size: int | str) -> int:
    """Return a size in bytes.

    Args:
        size: Bytes, or a number with a unit: `"500MB"`, `"5GB"` (powers of 1000), `"1GiB"` (powers of 1024).

    Raises:
        ArgumentError: It is neither, or not positive.
    """
    number = None
    if isinstance(size, int) and not isinstance(size, bool):
        number = size
    elif isinstance(size, str) and (match := _SIZE.fullmatch(size)) and match["unit"].upper() in _UNITS:
        number = int(float(match["number"]) * _UNITS[match["unit"].upper()])
    if number is None or number <= 0:
        expected = "a positive number of bytes, or a number with a unit such as '500MB', '5GB' or '2GiB'"
        raise ArgumentError("max_shard_size", size, expected=expected)
    return number


def write_weights(folder: Path, savable: SavableTensors, *, max_shard_size: int, variant: str | None) -> None:
    """Write tensors into a folder: `model.safetensors` if they fit into one file, otherwise shards and an index.

    Args:
        folder: A folder without weights of this variant.
        savable: The tensors.
        max_shard_size: Maximum size of the tensors in a file, in bytes. A larger tensor gets a file of its own.
        variant: Part of the file names, or None.

    Raises:
        OSError: The disk is full, or the folder is not writable.
    """
    shards = _split_into_shards(savable, max_shard_size)

    def write(filename: str, names: list[str], identity: Mapping[str, str]) -> None:
        tensors = {name: savable.tensors[name] for name in names}
        tied = {name: kept for name, kept in savable.tied.items() if kept in tensors}
        metadata = {
            "format": "pt",
            **identity,
            **encode_object(TIED_WEIGHTS_KEY, tied),
            **encode_object(MODULE_VERSIONS_KEY, savable.versions),
        }
        write_safetensors(folder / filename, tensors, metadata)

    if len(shards) == 1:
        write(weight_file_name(variant), shards[0], {})
        return
    identity = {SAVE_ID_KEY: new_save_id()}
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        filename = weight_file_name(variant, shard=(number, len(shards)))
        write(filename, names, identity)
        weight_map |= dict.fromkeys(names, filename)
    total_size = sum(tensor.nbytes for tensor in savable.tensors.values())
    index = {"metadata": {"total_size": total_size, **identity}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / weight_index_name(variant)).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _split_into_shards(savable: SavableTensors, max_shard_size: int) -> list[list[str]]:
    """Return the names of the tensors in each shard, in order. There is at least one shard."""
    header_sizes = Counter({name: _max_entry_bytes(name, tensor) for name, tensor in savable.tensors.items()})
    for name, kept in savable.tied.items():
        header_sizes[kept] += len(json.dumps(json.dumps([name, kept])))
    shards: list[list[str]] = [[]]
    size = header_size = 0
    for name, tensor in savable.tensors.items():
        is_full = size + tensor.nbytes > max_shard_size or header_size + header_sizes[name] > _MAX_HEADER_BYTES
        if shards[-1] and is_full:
            shards.append([])
            size = header_size = 0
        shards[-1].append(name)
        size += tensor.nbytes
        header_size += header_sizes[name]
    return shards


def _max_entry_bytes(name: str, tensor: torch.Tensor) -> int:
    """Return an upper bound for the size of a tensor's header entry: its name, dtype, shape and offsets."""
    return len(json.dumps(name)) + 100 + 21 * tensor.dim()
