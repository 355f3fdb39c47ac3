"""The names of weight files: `model.safetensors`, its shards and its index, with or without a variant."""

from __future__ import annotations

import re

from model_core.errors import ArgumentError

__all__ = ["index_name", "is_weights_name", "legacy_names", "shard_name", "single_name"]

# A variant must not make the name of a single file look like that of a shard.
_VARIANT = re.compile(r"(?!.*-\d{5,}-of-\d{5,}$)[A-Za-z0-9][\w.-]{,99}", re.ASCII)


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


def legacy_names(variant: str | None) -> tuple[str, str]:
    """Return the names of a legacy weight file and of a legacy index.

    Raises:
        ArgumentError: The variant cannot be part of a file name.
    """
    return f"pytorch_model{_dotted(variant)}.bin", f"pytorch_model.bin.index{_dotted(variant)}.json"


def is_weights_name(filename: str, variant: str | None) -> bool:
    """Return whether a save with this variant writes a file of this name, in one layout or another."""
    shard = rf"model{re.escape(_dotted(variant))}-\d{{5,}}-of-\d{{5,}}\.safetensors"
    return filename in {single_name(variant), index_name(variant)} or re.fullmatch(shard, filename) is not None


def _dotted(variant: object) -> str:
    if variant is None:
        return ""
    if not isinstance(variant, str) or not _VARIANT.fullmatch(variant):
        expected = "up to 100 letters, digits, '-', '_' and '.', such as 'fp16', that do not end like a shard's name"
        raise ArgumentError("variant", variant, expected=expected)
    return f".{variant}"
