"""Variants of weights, such as `fp16`, in the names that `config_core.checkpoint` gives to weight files."""

from __future__ import annotations

from config_core.checkpoint import is_variant, parse_weight_file
from model_core.errors import ArgumentError

__all__ = ["check_variant", "is_written_for"]


def check_variant(variant: str | None) -> None:
    """Raise an error if a variant cannot be part of a file name.

    Raises:
        ArgumentError: It is neither None nor such a text.
    """
    if variant is not None and not is_variant(variant):
        expected = "up to 100 letters, digits, '-', '_' and '.', such as 'fp16', that do not end like a shard's name"
        raise ArgumentError("variant", variant, expected=expected)


def is_written_for(filename: str, variant: str | None) -> bool:
    """Return whether a save with this variant writes a file of this name, in one layout or another."""
    file = parse_weight_file(filename)
    return file is not None and file.variant == variant and not file.folder and not file.is_legacy
