"""What a checkpoint is: files that belong together, in a folder or in a repository at one commit.

A checkpoint is opened once and travels through the whole load, so that config, code and weights belong together.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from config_core.checkpoint._safe_names import JOURNAL, check_links, check_relative_name, is_save_state
from config_core.checkpoint._small_files import read_at_most
from config_core.errors import (
    CheckpointChangedError,
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigFileError,
    UnsafeNameError,
)

__all__ = ["CONFIG_NAME", "Checkpoint", "FolderCheckpoint"]

CONFIG_NAME = "config.json"


class Checkpoint(ABC):
    """The files of one checkpoint, all from the same folder or commit.

    Attributes:
        name: The checkpoint as its user named it: a folder's path or `owner/name`.
        commit: The commit that all files come from, or None for a folder.
        subfolder: Folder inside it that holds the files, `""` for the top.
        config_file: What was read of its config in the load at hand, or None: see `config_core.config.ConfigFile`.
    """

    name: str
    commit: str | None
    subfolder: str
    config_file: object = None

    @abstractmethod
    def filenames(self) -> frozenset[str]:
        """Return the names of all files below the subfolder, with forward slashes. Downloads none of them."""

    @abstractmethod
    def local_path(self, filename: str) -> Path:
        """Return the path of a file on this machine. It is downloaded if necessary.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            UnsafeNameError: The name points outside the checkpoint.
        """

    @abstractmethod
    def at_root(self) -> Checkpoint:
        """Return the same checkpoint, same commit, without the subfolder."""

    def local_paths(self, filenames: Iterable[str]) -> dict[str, Path]:
        """Return the paths of several files on this machine. A hub downloads them concurrently."""
        return {filename: self.local_path(filename) for filename in filenames}

    def has(self, filename: str) -> bool:
        """Return whether the checkpoint has a file of this name."""
        return filename in self.filenames()

    def first_filenames(self, limit: int = 10_000) -> frozenset[str]:
        """Return the names of at most `limit` files, outer folders first: enough for a message about the checkpoint."""
        return frozenset(sorted(self.filenames(), key=lambda name: name.count("/"))[:limit])

    def was_replaced(self) -> bool:
        """Return whether the files may have been replaced since it was opened. Those of a commit never are."""
        return False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read files in the block. If it fails because a save replaced the files meanwhile, the error says so.

        Raises:
            CheckpointChangedError: The block raised an error, and the files were replaced meanwhile.
        """
        try:
            yield
        except CheckpointChangedError:
            raise
        except Exception as error:
            if self._is_overtaken():
                raise CheckpointChangedError(str(self)) from error
            raise

    def _is_overtaken(self) -> bool:
        """Return whether paths that were given out may no longer lead to the files."""
        return self.was_replaced()

    def size_of(self, filename: str) -> int:
        """Return the size of a file in bytes. A hub may know it without downloading the file.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            UnsafeNameError: The name would leave the checkpoint.
        """
        return self.local_path(filename).stat().st_size

    def read_bytes(self, filename: str, *, limit: int) -> bytes:
        """Return the content of a small file.

        Args:
            filename: Name relative to the subfolder.
            limit: Largest allowed size in bytes.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            ValueError: The file is larger than `limit`.
        """
        content = read_at_most(self.local_path(filename), limit)
        if len(content) > limit:
            raise ValueError(f"{filename} of {self} is larger than {limit:,} bytes.")
        return content

    def __str__(self) -> str:
        commit = f"@{self.commit[:12]}" if self.commit else ""
        subfolder = f"/{self.subfolder}" if self.subfolder else ""
        return f"{self.name}{commit}{subfolder}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class FolderCheckpoint(Checkpoint):
    """A checkpoint in a folder of this machine.

    If a save was interrupted after it was decided, the files are those of the new save.
    """

    def __init__(self, path: str | os.PathLike[str], *, subfolder: str = "") -> None:
        """Open a folder.

        Raises:
            CheckpointNotFoundError: The folder or its subfolder does not exist.
            UnsafeNameError: The subfolder is not a plain relative name, or is reached through a link that leaves the
                folder.
        """
        self.name = os.fspath(path)
        self.commit = None
        self.subfolder = check_relative_name(subfolder, where="subfolder") if subfolder else ""
        self._top = Path(path)
        self._folder = self._top / self.subfolder
        if not self._folder.is_dir():
            raise CheckpointNotFoundError(f"There is no folder {str(self._folder)!r}.", source=self.name)
        if self.subfolder:
            check_links(self.subfolder, self._folder, top=self._top)
        self._pending, self._config_state = self._look()

    def __fspath__(self) -> str:
        """Return the folder, for code that looks for further files in it."""
        return str(self._folder)

    def was_replaced(self) -> bool:
        """Return whether a save has replaced the config since. It does that before it replaces the weights."""
        try:
            return self._look()[1] != self._config_state
        except (OSError, ConfigFileError):
            return True

    def _is_overtaken(self) -> bool:
        # What was staged when the folder was opened may have been moved to its place.
        return self.was_replaced() or any(path and not os.path.lexists(path) for path in self._pending.values())

    def _look(self) -> tuple[dict[str, Path | None], tuple[int, ...] | None]:
        """Return what an interrupted save still has to do, and the state of the config, which every save changes."""
        look = self._look_once()
        while look != (again := self._look_once()):  # a save began or ended meanwhile
            look = again
        return look

    def _look_once(self) -> tuple[dict[str, Path | None], tuple[int, ...] | None]:
        pending = _pending_files(self._folder)
        staged = pending.get(CONFIG_NAME)
        in_place = os.path.join(self._folder, CONFIG_NAME)  # noqa: PTH118 - five times as fast
        return pending, (_state(staged) if staged else None) or _state(in_place)

    def filenames(self) -> frozenset[str]:
        """Return the names of all files below the subfolder, except those in hidden folders."""
        found = set(self._files_in_place())
        for name, staged in self._pending.items():
            found.discard(name) if staged is None else found.add(name)
        return frozenset(found)

    def first_filenames(self, limit: int = 10_000) -> frozenset[str]:
        """Return the names of at most `limit` files. No more of the folder is read: it may be somebody's home."""
        return frozenset(islice(self._files_in_place(), limit))

    def _files_in_place(self) -> Iterator[str]:
        """Yield the names of all files below the subfolder, outer folders first, except those in hidden folders."""
        folders = deque([""])  # not `os.walk`, which is recursive: a hostile folder can be deeper than Python's limit
        while folders:
            prefix = folders.popleft()
            with suppress(OSError), os.scandir(self._folder / prefix) as entries:
                for entry in entries:
                    if is_save_state(entry.name):
                        continue
                    if not entry.is_dir():
                        yield f"{prefix}{entry.name}"
                    elif not entry.is_symlink() and not entry.name.startswith("."):
                        folders.append(f"{prefix}{entry.name}/")

    def local_path(self, filename: str) -> Path:
        """Return the path of a file.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            CheckpointChangedError: A save has removed it meanwhile.
            UnsafeNameError: The name, or a link, points outside the folder.
        """
        check_relative_name(filename, where=str(self))
        path = self._find(filename)
        if path is None:
            if self._is_overtaken():
                raise CheckpointChangedError(str(self))
            raise CheckpointFileNotFoundError(checkpoint=f"The folder {str(self._folder)!r}", filename=filename)
        check_links(filename, path, top=self._top)
        return path

    def read_bytes(self, filename: str, *, limit: int) -> bytes:
        """Return the content of a small file.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            CheckpointChangedError: A save has replaced or removed it meanwhile.
            ValueError: The file is larger than `limit`.
        """
        with self.reading():
            return super().read_bytes(filename, limit=limit)

    def has(self, filename: str) -> bool:
        """Return whether there is a file of this name. For a name that points outside the folder there is not."""
        try:
            check_relative_name(filename, where=str(self))
        except UnsafeNameError:
            return False
        return self._find(filename) is not None

    def _find(self, filename: str) -> Path | None:
        if filename in self._pending:
            staged = self._pending[filename]
            if staged is None or staged.is_file():
                return staged
            # Another process has finished the save meanwhile and moved the file to its place.
        if is_save_state(filename):
            return None
        in_place = self._folder / filename
        return in_place if in_place.is_file() else None

    def at_root(self) -> FolderCheckpoint:
        """Return a checkpoint of the folder without the subfolder."""
        return FolderCheckpoint(self.name)


def _pending_files(folder: Path) -> dict[str, Path | None]:
    """Return what an interrupted save still has to do. Most folders have no journal."""
    try:
        os.lstat(os.path.join(folder, JOURNAL))  # noqa: PTH118 - as above
    except FileNotFoundError:
        return {}
    except OSError:  # read_journal says what is wrong
        pass
    from config_core.checkpoint._save_journal import pending_files

    return pending_files(folder)


def _state(path: str | Path) -> tuple[int, ...] | None:
    """Return what changes when a file is replaced, or None if there is no file that can be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - which takes strings too
    except OSError:  # such as a link to itself; reading it raises the right error
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
