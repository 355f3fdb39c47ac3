"""Two versions of code: what was reviewed, and what is there now."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub_io.command.screen import split_lines
from hub_io.trust_store import FileChanges, compare_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config_core.code_bundle import CodeBundle
    from hub_io.command.reviewed_code import ReviewedFiles
    from hub_io.trust_store import TrustEntry

__all__ = ["Comparison", "FileDiff", "compare_code"]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file has changed.

    Attributes:
        name: The file.
        old_sha256: SHA-256 that was reviewed, or None for a file that is new.
        new_sha256: SHA-256 of the newer version, or None for a file that is gone.
        lines: The unified diff without line ends; None if one of the two is no text, or is not at hand.
        reason: Why there is no diff, or None.
    """

    name: str
    old_sha256: str | None
    new_sha256: str | None
    lines: tuple[str, ...] | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reviewed version against a newer one.

    Attributes:
        entry: What was reviewed.
        digest: Digest of the newer code.
        changes: The names of the files that differ.
        diffs: Each of those, by name.
    """

    entry: TrustEntry
    digest: str
    changes: FileChanges
    diffs: tuple[FileDiff, ...]

    @property
    def same(self) -> bool:
        """Whether nothing has changed."""
        return self.entry.digest == self.digest


def compare_code(entry: TrustEntry, reviewed: ReviewedFiles, newer: CodeBundle) -> Comparison:
    """Compare code that was reviewed with a newer version of it."""
    digests = newer.file_digests()
    changes = compare_files(entry.files, digests)
    names = sorted({*changes.changed, *changes.added, *changes.removed})
    diffs = tuple(_diff(name, entry.files, digests, reviewed, newer) for name in names)
    return Comparison(entry, newer.digest, changes, diffs)


def _diff(
    name: str, old: Mapping[str, str], new: Mapping[str, str], reviewed: ReviewedFiles, newer: CodeBundle
) -> FileDiff:
    hashes = old.get(name), new.get(name)
    if name in reviewed.missing:
        return FileDiff(name, *hashes, None, f"what was reviewed is not at hand: {reviewed.problem}")
    try:
        before, after = (files.get(name, b"").decode() for files in (reviewed.contents, newer.files))
    except UnicodeDecodeError:
        return FileDiff(name, *hashes, None, "one of the two is no text")
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        fromfile=f"reviewed/{name}" if name in old else "/dev/null",
        tofile=f"newer/{name}" if name in new else "/dev/null",
        lineterm="",
    )
    return FileDiff(name, *hashes, tuple(lines), None)


def _lines(text: str) -> list[str]:
    """Return lines that differ if their ends do: what is not a plain line feed stays at the end, and is shown."""
    if not text:
        return []
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += "  (no line end)"
    # A carriage return alone ends a line too, for Python.
    return [part for line in lines for part in _parts(line)]


def _parts(line: str) -> list[str]:
    body, carriage = (line[:-1], "\r") if line.endswith("\r") else (line, "")
    *first, last = split_lines(f"{body}\n") or [""]
    return [*(f"{part}\r" for part in first), f"{last}{carriage}"]
