"""Saving a folder as one step: a process killed at any instant leaves the old checkpoint or the new one.

New files are written to a staging folder inside the target, so that they are on the same file system. The save is
decided when a journal that lists them appears in the target, by one rename. After that the files are moved to their
places; if this is interrupted, readers follow the journal (`pending_files`) and the next save finishes the moves. Files
that are not part of the save are never touched. Savers lock the target, so that only one at a time moves files.

A downloaded folder may contain a journal that no save has written. It can do nothing outside of the folder: names are
plain, and nothing is read, moved or removed through a link.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config_core.checkpoint._safe_names import check_relative_name
from config_core.checkpoint._small_files import flush_to_disk
from config_core.errors import ConfigCoreError, ConfigFileError, SaveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["pending_files", "staged_save"]

_JOURNAL = ".pretrained-save.json"
_STAGING_PREFIX = ".pretrained-save-"
_MAX_JOURNAL_BYTES = 16 * 1024 * 1024
_STAGING = re.compile(r"\.pretrained-save-(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]+)-[0-9a-f]{8}")
_NO_JOURNAL = "this is not the journal of an interrupted save. Remove it."
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

    Args:
        folder: The target; `~` is expanded. It and its parents are created if missing.
        stale: Returns whether a file name at the top of `folder` belongs to an earlier save of the same kind. Such
            files are removed in the same step unless they were written again.

    Yields:
        The empty staging folder.

    Raises:
        SaveError: The target is a file or cannot be written. After this, as after any exception in the block,
            everything is as it was.
    """
    target = _target(folder)
    created: list[Path] = []
    staging: Path | None = None
    try:
        created = _create(target)
        with _locked(target):
            _sweep(target)
        staging = target / f"{_STAGING_PREFIX}{_host()}-{os.getpid()}-{os.urandom(4).hex()}"
        staging.mkdir()
        yield staging
        staged = _flush_files(staging)
        with _locked(target):
            _finish(target, _decide(target, staging, staged, stale))
    except BaseException as error:
        decided = staging is not None and _is_decided(target, staging)
        if not decided:
            _discard(staging, created)
        if isinstance(error, OSError) and error.errno in _UNWRITABLE and not isinstance(error, ConfigCoreError):
            state = (
                "The new files are complete, and the next load or save moves them to their places"
                if decided
                else "What was there before is unchanged"
            )
            raise SaveError(f"{error.strerror}. {state}.", path=target) from error
        raise


def pending_files(folder: Path) -> dict[str, Path | None]:
    """Return what a decided but unfinished save of `folder` still has to do.

    Returns:
        Name to the staged file that replaces it, or to None if the name is to be removed. Empty if no save was
        interrupted.

    Raises:
        ConfigFileError: The journal is malformed.
    """
    journal = _read_journal(folder)
    if journal is None:
        return {}
    pending: dict[str, Path | None] = dict.fromkeys(journal.remove)
    for name in journal.files:
        if (staged := folder / journal.staging / name).is_file():
            pending[name] = staged
    return pending


class _Journal(NamedTuple):
    """A decided save: files to move out of the staging folder, and files to remove."""

    staging: str
    files: list[str]
    remove: list[str]


def _target(folder: str | os.PathLike[str]) -> Path:
    """Return the path of the folder that a user names, with `~` expanded as it is for a load."""
    target = Path(folder)
    if not os.fspath(folder):  # pathlib takes it for the current folder
        raise SaveError("the name is empty. The current folder is '.'.", path=target)
    if "\0" in str(target):
        raise SaveError("the name contains a null character.", path=target)
    try:
        return target.expanduser()
    except RuntimeError as error:
        raise SaveError("there is no such home folder.", path=target) from error


def _create(target: Path) -> list[Path]:
    """Create the target and its parents; return the folders that were missing, outermost first."""
    if (target.exists() or target.is_symlink()) and not target.is_dir():
        raise SaveError("it is a file, but a checkpoint is a folder.", path=target)
    missing = [path for path in (target, *target.parents) if not path.exists()]
    target.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _is_decided(target: Path, staging: Path) -> bool:
    """Return whether the journal of a save is in its place. An interrupt may come right after it was put there."""
    try:
        journal = _read_journal(target)
    except (OSError, ConfigFileError):
        return False
    return journal is not None and journal.staging == staging.name


def _discard(staging: Path | None, created: list[Path]) -> None:
    """Remove what a failed save has created."""
    if staging is not None:
        _remove_folder(staging)
    for path in reversed(created):
        with contextlib.suppress(OSError):
            path.rmdir()


def _flush_files(staging: Path) -> list[str]:
    """Wait until the staged files are on the disk; return their names, sorted."""
    paths = [path for path in staging.rglob("*") if path.is_file()]
    mode = _mode_of_new_files(staging)
    for path in paths:
        path.chmod(mode)
        flush_to_disk(path)
    names = [path.relative_to(staging) for path in paths]
    for folder in {parent for name in names for parent in name.parents}:
        flush_to_disk(staging / folder)
    return sorted(name.as_posix() for name in names)


def _mode_of_new_files(staging: Path) -> int:
    """Return the mode that the umask gives a new file. Some writers of weights make files that others cannot read."""
    probe = staging / _JOURNAL
    probe.touch()
    mode = probe.stat().st_mode & 0o777
    probe.unlink()
    return mode


