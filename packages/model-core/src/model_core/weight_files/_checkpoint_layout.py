"""Which files of a checkpoint hold its weights, and which names weights are saved under.

An index comes from whoever wrote the checkpoint and may be hostile: its file names are checked, and no file is opened
that the index does not name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import check_relative_name
from config_core.errors import UnsafeNameError
from model_core.errors import ArgumentError, WeightsFileError, WeightsNotFoundError
from model_core.weight_files._save_identity import SAVE_ID_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from config_core.checkpoint import Checkpoint

__all__ = ["WeightFiles", "find_weight_files", "index_name", "is_weights_name", "shard_name", "single_name"]

# Not one that makes the name of a single file look like that of a shard.
_VARIANT = re.compile(r"(?!.*-\d{5,}-of-\d{5,}$)[A-Za-z0-9][\w.-]{,99}", re.ASCII)
_MAX_INDEX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The files that hold the weights of a checkpoint.

    Attributes:
        paths: Names of the files in the checkpoint to where they lie on this machine.
        weight_map: Name of each tensor to the name of the file that holds it, or None where there is no index.
        index: Name of the index file, or None.
        save_id: What the index says of the save that wrote it, or None.
        other_index: Name of an index that is there, with files that it names, besides the single file; or None.
    """

    paths: dict[str, Path]
    weight_map: dict[str, str] | None = None
    index: str | None = None
    save_id: str | None = None
    other_index: str | None = None


def single_name(variant: str | None) -> str:
    """Return `model.safetensors`, or `model.{variant}.safetensors`.

    Raises:
        ArgumentError: The variant cannot be part of a file name.
    """
    return f"model{_dotted(variant)}.safetensors"


def index_name(variant: str | None) -> str:
    """Return `model.safetensors.index.json`, or `model.safetensors.index.{variant}.json`.

    Raises:
        ArgumentError: The variant cannot be part of a file name.
    """
    return f"model.safetensors.index{_dotted(variant)}.json"


def shard_name(number: int, count: int, variant: str | None) -> str:
    """Return the name of a shard, counted from 1: `model-00001-of-00002.safetensors`.

    Raises:
        ArgumentError: The variant cannot be part of a file name.
    """
    return f"model{_dotted(variant)}-{number:05d}-of-{count:05d}.safetensors"


def is_weights_name(filename: str, variant: str | None) -> bool:
    """Tell whether a save with this variant writes, or in another layout wrote, a file of this name."""
    shard = rf"model{re.escape(_dotted(variant))}-\d{{5,}}-of-\d{{5,}}\.safetensors"
    return filename in {single_name(variant), index_name(variant)} or re.fullmatch(shard, filename) is not None


def find_weight_files(checkpoint: Checkpoint, *, variant: str | None) -> WeightFiles:
    """Find the files with the weights, and have them on this machine.

    The first of these that the checkpoint has is used: `model.safetensors`, `model.safetensors.index.json`,
    `pytorch_model.bin`, `pytorch_model.bin.index.json`; with the variant in their names if one is given.

    Raises:
        WeightsNotFoundError: It has none of them, or its index names files that it does not have.
        WeightsFileError: The index is not one.
        UnsafeNameError: The index names a file outside the checkpoint.
        ArgumentError: The variant cannot be part of a file name.
    """
    dotted = _dotted(variant)
    candidates = (
        single_name(variant),
        index_name(variant),
        f"pytorch_model{dotted}.bin",
        f"pytorch_model.bin.index{dotted}.json",
    )
    filename = next((name for name in candidates if checkpoint.has(name)), None)
    if filename is None:
        with_variant = f" of the variant {variant!r}" if variant else ""
        raise WeightsNotFoundError(
            f"has no weights{with_variant}. It needs one of", checkpoint=str(checkpoint), filenames=candidates
        )
    if not filename.endswith(".json"):
        other, save_id = _other_set(checkpoint, index_name(variant))
        return WeightFiles({filename: checkpoint.local_path(filename)}, save_id=save_id, other_index=other)
    return _follow_index(checkpoint, filename)


def _follow_index(checkpoint: Checkpoint, index: str) -> WeightFiles:
    weight_map, save_id = _read_index(checkpoint, index)
    shards = sorted(set(weight_map.values()))
    present = checkpoint.filenames()
    if absent := [shard for shard in shards if shard not in present]:
        raise WeightsNotFoundError(
            f"lacks {len(absent)} of the {len(shards)} files that {index} names. Download or copy them again. Absent",
            checkpoint=str(checkpoint),
            filenames=absent,
        )
    return WeightFiles(checkpoint.local_paths(shards), weight_map, index, save_id)


def _other_set(checkpoint: Checkpoint, index: str) -> tuple[str | None, str | None]:
    """Return an index that is there besides a single file, and the identity of its save; None if it leads nowhere."""
    if not checkpoint.has(index):
        return None, None
    try:
        weight_map, save_id = _read_index(checkpoint, index)
    except (WeightsFileError, UnsafeNameError):
        return None, None
    return (index, save_id) if checkpoint.filenames() & set(weight_map.values()) else (None, None)


def _read_index(checkpoint: Checkpoint, index: str) -> tuple[dict[str, str], str | None]:
    """Return the `weight_map` of an index, with every file name checked, and the identity of its save, if any."""
    place = f"{index} of {checkpoint}"
    try:
        values: Any = json.loads(checkpoint.read_bytes(index, limit=_MAX_INDEX_BYTES))
    except (ValueError, RecursionError) as error:
        raise WeightsFileError(f"this is no index of weights: {error}", file=place) from error
    weight_map = values.get("weight_map") if isinstance(values, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise WeightsFileError(
            'this is no index of weights: it needs an object "weight_map" from tensor to file names', file=place
        )
    suffix = ".bin" if index.startswith("pytorch_model") else ".safetensors"
    for name, shard in weight_map.items():
        if not isinstance(shard, str) or not shard.endswith(suffix):
            raise WeightsFileError(
                f"the weight_map places {name!r} in {shard!r}, which is not the name of a {suffix} file", file=place
            )
        check_relative_name(shard, where=place)
    metadata = values.get("metadata")
    save_id = metadata.get(SAVE_ID_KEY) if isinstance(metadata, dict) else None
    return weight_map, save_id if isinstance(save_id, str) else None


def _dotted(variant: object) -> str:
    if variant is None:
        return ""
    if not isinstance(variant, str) or not _VARIANT.fullmatch(variant):
        raise ArgumentError(
            "variant",
            variant,
            allowed="up to 100 letters, digits, '-', '_' and '.', such as 'fp16', which do not end like a shard",
        )
    return f".{variant}"
