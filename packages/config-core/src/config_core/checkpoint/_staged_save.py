"""Saving a folder as one step: a process killed at any instant leaves the old checkpoint or the new one.

New files are written to a staging folder inside the target, so that they are on the same file system. The save is
decided when a journal that lists them appears in the target, by one rename. After that the files are moved to their
places; if this is interrupted, readers follow the journal (`pending_files`) and the next save finishes the moves. Files
that are not part of the save are never touched. Savers lock the target, so that only one at a time moves files, and
each keeps a file in its staging folder locked, so that others leave that folder alone for as long as it runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from config_core.checkpoint._file_locks import hold_file, is_held, locked_folder, release
from config_core.checkpoint._safe_names import JOURNAL, check_relative_name, expand_home
from config_core.checkpoint._save_journal import (
    SEAL,
    Journal,
    is_journal_of,
    is_staging_name,
    link_above,
    mark_seal,
    new_staging_name,
    publish_journal,
    read_journal,
    seal_of,
)
from config_core.checkpoint._small_files import flush_to_disk, set_mode
from config_core.errors import ConfigCoreError, SaveError

__all__ = ["staged_save"]

# Errors of the block that are about the disk, and not about what the block reads.
_UNWRITABLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.EIO,
}


@contextlib.contextmanager
def staged_save(folder: str | os.PathLike[str], *, stale: Callable[[str], bool] | None = None) -> Iterator[Path]:
    """Yield a staging folder whose files replace those of `folder` together when the block ends without an error.

    A file that replaces one keeps its permission bits.

    Args:
        folder: The target; `~` is expanded. It and its parents are created if missing.
        stale: Returns whether a file name at the top of `folder` belongs to an earlier save of the same kind. Such
            files are removed in the same step unless they were written again.

    Yields:
        The staging folder. It is empty except for a hidden file.

    Raises:
        SaveError: The target is a file or cannot be written. After this, as after any exception in the block,
            everything is as it was, unless the error says that the new checkpoint is in place.
    """
    save = _Save(_target(folder), stale)
    try:
        with save.reporting_errors():
            save.begin()
        with save.reporting_errors(_UNWRITABLE):
            yield save.staging
        with save.reporting_errors():
            save.end()
    except BaseException:
        save.undo()
        raise


class _Save:
    """One save into a target.

    Attributes:
        target: The target.
        staging: The staging folder.
    """

    def __init__(self, target: Path, stale: Callable[[str], bool] | None) -> None:
        self.target = target
        self.staging = target / new_staging_name()
        self._stale = stale
        self._created: list[Path] = []
        self._lock: int | None = None
        self._staged: list[str] = []

    def begin(self) -> None:
        """Create the staging folder, and lock it."""
        self._created = _create(self.target)
        with locked_folder(self.target):
            _sweep(self.target)
            self.staging.mkdir()
            self._lock = hold_file(self.staging / SEAL)
            mark_seal(self.staging)

    def end(self) -> None:
        """Replace the old files by the staged ones."""
        staged = _flush_files(self.staging)
        with locked_folder(self.target):
            self._staged = staged
            _finish(self.target, self._decide())
            self._remove_staging()

    def undo(self) -> None:
        """Remove what a failed save has created, unless it was decided."""
        if self._is_decided():
            self._release()
            return
        self._remove_staging()
        for path in reversed(self._created):
            with contextlib.suppress(OSError):
                path.rmdir()

    @contextlib.contextmanager
    def reporting_errors(self, numbers: Container[int | None] | None = None) -> Iterator[None]:
        """Turn errors of the file system, or only those of some numbers, into ones that say what the target holds."""
        try:
            yield
        except ConfigCoreError:
            raise
        except OSError as error:
            if numbers is not None and error.errno not in numbers:
                raise
            state = (
                "The new checkpoint is complete and in place: loads read it, and the next save tidies up"
                if self._is_decided()
                else "What was there before is unchanged"
            )
            raise SaveError(f"{error.strerror or error}. {state}.", path=self.target) from error

    def _is_decided(self) -> bool:
        """Return whether the save cannot be taken back. An interrupt may come right after it was decided."""
        return is_journal_of(self.staging) or any(not os.path.lexists(self.staging / name) for name in self._staged)

    def _decide(self) -> Journal:
        """Plan the save and put its journal in its place. Saves that other processes decided are finished first."""
        while True:
            _sweep(self.target)
            journal = _plan(self.target, self.staging, self._staged, self._stale)
            _set_modes(self.target, journal)
            needs_journal = len(journal.files) + len(journal.remove) > 1  # a single change is one step by itself
            if not needs_journal or publish_journal(journal, self.target):
                return journal

    def _remove_staging(self) -> None:
        self._release()
        _remove_folder(self.staging)

    def _release(self) -> None:
        if self._lock is not None:
            release(self._lock)
            self._lock = None


def _target(folder: str | os.PathLike[str]) -> Path:
    """Return the path of the folder that a user names, with `~` expanded as it is for a load."""
    target = Path(folder)
    if not os.fspath(folder):  # pathlib takes it for the current folder
        raise SaveError("the name is empty. The current folder is '.'.", path=target)
    if "\0" in str(target):
        raise SaveError("the name contains a null character.", path=target)
    try:
        return expand_home(folder)
    except RuntimeError as error:
        raise SaveError("there is no such home folder.", path=target) from error


def _create(target: Path) -> list[Path]:
    """Create the target and its parents; return the folders that were missing, outermost first."""
    if (target.exists() or target.is_symlink()) and not target.is_dir():
        raise SaveError("it is a file, but a checkpoint is a folder.", path=target)
    missing = [path for path in (target, *target.parents) if not path.exists()]
    target.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _flush_files(staging: Path) -> list[str]:
    """Wait until the staged files are on the disk; return their names, sorted."""
    paths = [path for path in staging.rglob("*") if path.is_file() and path != staging / SEAL]
    for path in paths:
        flush_to_disk(path)
    names = [path.relative_to(staging) for path in paths]
    for folder in {parent for name in names for parent in name.parents}:
        flush_to_disk(staging / folder)
    return sorted(name.as_posix() for name in names)


def _plan(target: Path, staging: Path, staged: list[str], stale: Callable[[str], bool] | None) -> Journal:
    """Return what the save does to the target, after checking everything that could stop it halfway."""
    for name in staged:
        _check_place(target, staging, name)
    if len(staged) > 1 and (hidden := next(filter(_is_hidden, staged), None)):
        raise SaveError(f"{hidden} is hidden, but a checkpoint has no hidden files.", path=target)
    remove: list[str] = []
    if stale is not None:
        old = {path.name for path in target.iterdir() if path.is_file()}.difference(staged)
        remove = sorted(name for name in old if not _is_hidden(name) and stale(name))
    for name in remove:
        check_relative_name(name, where="the save")
    return Journal(staging=staging.name, files=staged, remove=remove, seal=seal_of(staging))


def _check_place(target: Path, staging: Path, name: str) -> None:
    """Check that a staged file can be moved to its place."""
    check_relative_name(name, where="the save")
    if not (staging / name).is_file():
        raise SaveError(f"{name} was removed from {staging.name} meanwhile. Save again.", path=target)
    if (target / name).is_dir():
        raise SaveError(f"{name} is a folder there, but a file is to be saved under this name.", path=target)
    if link := link_above(target, name):
        raise SaveError(f"{name} would be written through {link}, which is a link.", path=target)
    for parent in list(Path(name).parents)[:-1]:
        if (target / parent).exists() and not (target / parent).is_dir():
            raise SaveError(f"{parent.as_posix()} is a file there, but the save needs a folder.", path=target)


def _is_hidden(name: str) -> bool:
    """Return whether a name, or a folder in it, is hidden. A journal lists no such names."""
    return any(part.startswith(".") for part in name.split("/"))


def _set_modes(target: Path, journal: Journal) -> None:
    """Give staged files the permission bits of the files that they replace.

    A new name gets those that the umask gives, whatever the writer of the file gave it. It grants no more than the
    files of another layout did that it takes the place of.
    """
    new = _mode_of_new_files(target / journal.staging)
    for name in journal.remove:
        new &= _mode_of(target / name, default=new)
    for name in journal.files:
        set_mode(target / journal.staging / name, _mode_of(target / name, default=new))


def _mode_of(path: Path, *, default: int) -> int:
    """Return the permission bits of a file; the default if there is none, or a link."""
    try:
        return default if path.is_symlink() else path.stat().st_mode & 0o777
    except OSError:
        return default


def _mode_of_new_files(staging: Path) -> int:
    """Return the permission bits that the umask gives a new file."""
    probe = staging / ".probe"
    probe.touch()
    mode = probe.stat().st_mode & 0o777
    probe.unlink()
    return mode


def _finish(target: Path, journal: Journal) -> None:
    """Do what a decided save still has to do. Several processes may do this at once."""
    flush_to_disk(target)  # with the journal
    for name in journal.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (target / journal.staging / name).replace(target / name)
    for name in journal.remove:
        (target / name).unlink(missing_ok=True)
    for folder in {target, *(target / parent for name in journal.files for parent in Path(name).parents)}:
        flush_to_disk(folder)
    if is_journal_of(target / journal.staging):  # it may be that of a later save
        (target / JOURNAL).unlink(missing_ok=True)


def _sweep(target: Path) -> None:
    """Finish a decided save, and remove the staging folders of saves that no longer run."""
    if (journal := read_journal(target)) is not None:
        _finish(target, journal)
    with os.scandir(target) as entries:
        names = [entry.name for entry in entries if is_staging_name(entry.name)]
    for name in names:
        if is_held(target / name / SEAL) is False:
            _remove_folder(target / name)


def _remove_folder(path: Path) -> None:
    import shutil  # imports every compression library

    with contextlib.suppress(RecursionError):  # no save makes folders that deep
        shutil.rmtree(path, ignore_errors=True)
