"""The names of weight files, as the field writes them.

    model.safetensors        model-00001-of-00002.safetensors        model.safetensors.index.json
    model.fp16.safetensors   model.fp16-00001-of-00002.safetensors   model.safetensors.index.fp16.json

A single file, a shard, and the index of the shards; in the second line those of the variant `fp16`.
Legacy names have `pytorch_model` and `.bin` in place of `model` and `.safetensors`; such files are read, not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "WeightFile",
    "is_variant",
    "parse_weight_file",
    "stale_weights",
    "weight_file_name",
    "weight_index_name",
    "weight_variants",
]

_VARIANT = r"[A-Za-z0-9][\w.-]{,99}"
_SHARD = r"-\d{5,}-of-\d{5,}"
# Not a variant that makes the name of a single file look like that of a shard.
_IS_VARIANT = re.compile(rf"(?!.*{_SHARD}$){_VARIANT}", re.ASCII)
_WEIGHTS = re.compile(
    r"(?P<folder>(?:[^/]+/)*)(?:(?P<legacy>pytorch_model)|model)"
    rf"(?:\.(?P<variant>{_VARIANT}?))?(?:-(?P<number>\d{{5,}})-of-(?P<count>\d{{5,}}))?"
    r"\.(?(legacy)bin|safetensors)",
    re.ASCII,
)
_INDEX = re.compile(
    r"(?P<folder>(?:[^/]+/)*)(?:(?P<legacy>pytorch_model\.bin)|model\.safetensors)\.index"
    rf"(?:\.(?P<variant>{_VARIANT}))?\.json",
    re.ASCII,
)


class WeightFile(NamedTuple):
    """What the name of a weight file says.

    Attributes:
        folder: The folder that it is in, with forward slashes, `""` for the top.
        variant: The variant, such as `fp16`, or None.
        shard: Number of the shard, counted from 1, and the number of shards; None for a single file and an index.
        is_index: Whether the file is an index of shards.
        is_legacy: Whether it is a `.bin` file, or the index of some.
    """

    folder: str = ""
    variant: str | None = None
    shard: tuple[int, int] | None = None
    is_index: bool = False
    is_legacy: bool = False


def parse_weight_file(name: str) -> WeightFile | None:
    """Return what a file name says if it is one of weights, or else None.

    Args:
        name: Name relative to the checkpoint, with forward slashes.
    """
    for pattern in (_WEIGHTS, _INDEX):
        if match := pattern.fullmatch(name):
            parts = match.groupdict()
            shard = (int(parts["number"]), int(parts["count"])) if parts.get("number") else None
            return WeightFile(
                folder=parts["folder"].rstrip("/"),
                variant=parts["variant"],
                shard=shard,
                is_index=pattern is _INDEX,
                is_legacy=parts["legacy"] is not None,
            )
    return None


def weight_file_name(variant: str | None = None, *, shard: tuple[int, int] | None = None, legacy: bool = False) -> str:
    """Return the name of a file of weights: `model.safetensors`, `model.fp16-00001-of-00002.safetensors`.

    Args:
        variant: The variant, if any.
        shard: Number of the shard, counted from 1, and the number of shards.
        legacy: Return the name of a `.bin` file.

    Raises:
        ValueError: The variant cannot be part of a file name.
    """
    stem, suffix = ("pytorch_model", "bin") if legacy else ("model", "safetensors")
    number = f"-{shard[0]:05d}-of-{shard[1]:05d}" if shard else ""
    return f"{stem}{_dotted(variant)}{number}.{suffix}"


def weight_index_name(variant: str | None = None, *, legacy: bool = False) -> str:
    """Return the name of an index of shards: `model.safetensors.index.json`, `model.safetensors.index.fp16.json`.

    Args:
        variant: The variant, if any.
        legacy: Return the name of an index of `.bin` files.

    Raises:
        ValueError: The variant cannot be part of a file name.
    """
    return f"{weight_file_name(legacy=legacy)}.index{_dotted(variant)}.json"


def is_variant(variant: object) -> bool:
    """Return whether a value can be the variant in the name of a weight file."""
    return isinstance(variant, str) and _IS_VARIANT.fullmatch(variant) is not None


def stale_weights(present: Iterable[str], added: Iterable[str]) -> list[str]:
    """Return the names of weights in a repository that a push of the same variant, in another layout, replaces.

    Args:
        present: Names of the files that the repository has.
        added: Names of the files that are pushed.
    """
    added = frozenset(added)
    replaced = weight_variants(added)
    return [name for name in sorted(present) if name not in added and weight_variants([name]) & replaced]


def weight_variants(names: Iterable[str]) -> set[str | None]:
    """Return the variants of the safetensors weights at the top of these files, None for the plain one."""
    files = map(parse_weight_file, names)
    return {file.variant for file in files if file is not None and not file.folder and not file.is_legacy}


def _dotted(variant: str | None) -> str:
    if variant is None:
        return ""
    if not is_variant(variant):
        raise ValueError(
            f"variant {variant!r:.120} is not allowed. Use up to 100 letters, digits, '-', '_' and '.', such as "
            "'fp16', that do not end like a shard."
        )
    return f".{variant}"
