"""Reviewed files, found again in the code store or at the recorded commit.

A file counts as found only if it has the SHA-256 in the entry.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config_core.checkpoint import HubOptions
from config_core.code import MAX_DATA_BYTES
from config_core.errors import ConfigCoreError
from hub_io.code import CodeStore
from hub_io.errors import CodeStoreError, HubIoError
from hub_io.hub import open_repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from config_core.checkpoint import Checkpoint
    from hub_io.trust import TrustEntry

__all__ = ["ReviewedFiles", "find_reviewed_files", "open_at_commit", "sha256_of"]


@dataclass(frozen=True, slots=True)
class ReviewedFiles:
    """The files of reviewed code that were found again.

    Attributes:
        contents: Name to content of the files that were found.
        missing: Names of the others.
        problem: Why those were not found, or None if there are none.
    """

    contents: Mapping[str, bytes]
    missing: tuple[str, ...]
    problem: str | None


def find_reviewed_files(entry: TrustEntry, *, subfolder: str, offline: bool) -> ReviewedFiles:
    """Return the files of an entry as they were when they were trusted.

    Args:
        entry: The entry.
        subfolder: Folder of the repository that may contain the files; otherwise they are at its top.
        offline: Whether to use no network.
    """
    try:
        return ReviewedFiles(CodeStore.default().read(entry.digest).bundle.files, (), None)
    except CodeStoreError:
        pass  # trusted elsewhere, or the cache was cleared
    if entry.commit is None:
        return _nothing_of(entry, "it was read from a folder, and the code store of this machine has no copy of it")
    try:
        repository = open_at_commit(entry, offline=offline)
        found = dict(_matching(entry, repository, ""))
        if subfolder:
            found |= _matching(entry, repository, f"{subfolder}/")
    except (ConfigCoreError, HubIoError, OSError, ValueError) as error:
        return _nothing_of(entry, str(error))
    missing = tuple(sorted(entry.files.keys() - found.keys()))
    return ReviewedFiles(found, missing, "the commit no longer has these files" if missing else None)


def open_at_commit(entry: TrustEntry, *, offline: bool, cache_dir: Path | None = None) -> Checkpoint:
    """Open the repository of an entry at the commit that was reviewed.

    Raises:
        CheckpointNotFoundError: There is no such repository or commit, or it is offline and not downloaded.
        HubError: The Hub cannot be reached, or refused.
    """
    options = HubOptions(revision=entry.commit, local_files_only=offline, cache_dir=cache_dir)
    return open_repository(entry.source, options)


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 (hexadecimal)."""
    return hashlib.sha256(content).hexdigest()


def _matching(entry: TrustEntry, checkpoint: Checkpoint, folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files in a folder of the repository that have the digest in the entry."""
    for name, digest in entry.files.items():
        if checkpoint.has(f"{folder}{name}"):
            content = checkpoint.read_bytes(f"{folder}{name}", limit=MAX_DATA_BYTES)
            if sha256_of(content) == digest:
                yield name, content


def _nothing_of(entry: TrustEntry, problem: str) -> ReviewedFiles:
    return ReviewedFiles({}, tuple(sorted(entry.files)), problem)
