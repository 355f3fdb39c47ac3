"""Which files of a checkpoint hold its weights.

The index may come from a hostile author: the file names in it are checked, and only files that it names are opened.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import (
    check_relative_name,
    weight_file_name,
    weight_index_name,
)
from config_core.errors import UnsafeNameError
from model_core.errors import WeightsFileError, WeightsNotFoundError
from model_core.load_report import shortened
from model_core.loading._file_types import problem_with_text
from model_core.weight_files import SAVE_ID_KEY, check_variant

if TYPE_CHECKING:
    from pathlib import Path

    from config_core.checkpoint import Checkpoint
    from model_core.loading._weight_search import WeightSearch

__all__ = ["WeightFiles", "find_weight_files"]

_MAX_SHOWN = 8
_AGAIN = "Download or copy it again, from the same save as the files that it names"
_MAX_INDEX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The files that hold the weights of a checkpoint.

    Attributes:
        paths: Path of each file on this machine, by its name in the checkpoint.
        weight_map: Name of the file that holds each tensor, by the name of the tensor; None without an index.
        index: Name of the index, or None.
        save_id: Identifier of the save that wrote the index, or None.
        other_index: If the weights are in a single file: the name of an index that is there too and names existing
            files, or None.
    """

    paths: dict[str, Path]
    weight_map: dict[str, str] | None = None
    index: str | None = None
    save_id: str | None = None
    other_index: str | None = None


def find_weight_files(search: WeightSearch) -> WeightFiles:
    """Find the files that hold the weights, and download them if necessary.

    The first of these that the checkpoint has is used: `model.safetensors`, `model.safetensors.index.json`,
    `pytorch_model.bin`, `pytorch_model.bin.index.json`; with the variant in their names if one is given.

    Args:
        search: Where to look.

    Raises:
        WeightsNotFoundError: The checkpoint has none of them, or files that its index names are missing.
        WeightsFileError: The index is damaged.
        UnsafeNameError: The index names a file outside the checkpoint.
        ArgumentError: The variant cannot be part of a file name.
    """
    checkpoint, variant = search.checkpoint, search.variant
    check_variant(variant)
    candidates = [
        name(variant, legacy=legacy) for legacy in (False, True) for name in (weight_file_name, weight_index_name)
    ]
    filename = next((name for name in candidates if checkpoint.has(name)), None)
    if filename is None:
        with_variant = f" of the variant {variant!r}" if variant else ""
        filenames = checkpoint.first_filenames()
        contents = f"It contains: {shortened(sorted(filenames), most=_MAX_SHOWN)}." if filenames else "It is empty."
        raise WeightsNotFoundError(
            f"has no weights{with_variant}. It needs one of",
            checkpoint=str(checkpoint),
            filenames=candidates,
            remedy=" ".join([*search.hints(), contents]),
        )
    if filename.endswith(".json"):
        return _follow_index(checkpoint, filename)
    other_index, save_id = _other_index(checkpoint, weight_index_name(variant))
    return WeightFiles({filename: checkpoint.local_path(filename)}, save_id=save_id, other_index=other_index)


def _follow_index(checkpoint: Checkpoint, index: str) -> WeightFiles:
    weight_map, save_id = _read_index(checkpoint, index)
    shards = sorted(set(weight_map.values()))
    if missing := [shard for shard in shards if not checkpoint.has(shard)]:
        raise WeightsNotFoundError(
            f"lacks {len(missing)} of the {len(shards)} files that {index} names. Download or copy them again. Missing",
            checkpoint=str(checkpoint),
            filenames=missing,
        )
    return WeightFiles(checkpoint.local_paths(shards), weight_map, index, save_id)


def _other_index(checkpoint: Checkpoint, index: str) -> tuple[str | None, str | None]:
    """Return an index besides a single file, and the identifier of its save; None if it names no existing file."""
    if not checkpoint.has(index):
        return None, None
    try:
        weight_map, save_id = _read_index(checkpoint, index)
    except (WeightsFileError, UnsafeNameError):
        return None, None
    return (index, save_id) if any(map(checkpoint.has, set(weight_map.values()))) else (None, None)


def _read_index(checkpoint: Checkpoint, index: str) -> tuple[dict[str, str], str | None]:
    """Return the `weight_map` of an index, with every file name checked, and the identifier of its save, if any."""
    place = f"{index} of {checkpoint}"
    content = None
    try:
        content = checkpoint.read_bytes(index, limit=_MAX_INDEX_BYTES)
        values: Any = json.loads(content, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        problem = f"not a valid index of weights: {error!s:.300}. {_AGAIN}"
        if content is not None:
            problem = problem_with_text(content) or problem
        raise WeightsFileError(problem, file=place) from error
    weight_map = values.get("weight_map") if isinstance(values, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise WeightsFileError(
            'not a valid index of weights: it needs an object "weight_map" from tensor names to file names. ' + _AGAIN,
            file=place,
        )
    suffix = ".bin" if index.startswith("pytorch_model") else ".safetensors"
    for name, shard in weight_map.items():
        if not isinstance(shard, str) or not shard.endswith(suffix):
            raise WeightsFileError(
                f"its weight_map maps {name!r:.200} to {shard!r:.200}, which is not the name of a {suffix} file. "
                + _AGAIN,
                file=place,
            )
    for shard in dict.fromkeys(weight_map.values()):
        check_relative_name(shard, where=place)
    metadata = values.get("metadata")
    save_id = metadata.get(SAVE_ID_KEY) if isinstance(metadata, dict) else None
    return weight_map, save_id if isinstance(save_id, str) else None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"duplicate key {name!r}")
    return values
