"""Writing the tensors of a model as safetensors: in one file, or in shards with an index."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from model_core.errors import ArgumentError, UnsavableTensorError
from model_core.module_tensors import group_shared
from model_core.saving._safetensors_writing import write_safetensors
from model_core.weight_files import (
    METADATA_NAME,
    SAVE_ID_KEY,
    TIED_KEY,
    VERSIONS_KEY,
    index_name,
    new_save_id,
    object_to_metadata,
    shard_name,
    single_name,
    stored_name,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from typing import Any

__all__ = ["SavableTensors", "parse_size", "savable_tensors", "write_weights"]

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
# Readers refuse a file whose header is longer than 100 MB. This leaves room for what else stands in it.
_MAX_HEADER_BYTES = 90_000_000
_MAX_NAME_LENGTH = 1_000_000
_SIZE = re.compile(r"\s*(?P<number>\d+(\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class SavableTensors:
    """The tensors to be written.

    Attributes:
        tensors: By name; each elements of memory stand here once. They are the model's own, not copies.
        tied: Names left out, to the name that the same tensor is written under.
        versions: Versions of modules with load hooks, by their paths.
    """

    tensors: dict[str, torch.Tensor]
    tied: dict[str, str]
    versions: Mapping[str, int] = field(default_factory=dict)

    def tied_to(self) -> dict[str, list[str]]:
        """Return names to the names that were left out for them."""
        names: dict[str, list[str]] = {}
        for name, kept in self.tied.items():
            names.setdefault(kept, []).append(name)
        return names


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
        raise ArgumentError(
            "max_shard_size", size, allowed="a number of bytes, or a number with a unit: '500MB', '5GB', '2GiB'"
        )
    return number


def savable_tensors(
    state_dict: Mapping[str, Any],
    *,
    sources: Collection[str] = (),
    ignored: Collection[str] = (),
    versions: Mapping[str, int] | None = None,
) -> SavableTensors:
    """Choose what is written of a state dict, which is not changed.

    Args:
        state_dict: Names to tensors.
        sources: Names that are kept where several names share a tensor; otherwise the first is.
        ignored: Names that are left out.
        versions: Versions of modules with load hooks, by their paths.

    Raises:
        UnsavableTensorError: A value is not a tensor of a kind that safetensors stores.
    """
    wanted = {name: value for name, value in state_dict.items() if name not in ignored}
    for name, value in wanted.items():
        if problem := _unsavable_name(name):
            raise UnsavableTensorError(f"{name!r:.200}", reason=problem)
        if reason := _unsavable(value):
            raise UnsavableTensorError(name, reason=reason)
    tied: dict[str, str] = {}
    for names in group_shared(wanted):
        kept = next((name for name in names if name in sources), names[0])
        tied |= {name: kept for name in names if name != kept}
    tensors = {name: value.detach() for name, value in wanted.items() if name not in tied}
    return SavableTensors(tensors, tied, versions or {})


def write_weights(folder: Path, savable: SavableTensors, *, max_shard_size: int, variant: str | None) -> None:
    """Write tensors into a folder: `model.safetensors` if they fit into one shard, otherwise shards and their index.

    Args:
        folder: A folder without weights of this variant.
        savable: What is written.
        max_shard_size: Largest size of the tensors in a file, in bytes. A larger tensor gets a file of its own.
        variant: Part of the file names, or None.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    shards, tied_to = _split(savable, max_shard_size), savable.tied_to()

    def write(filename: str, names: list[str], identity: Mapping[str, str]) -> None:
        tied = {name: kept for kept in names for name in tied_to.get(kept, ())}
        metadata = {
            "format": "pt",
            **identity,
            **object_to_metadata(TIED_KEY, tied),
            **object_to_metadata(VERSIONS_KEY, savable.versions),
        }
        write_safetensors(folder / filename, {name: savable.tensors[name] for name in names}, metadata)

    if len(shards) == 1:
        write(single_name(variant), shards[0], {})
        return
    identity = {SAVE_ID_KEY: new_save_id()}
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        filename = shard_name(number, len(shards), variant)
        write(filename, names, identity)
        weight_map |= dict.fromkeys(names, filename)
    total_size = sum(tensor.nbytes for tensor in savable.tensors.values())
    index = {"metadata": {"total_size": total_size, **identity}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / index_name(variant)).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _split(savable: SavableTensors, max_shard_size: int) -> list[list[str]]:
    """Return the names of each shard, in order. There is always one."""
    header_sizes = Counter({name: _num_header_bytes(name, tensor) for name, tensor in savable.tensors.items()})
    for name, kept in savable.tied.items():
        header_sizes[kept] += len(json.dumps(json.dumps([name, kept])))
    shards: list[list[str]] = [[]]
    size = header_size = 0
    for name, tensor in savable.tensors.items():
        full = size + tensor.nbytes > max_shard_size or header_size + header_sizes[name] > _MAX_HEADER_BYTES
        if shards[-1] and full:
            shards.append([])
            size = header_size = 0
        shards[-1].append(name)
        size += tensor.nbytes
        header_size += header_sizes[name]
    return shards


def _num_header_bytes(name: str, tensor: torch.Tensor) -> int:
    """Return at most how many bytes of a header the entry of a tensor takes: its name, its dtype, numbers."""
    return len(json.dumps(name)) + 100 + 21 * tensor.dim()


def _unsavable_name(name: str) -> str | None:
    """Return what is wrong with a name, or None."""
    if name == METADATA_NAME:
        return "is the name of an entry of the file's own header"
    if len(name) > _MAX_NAME_LENGTH:
        return f"is a name of more than {_MAX_NAME_LENGTH:,} characters"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is a name that has no form in UTF-8"
    return None


def _unsavable(value: Any) -> str | None:
    """Return what is wrong with a value, or None."""
    if not isinstance(value, torch.Tensor):
        return f"is a {type(value).__name__} and not a tensor"
    if nn.parameter.is_lazy(value):
        return "is a lazy parameter that has no values before the first forward pass"
    if value.layout is not torch.strided or value.is_quantized:
        return f"is a tensor of layout {value.layout}{' and quantized' if value.is_quantized else ''}"
    if stored_name(value.dtype) is None:
        return f"is of dtype {value.dtype}"
    if not _has_values(value):
        return (
            f"is a {type(value).__name__} without values: on the meta device, a wrapper around other tensors, or with "
            "its memory released"
        )
    return None


def _has_values(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor has memory, which is what is written."""
    try:
        storage = tensor.untyped_storage()
        return storage.device.type != "meta" and (not tensor.nbytes or storage.data_ptr() != 0)
    except (NotImplementedError, RuntimeError):  # a wrapper around other tensors
        return False
