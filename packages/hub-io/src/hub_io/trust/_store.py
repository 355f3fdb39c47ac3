"""What has been read and trusted: the files of entries that people keep, and several of them as one store.

A file is replaced as one step, and writers wait for each other, so that nobody sees half a file or loses an entry.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config_core.checkpoint import read_at_most, replace_file
from hub_io.errors import TrustStoreError
from hub_io.trust._file_format import MAX_STORE_BYTES, decode_entries, encode_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub_io.trust._entry import TrustEntry

__all__ = ["TrustFile", "TrustStore"]


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file of entries. It is read anew at every call; a file that does not exist has none.

    Attributes:
        path: Where it lies.
    """

    path: Path

    def entries(self) -> tuple[TrustEntry, ...]:
        """Return its entries, sorted by source, the newest first.

        Raises:
            TrustStoreError: It cannot be read, or is malformed.
        """
        try:
            content = _read(self.path)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TrustStoreError(f"it cannot be read: {error.strerror or error}.", path=self.path) from error
        return decode_entries(content, path=self.path)

    def add(self, entry: TrustEntry) -> None:
        """Add an entry. One of the same source and digest is replaced.

        Raises:
            TrustStoreError: The file is malformed, or cannot be written.
        """
        with _alone(self.path) as path:
            kept = [other for other in self.entries() if other.key != entry.key]
            _write(path, [*kept, entry])

    def remove(self, *, source: str | None = None, digest: str | None = None) -> tuple[TrustEntry, ...]:
        """Remove the entries of a source, of a digest, or of both together, and return them.

        Args:
            source: The repository or folder; any if None.
            digest: The bundle's digest; any if None.

        Raises:
            ValueError: Neither is given.
            TrustStoreError: The file is malformed, or cannot be written.
        """
        if source is None and digest is None:
            raise ValueError("Say which entries to remove: pass source=, digest= or both.")
        with _alone(self.path) as path:
            entries = self.entries()
            removed = tuple(
                entry for entry in entries if source in {None, entry.source} and digest in {None, entry.digest}
            )
            if removed:
                _write(path, [entry for entry in entries if entry not in removed])
        return removed


@dataclass(frozen=True)
class TrustStore:
    """Entries of several files, the first of which counts most.

    They are read once, when somebody first looks: whoever holds a store decides by what stood in the files then.

    Attributes:
        files: The files.
        ignored: Files that were found and are not used, and why, in words.
    """

    files: tuple[TrustFile, ...] = ()
    ignored: Mapping[Path, str] = field(default_factory=dict, compare=False)
    _read: dict[TrustFile, tuple[TrustEntry, ...]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def located_entries(self) -> tuple[tuple[TrustFile, TrustEntry], ...]:
        """Every entry with its file, file by file.

        Raises:
            TrustStoreError: A file is malformed.
        """
        for file in self.files:
            if file not in self._read:
                self._read[file] = file.entries()
        return tuple((file, entry) for file in self.files for entry in self._read[file])

    def find(self, digest: str) -> TrustEntry | None:
        """Return the first entry of a digest, whatever its source."""
        return next((entry for _, entry in self.located_entries if entry.digest == digest), None)

    def for_source(self, source: str) -> tuple[TrustEntry, ...]:
        """Return the entries of a source: file by file, the newest first."""
        return tuple(entry for _, entry in self.located_entries if entry.source == source)

    def pin(self, repo_id: str) -> str | None:
        """Return the commit at which to open a repository if nobody says otherwise, or None."""
        return next((entry.commit for entry in self.for_source(repo_id) if entry.commit), None)

    def file_of(self, entry: TrustEntry) -> TrustFile:
        """Return the file that an entry stands in."""
        return next(file for file, other in self.located_entries if other is entry)

    def without(self, folder: Path) -> TrustStore:
        """Return the store without the files that lie in a folder: there they are data like the rest of it."""
        inside = {file.path for file in self.files if _lies_in(file.path, _real(folder))}
        if not inside:
            return self
        reason = f"lies in the checkpoint {str(folder)!r} itself, and a checkpoint cannot say that it is trusted"
        return TrustStore(
            tuple(file for file in self.files if file.path not in inside),
            {**self.ignored, **dict.fromkeys(sorted(inside), reason)},
            self._read,
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _lies_in(path: Path, folder: Path) -> bool:
    """Tell whether a file is in a folder, or a link to one in it, or a link in it, as in a cache of downloads."""
    return any(place.is_relative_to(folder) for place in (_real(path), _real(path.parent) / path.name))


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # to open a pipe would be to wait for a writer
        raise OSError(errno.EINVAL, "it is no file")
    return read_at_most(path, MAX_STORE_BYTES)


def _write(path: Path, entries: Iterable[TrustEntry]) -> None:
    """Replace the file as one step: readers see the old entries or the new ones."""
    content = encode_entries(entries, path=path)
    try:
        # Readable as other files are, but never for others to write: whoever may write it may make code run.
        mode = path.stat().st_mode & 0o755 if path.exists() else 0o644
        replace_file(path, content, mode=mode)
    except OSError as error:
        raise TrustStoreError(f"it cannot be written: {error.strerror or error}.", path=path) from error


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """Keep other writers of the file away in the block, and give the file itself if the path is a link."""
    from filelock import FileLock

    target = _real(path)
    guard = target.with_name(f".{target.name}.guard")
    lock = FileLock(guard, mode=0o600, poll_interval=0.01)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise TrustStoreError(f"it cannot be written: {error.strerror or error}.", path=path) from error
    try:
        yield target
    finally:
        # Removed while the lock is held; whoever waits for it notices. Windows does not remove an open file.
        with suppress(OSError):
            guard.unlink()
        lock.release()
