"""Weights of an earlier push that the new ones replace: those of the same variant, in another layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["stale_weights", "weight_variants"]

# Names that model_core gives to weights, and to their index. A variant is a word such as `fp16`.
_WEIGHTS = re.compile(r"model(\.(?P<variant>[^./]+?))?(-\d{5}-of-\d{5})?\.safetensors")
_INDEX = re.compile(r"model\.safetensors\.index(\.(?P<variant>[^./]+))?\.json")


def stale_weights(present: Iterable[str], added: set[str]) -> list[str]:
    """Return the names of weights on the Hub that belong to no layout of what is pushed."""
    replaced = weight_variants(added)
    return [name for name in sorted(present) if name not in added and weight_variants([name]) & replaced]


def weight_variants(names: Iterable[str]) -> set[str]:
    """Return the variants of the weights among these files, `""` for the plain one."""
    matches = (_WEIGHTS.fullmatch(name) or _INDEX.fullmatch(name) for name in names)
    return {match["variant"] or "" for match in matches if match}
