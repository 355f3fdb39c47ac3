"""Variants: a part of the names of weight files, such as `fp16` in `model.fp16.safetensors`."""

from __future__ import annotations

from config_core.checkpoint import is_variant, parse_weight_file
from model_core.errors import ArgumentError

__all__ = ["belongs_to_variant", "check_variant"]


def check_variant(variant: object) -> None:
    """Check that a variant is None or can be part of a file name.

    Raises:
        ArgumentError: It is neither.
    """
    if variant is not None and not is_variant(variant):
        expected = "up to 100 letters, digits, '-', '_' and '.', such as 'fp16', that do not end like a shard's name"
        raise ArgumentError("variant", variant, expected=expected)


def belongs_to_variant(filename: str, variant: str | None) -> bool:
    """Return whether a save with this variant writes a file of this name, in one layout or another."""
    parsed = parse_weight_file(filename)
    return parsed is not None and not parsed.is_legacy and (parsed.folder, parsed.variant) == ("", variant)
