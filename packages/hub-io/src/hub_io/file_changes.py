"""How the files of one bundle of code differ from those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FileChanges", "compare_files"]


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The names of the files that differ between two bundles.

    Attributes:
        changed: In both, with different content.
        added: Only in the newer bundle.
        removed: Only in the older bundle.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def compare_files(old: Mapping[str, str], new: Mapping[str, str]) -> FileChanges:
    """Compare two mappings of file name to SHA-256."""
    return FileChanges(
        changed=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
    )
