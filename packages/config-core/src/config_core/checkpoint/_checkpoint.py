"""Where the files of a checkpoint come from: a folder, or a repository at one commit.

A checkpoint is opened once and travels through the whole load, so that config, code and weights belong together.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from config_core.checkpoint._hub_options import HubKeywords, HubOptions
from config_core.checkpoint._hub_service import hub_service
from config_core.checkpoint._safe_names import check_links, check_relative_name
from config_core.checkpoint._small_files import read_at_most
from config_core.checkpoint._staged_save import pending_files
from config_core.errors import (
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigFileError,
    UnsafeNameError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONFIG_NAME", "Checkpoint", "FolderCheckpoint", "existing_path", "open_checkpoint"]

CONFIG_NAME = "config.json"

# `name` or `owner/name`; the hub itself judges the finer rules.
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)


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
        """Return where a file lies on this machine, downloading it if need be.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            UnsafeNameError: The name would leave the checkpoint.
        """

    @abstractmethod
    def at_root(self) -> Checkpoint:
        """Return the same checkpoint, same commit, without the subfolder."""

    def local_paths(self, filenames: Iterable[str]) -> dict[str, Path]:
        """Return where several files lie on this machine. A hub fetches them side by side."""
        return {filename: self.local_path(filename) for filename in filenames}

    def has(self, filename: str) -> bool:
        """Tell whether the checkpoint has a file of this name."""
        return filename in self.filenames()

    def was_replaced(self) -> bool:
        """Tell whether its files may be others by now than when it was opened, as those of a commit never are."""
        return False

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
            limit: Largest size in bytes that is read.

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

    If a save of this folder was interrupted after it had been decided, the files are those of the new save.
    """

    def __init__(self, path: str | os.PathLike[str], *, subfolder: str = "") -> None:
        """Open a folder.

        Raises:
            CheckpointNotFoundError: The folder or its subfolder does not exist.
            UnsafeNameError: The subfolder is no plain relative name, or a link leads out of the folder to it.
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

    def was_replaced(self) -> bool:
        """Tell whether a save, which replaces the config before the weights, came between."""
        try:
            return self._look()[1] != self._config_state
        except (OSError, ConfigFileError):
            return True

    def _look(self) -> tuple[dict[str, Path | None], tuple[int, ...] | None]:
        """Return what an interrupted save has still to do, and what tells the config from that of the next save."""
        before, look = self._config_in_place(), self._look_once()
        if look == ({}, before):
            return look
        while look != (again := self._look_once()):  # a save began or ended between the parts of a look
            look = again
        return look

    def _look_once(self) -> tuple[dict[str, Path | None], tuple[int, ...] | None]:
        pending = pending_files(self._folder)
        staged = pending.get(CONFIG_NAME)
        return pending, (_state(staged) if staged else None) or self._config_in_place()

    def _config_in_place(self) -> tuple[int, ...] | None:
        return _state(os.path.join(self._folder, CONFIG_NAME))  # noqa: PTH118 - in a fifth of the time

    def filenames(self) -> frozenset[str]:
        """Return the names of all files below the subfolder; hidden folders are not part of a checkpoint."""
        found: set[str] = set()
        folders = [""]  # one after the other: `os.walk` calls itself, and a hostile folder can be deeper than it may
        while folders:
            prefix = folders.pop()
            with suppress(OSError), os.scandir(self._folder / prefix) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        found.add(f"{prefix}{entry.name}")
                    elif not entry.is_symlink() and not entry.name.startswith("."):
                        folders.append(f"{prefix}{entry.name}/")
        for name, staged in self._pending.items():
            found.discard(name) if staged is None else found.add(name)
        return frozenset(found)

    def local_path(self, filename: str) -> Path:
        """Return the path of a file.

        Raises:
            CheckpointFileNotFoundError: There is no such file.
            UnsafeNameError: The name would leave the folder, or a link does.
        """
        check_relative_name(filename, where=str(self))
        path = self._find(filename)
        if path is None:
            raise CheckpointFileNotFoundError(checkpoint=f"The folder {str(self._folder)!r}", filename=filename)
        check_links(filename, path, top=self._top)
        return path

    def has(self, filename: str) -> bool:
        """Tell whether there is a file of this name. A name that would leave the folder has none."""
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
            # A save that was being finished while we looked has moved the file to its place.
        in_place = self._folder / filename
        return in_place if in_place.is_file() else None

    def at_root(self) -> FolderCheckpoint:
        """Return the folder opened again without the subfolder."""
        return FolderCheckpoint(self.name)


def _state(path: str | Path) -> tuple[int, ...] | None:
    """Return what changes when a file is replaced; None if there is none, or none that can be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - which takes strings too
    except OSError:  # such as a link to itself: reading it will say why
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def existing_path(source: str | os.PathLike[str]) -> Path | None:
    """Return the file or folder that a user names, `~` being the home folder; None if there is none."""
    if not os.fspath(source):
        return None  # pathlib would take it for the current folder
    try:
        path = Path(source).expanduser()
        return path if path.exists() else None
    except PermissionError:
        raise
    except (OSError, RuntimeError, ValueError):  # no name of a file at all, or the home of nobody
        return None


def _why_no_repository(source: str | os.PathLike[str]) -> str | None:
    """Say why a name that is no folder's and no file's cannot be a repository's; None if it can."""
    if not isinstance(source, str) or not _REPO_ID.fullmatch(source):
        return "does not exist, and is no repository 'owner/name' either"
    return "is a link to what does not exist" if Path(source).is_symlink() else None


def open_checkpoint(
    source: str | os.PathLike[str] | Checkpoint, options: HubOptions | None = None, **named: Unpack[HubKeywords]
) -> Checkpoint:
    """Open a checkpoint once, for all the files of a load.

    Args:
        source: A folder, a repository `owner/name` on the hub, or a checkpoint that is already open, which is returned
            as it is. An existing folder is preferred to a repository of the same name.
        options: The hub options.
        **named: Hub options by name, such as `revision="v1"`; they replace those in `options`.

    Raises:
        CheckpointNotFoundError: There is no such folder, repository or revision.
        MissingServiceError: A repository is named and `pretrained-hub-io` is not installed.
        UnsafeNameError: `subfolder` is no plain relative name.
        TypeError: `source` is none of these, or there is no such option.
    """
    options = HubOptions(**named) if options is None else HubOptions(**{**options._asdict(), **named})
    if isinstance(source, Checkpoint):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"Expected a folder, a repository 'owner/name' or a Checkpoint, got {source!r}.")
    path = existing_path(source)
    if path is not None and path.is_dir():
        return FolderCheckpoint(path, subfolder=options.subfolder)
    # What is there is never taken for a repository of the same name.
    reason = "is a file, not a folder: name the one it is in" if path is not None else _why_no_repository(source)
    if reason is not None:
        raise CheckpointNotFoundError(f"The folder {os.fspath(source)!r:.300} {reason}.", source=os.fspath(source))
    if options.subfolder:
        check_relative_name(options.subfolder, where="subfolder")
    return hub_service().open(os.fspath(source), **options._asdict())
