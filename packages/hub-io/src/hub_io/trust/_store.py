"""Trust files, and the trust store that combines several of them.

A file is replaced atomically and under a lock: readers never see half a file, and no writer loses another's entry.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config_core.checkpoint import read_at_most, replace_file
from hub_io.computed_once import computed_once
from hub_io.errors import HubError, TrustStoreError
from hub_io.trust._entry import TrustEntry
from hub_io.trust._file_format import MAX_STORE_BYTES, FileContents, decode_contents, encode_contents

__all__ = ["TrustFile", "TrustStore"]

_LOCK_SECONDS = 20.0  # writers hold it for some milliseconds, unless they were stopped


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file of entries. Every call reads it again; a missing file has no entries.

    Attributes:
        path: Its path.
    """

    path: Path

    def entries(self) -> tuple[TrustEntry, ...]:
        """Return its entries, sorted by source, newest first.

        Raises:
            TrustStoreError: It cannot be read, or is malformed.
        """
        return self.contents().entries

    def contents(self) -> FileContents:
        """Return its entries, publishers and cooling time.

        Raises:
            TrustStoreError: It cannot be read, or is malformed.
        """
        try:
            content = _read(self.path)
        except FileNotFoundError:
            return FileContents()
        except OSError as error:
            raise TrustStoreError(f"it cannot be read: {error.strerror or error}.", path=self.path) from error
        return decode_contents(content, path=self.path)

    def add(self, entry: TrustEntry) -> None:
        """Add an entry. It replaces one with the same source and digest, which becomes part of its history.

        Raises:
            TrustStoreError: The file is malformed, or cannot be written.
        """
        with _locked(self.path):
            contents = self.contents()
            entries = {other.key: other for other in contents.entries}
            earlier = entries.get(entry.key)
            entries[entry.key] = entry if earlier is None else entry.after(earlier)
            _write(self.path, contents._replace(entries=tuple(entries.values())))

    def remove(self, *, source: str | None = None, digest: str | None = None) -> tuple[TrustEntry, ...]:
        """Remove the entries with a source, a digest, or both, and return them.

        Args:
            source: The repository or folder; any if None.
            digest: The bundle's digest; any if None.

        Raises:
            ValueError: Neither is given.
            TrustStoreError: The file is malformed, or cannot be written.
        """
        if source is None and digest is None:
            raise ValueError("Pass source=, digest= or both to say which entries to remove.")
        return self.remove_if(lambda entry: source in {None, entry.source} and digest in {None, entry.digest})

    def remove_if(self, is_meant: Callable[[TrustEntry], bool]) -> tuple[TrustEntry, ...]:
        """Remove entries, in one change of the file, and return them.

        Args:
            is_meant: Whether to remove an entry.

        Raises:
            TrustStoreError: The file is malformed, or cannot be written.
        """
        if not any(map(is_meant, self.entries())):  # then nothing needs to be written, nor locked
            return ()
        with _locked(self.path):
            contents = self.contents()
            removed = {entry.key: entry for entry in contents.entries if is_meant(entry)}
            kept = tuple(entry for entry in contents.entries if entry.key not in removed)
            _write(self.path, contents._replace(entries=kept))
        return tuple(removed.values())


