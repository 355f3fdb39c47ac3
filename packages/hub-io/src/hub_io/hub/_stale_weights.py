"""Weights of an earlier push that the new ones replace: those of the same variant, in another layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.checkpoint import parse_weight_file

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["stale_weights", "weight_variants"]


def stale_weights(present: Iterable[str], added: set[str]) -> list[str]:
    """Return the names of weights on the Hub that belong to no layout of what is pushed."""
    replaced = weight_variants(added)
    return [name for name in sorted(present) if name not in added and weight_variants([name]) & replaced]


def weight_variants(names: Iterable[str]) -> set[str | None]:
    """Return the variants of the safetensors weights at the top of these files, None for the plain one."""
    files = map(parse_weight_file, names)
    return {file.variant for file in files if file is not None and not file.folder and not file.is_legacy}