def _plan(target: Path, staging: Path, staged: list[str], stale: Callable[[str], bool] | None) -> _Journal:
    """Return what the save does to the target, after checking everything that could stop it halfway."""
    for name in staged:
        check_relative_name(name, where="the save")
        if (target / name).is_dir():
            raise SaveError(f"{name} is a folder there, but a file is to be saved under this name.", path=target)
        if link := _link_above(target, name):
            raise SaveError(f"{name} would be written through {link}, which is a link.", path=target)
        for parent in list(Path(name).parents)[:-1]:
            if (target / parent).exists() and not (target / parent).is_dir():
                raise SaveError(f"{parent.as_posix()} is a file there, but the save needs a folder.", path=target)
    old = [path.name for path in target.iterdir() if path.is_file()] if stale is not None else []
    kept = {*staged, _JOURNAL}
    remove = sorted(name for name in old if name not in kept and stale is not None and stale(name))
    for name in remove:
        check_relative_name(name, where="the save")
    return _Journal(staging=staging.name, files=staged, remove=remove)


def _decide(target: Path, staging: Path, staged: list[str], stale: Callable[[str], bool] | None) -> _Journal:
    """Plan the save and put its journal in its place. Saves that other processes decided are finished first."""
    while True:
        _sweep(target)
        journal = _plan(target, staging, staged, stale)
        needs_journal = len(journal.files) + len(journal.remove) > 1  # a single change is one step by itself
        if not needs_journal or _publish(journal, target):
            return journal


def _publish(journal: _Journal, target: Path) -> bool:
    """Put the journal in its place, which decides the save. Return False if another save was faster (without locks)."""
    draft = target / journal.staging / _JOURNAL
    draft.write_text(json.dumps(journal._asdict(), indent=2), encoding="utf-8")
    flush_to_disk(draft)
    try:
        os.link(draft, target / _JOURNAL)
    except FileExistsError:
        return False
    except OSError:  # file systems without hard links
        draft.replace(target / _JOURNAL)
    flush_to_disk(target)
    return True


def _finish(target: Path, journal: _Journal) -> None:
    """Do what a decided save still has to do. Several processes may do this at once."""
    for name in journal.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (target / journal.staging / name).replace(target / name)
    for name in journal.remove:
        (target / name).unlink(missing_ok=True)
    for folder in {target, *(target / parent for name in journal.files for parent in Path(name).parents)}:
        flush_to_disk(folder)
    if _is_decided(target, target / journal.staging):  # the journal may be that of a later save
        (target / _JOURNAL).unlink(missing_ok=True)
    _remove_folder(target / journal.staging)


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Let one process at a time change the target.

    Where folders cannot be locked, the journal still keeps a save whole. But stale files of another save at the same
    time may remain; a load refuses them.
    """
    if os.name == "nt":
        yield
        return
    import fcntl

    descriptor = os.open(target, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(target: Path) -> None:
    """Finish a decided save, and remove the staging folders of processes that no longer run."""
    if (journal := _read_journal(target)) is not None:
        _finish(target, journal)
    for path in target.glob(f"{_STAGING_PREFIX}*"):
        staging = _STAGING.fullmatch(path.name)
        if staging and staging["host"] == _host() and not _is_running(int(staging["pid"])):
            _remove_folder(path)


def _read_journal(folder: Path) -> _Journal | None:
    path = folder / _JOURNAL
    try:
        text = _read_regular(path)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise  # the folder cannot be entered, so it is unknown whether there is a journal
    except (ValueError, OSError) as error:
        raise ConfigFileError(_NO_JOURNAL, path=path) from error
    try:
        values = json.loads(text)
        if not all(isinstance(values[key], list) for key in ("files", "remove")):
            raise TypeError(values)  # noqa: TRY301 - reported below
        journal = _Journal(**values)
        if not _STAGING.fullmatch(journal.staging) or (folder / journal.staging).is_symlink():
            raise ValueError(journal.staging)  # noqa: TRY301 - reported below
        for name in (*journal.files, *journal.remove):
            check_relative_name(name, where=str(path))
            staged = f"{journal.staging}/{name}"
            if _link_above(folder, name) or _link_above(folder, staged) or (folder / staged).is_symlink():
                raise ValueError(name)  # noqa: TRY301 - reported below
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        raise ConfigFileError(_NO_JOURNAL, path=path) from error
    return journal


def _read_regular(path: Path) -> bytes:
    """Return the content of a small regular file. Never follow a link, and never wait for the writer of a pipe."""
    if path.is_symlink():
        raise ValueError(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(path)
        content = file.read(_MAX_JOURNAL_BYTES + 1)
    if len(content) > _MAX_JOURNAL_BYTES:
        raise ValueError(path)
    return content


def _link_above(folder: Path, name: str) -> str | None:
    """Return the first folder in the path of a name that is a link, or None."""
    parts = name.split("/")
    ways = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((way for way in ways if (folder / way).is_symlink()), None)


def _host() -> str:
    import hashlib

    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # os.kill would terminate the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove_folder(path: Path) -> None:
    import shutil  # imports every compression library

    shutil.rmtree(path, ignore_errors=True)