@dataclass(frozen=True)
class TrustStore:
    """The entries of several files. Earlier files take precedence.

    Each file is read once, at the first use of the store; later changes of the file do not affect this store.

    Attributes:
        files: The files.
        ignored: Path of a file that was found but is not used, to the reason.
    """

    files: tuple[TrustFile, ...] = ()
    ignored: Mapping[Path, str] = field(default_factory=dict, compare=False)
    _read: dict[TrustFile, FileContents] = field(default_factory=dict, repr=False, compare=False)

    @computed_once
    def located_entries(self) -> tuple[tuple[TrustFile, TrustEntry], ...]:
        """Every entry with its file, file by file.

        Raises:
            TrustStoreError: A file is malformed.
        """
        return tuple((file, entry) for file, contents in self.located_contents for entry in contents.entries)

    @computed_once
    def located_contents(self) -> tuple[tuple[TrustFile, FileContents], ...]:
        """What each file says.

        Raises:
            TrustStoreError: A file is malformed.
        """
        for file in self.files:
            if file not in self._read:
                self._read[file] = file.contents()
        return tuple((file, self._read[file]) for file in self.files)

    @property
    def cooling_days(self) -> int:
        """The longest cooling time of the files."""
        return max((contents.cooling_days for _, contents in self.located_contents), default=0)

    def publisher_file(self, owner: str | None) -> TrustFile | None:
        """Return the first file that has an owner of repositories among its publishers, or None."""
        return next((file for file, contents in self.located_contents if owner in contents.publishers), None)

    def find(self, digest: str) -> TrustEntry | None:
        """Return the first entry with a digest, from any source."""
        return next((entry for _, entry in self.located_entries if entry.digest == digest), None)

    def for_source(self, source: str) -> tuple[TrustEntry, ...]:
        """Return the entries of a source: file by file, newest first."""
        return tuple(entry for _, entry in self.located_entries if entry.source == source)

    def pin(self, repo_id: str) -> str | None:
        """Return the commit at which a repository is opened by default, or None."""
        return next((entry.commit for entry in self.for_source(repo_id) if entry.commit), None)

    @contextmanager
    def explaining_pin(self, repo_id: str, commit: str | None, *, option: str = "revision") -> Iterator[None]:
        """Open a repository in the block. If that fails, say that the store and not the caller named the commit.

        Args:
            repo_id: The repository.
            commit: The commit if it is from `pin`, else None.
            option: The option of a load that names another commit.
        """
        try:
            yield
        except HubError as error:
            entry = next((entry for entry in self.for_source(repo_id) if entry.commit == commit), None)
            if commit is not None and entry is not None:
                told = (
                    f"{error} The commit {commit} is from {self.file_of(entry).path}, which has the trusted code of "
                    f"{repo_id}: pass {option}= to open another one, or remove the entry with `hub-io revoke`."
                )
                error.args = (told,)
            raise

    def file_of(self, entry: TrustEntry) -> TrustFile:
        """Return the file that contains an entry."""
        return next(file for file, other in self.located_entries if other is entry)

    def without(self, folder: Path) -> TrustStore:
        """Return the store without files inside a checkpoint's folder: they are data of the checkpoint."""
        inside = {file.path for file in self.files if _is_inside(file.path, _real(folder))}
        if not inside:
            return self
        reason = f"is inside the checkpoint {str(folder)!r}, and a checkpoint cannot declare itself trusted"
        return TrustStore(
            tuple(file for file in self.files if file.path not in inside),
            {**self.ignored, **dict.fromkeys(sorted(inside), reason)},
            self._read,
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a file, the target of a link, or the link itself is in a folder."""
    return any(place.is_relative_to(folder) for place in (_real(path), _real(path.parent) / path.name))


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise OSError(errno.EINVAL, "it is not a file")
    return read_at_most(path, MAX_STORE_BYTES)


def _write(path: Path, contents: FileContents) -> None:
    """Replace the file atomically, or the target of a link."""
    content = encode_contents(contents, path=path)
    path = _real(path)
    try:
        # Others may read the file but never write it: its entries let code run.
        mode = path.stat().st_mode & 0o755 if path.exists() else 0o644
        replace_file(path, content, mode=mode)
    except OSError as error:
        raise TrustStoreError(f"it cannot be written: {error.strerror or error}.", path=path) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file.

    The lock file stays: if it were removed, one process could hold the old file while another one locks a new one.
    """
    from filelock import FileLock, Timeout

    target = _real(path)
    guard = target.with_name(f".{target.name}.guard")
    lock = FileLock(guard, mode=0o600, poll_interval=0.01)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_LOCK_SECONDS)
    except OSError as error:
        why = "another process holds it" if isinstance(error, Timeout) else error.strerror or error
        raise TrustStoreError(f"it cannot be locked by {guard.name!a} beside it: {why}.", path=path) from error
    try:
        yield
    finally:
        lock.release()
