"""The journal of a decided save: which files still have to be moved, and which to be removed.

A download can bring a journal as well, with any name and any byte that a save could have written. It is data, and
nothing in it is followed. What a download cannot bring is the change time of a file: the kernel sets it, and no program
can choose it. So a save creates a file of its own in its staging folder, the seal, and the journal records the inode
and the change time of the seal. They outlive a crash and a restart; they do not outlive a copy, a clone, an archive or
a download. On file systems without change times, such as FAT and exFAT, a journal is believed while its save runs and
holds the seal locked, and a folder in which a save was interrupted is refused.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from config_core.checkpoint._file_locks import is_held
from config_core.checkpoint._safe_names import JOURNAL, SAVE_STATE, check_relative_name
from config_core.checkpoint._small_files import flush_to_disk
from config_core.errors import ConfigFileError, SaveError

__all__ = [
    "SEAL",
    "Journal",
    "is_journal_of",
    "is_staging_name",
    "link_above",
    "mark_seal",
    "new_staging_name",
    "pending_files",
    "publish_journal",
    "read_journal",
    "seal_of",
]

SEAL = ".seal"
_STAGING = re.compile(rf"{re.escape(SAVE_STATE)}-[0-9a-f]{{16}}")
_MAX_BYTES = 4 * 1024 * 1024
# Another time than that of its creation. Where the change time is only a copy of the time of modification, which any
# program can set, a seal proves nothing.
_SEAL_MODIFIED_NS = 1_000_000_000 * 1_000_000_000
_NO_JOURNAL = "this is not the journal of an interrupted save. Remove it"


class Journal(NamedTuple):
    """A decided save.

    Attributes:
        staging: Name of the folder that holds the new files.
        files: Names of the files to move out of it.
        remove: Names of the files to remove.
        seal: Inode and change time, in nanoseconds, of the seal in the staging folder.
    """

    staging: str
    files: list[str]
    remove: list[str]
    seal: list[int]


def pending_files(folder: Path) -> dict[str, Path | None]:
    """Return what a decided but unfinished save of `folder` still has to do.

    Returns:
        Name to the staged file that replaces it, or to None if the name is to be removed. Empty if no save was
        interrupted.

    Raises:
        ConfigFileError: There is a journal that no save has written here.
    """
    journal = read_journal(folder)
    if journal is None:
        return {}
    pending: dict[str, Path | None] = dict.fromkeys(journal.remove)
    for name in journal.files:
        if (staged := folder / journal.staging / name).is_file():
            pending[name] = staged
    return pending


def read_journal(folder: Path) -> Journal | None:
    """Return the journal of an interrupted save into a folder, or None if there is none.

    Raises:
        ConfigFileError: There is a file of this name that no save has written here.
        PermissionError: The folder may not be entered.
    """
    path, seen = folder / JOURNAL, None
    while True:
        try:
            content = _read_regular(path)
            journal = _parse(content)
            if _is_sealed(folder, journal):
                _check_names(folder, journal)
                return journal
        except FileNotFoundError:
            return None
        except PermissionError:
            raise  # the folder cannot be entered, so it is unknown whether there is a journal
        except (ValueError, OSError) as error:
            raise ConfigFileError(f"{_NO_JOURNAL}.", path=path) from error
        if content == seen:
            raise _foreign(path, journal.staging)
        seen = content  # a save may have ended in between, and its seal with it


def is_journal_of(staging: Path) -> bool:
    """Return whether the journal in the target is that of the save with this staging folder."""
    try:
        return _parse(_read_regular(staging.parent / JOURNAL)).staging == staging.name
    except (OSError, ValueError):
        return False


def publish_journal(journal: Journal, target: Path) -> bool:
    """Put a journal in its place, which decides the save. Return False if another save came first (without locks).

    Raises:
        SaveError: There are more files than a journal can list.
    """
    content = json.dumps(journal._asdict(), indent=1).encode()
    if len(content) > _MAX_BYTES:
        raise SaveError(f"{len(journal.files):,} files are too many for one save.", path=target)
    draft = target / journal.staging / JOURNAL
    draft.write_bytes(content)
    flush_to_disk(draft)
    try:
        os.link(draft, target / JOURNAL)
    except FileExistsError:
        return False
    except OSError:  # file systems without hard links
        draft.replace(target / JOURNAL)
    return True


def new_staging_name() -> str:
    """Return a name for a staging folder that nobody else has."""
    return f"{SAVE_STATE}-{os.urandom(8).hex()}"


def is_staging_name(name: str) -> bool:
    """Return whether a staging folder may have this name."""
    return _STAGING.fullmatch(name) is not None


def mark_seal(staging: Path) -> None:
    """Give the seal of a new staging folder its time of modification. It must not be changed afterwards."""
    try:
        os.utime(staging / SEAL, ns=(_SEAL_MODIFIED_NS, _SEAL_MODIFIED_NS))
    except OSError:
        return  # then the journal is not believed after a crash


def seal_of(staging: Path) -> list[int]:
    """Return what the journal records of the seal."""
    status = (staging / SEAL).lstat()
    return [status.st_ino, status.st_ctime_ns]


def link_above(folder: Path, name: str) -> str | None:
    """Return the first folder in the path of a name that is a link, or None."""
    parts = name.split("/")
    ways = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((way for way in ways if (folder / way).is_symlink()), None)


def _parse(content: bytes) -> Journal:
    """Return the journal in a file.

    Raises:
        ValueError: It is not a journal.
    """
    try:
        journal = Journal(**json.loads(content))
        if all(isinstance(value, list) for value in journal[1:]) and is_staging_name(journal.staging):
            return journal
    except (TypeError, RecursionError) as error:
        raise ValueError("not a journal") from error
    raise ValueError("not a journal")


def _is_sealed(folder: Path, journal: Journal) -> bool:
    """Return whether a journal belongs to a save into this very folder."""
    seal = folder / journal.staging / SEAL
    try:
        if not stat.S_ISDIR(seal.parent.lstat().st_mode):
            return False
        status = seal.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    if status.st_ctime_ns == status.st_mtime_ns:  # a file system without change times
        return is_held(seal) is True
    return journal.seal == [status.st_ino, status.st_ctime_ns]


def _check_names(folder: Path, journal: Journal) -> None:
    """Raise ValueError unless a journal lists only names that a save may write, and none leads through a link."""
    for name in (*journal.files, *journal.remove):
        check_relative_name(name, where=JOURNAL)
        staged = f"{journal.staging}/{name}"
        if (
            any(part.startswith(".") for part in name.split("/"))
            or link_above(folder, name)
            or link_above(folder, staged)
            or (folder / staged).is_symlink()
        ):
            raise ValueError(name)


def _foreign(path: Path, staging: str) -> ConfigFileError:
    if _is_marked_without_change_time(path.parent / staging / SEAL):
        return ConfigFileError(
            "this journal of an interrupted save may have come with a download: the file system keeps no change times, "
            "as FAT and exFAT, so that nothing proves that a save here wrote it. Remove it and the folder "
            f"{staging}. If a save was interrupted here, save again: a part of the files may be those of the old "
            "checkpoint.",
            path=path,
        )
    return ConfigFileError(
        f"{_NO_JOURNAL} and the folder {staging}: no save has written them here. They came with a download, or the "
        "folder was copied or moved while a save into it was interrupted. In that case, save into the original again, "
        f"or move the files of {staging} to their places yourself.",
        path=path,
    )


def _is_marked_without_change_time(seal: Path) -> bool:
    """Return whether a file is marked as the seal of a save, on a file system that keeps no change times."""
    try:
        status = seal.lstat()
    except OSError:
        return False
    return status.st_ctime_ns == status.st_mtime_ns == _SEAL_MODIFIED_NS and stat.S_ISREG(status.st_mode)


def _read_regular(path: Path) -> bytes:
    """Return the content of a small regular file. Never follow a link, and never wait for the writer of a pipe."""
    if path.is_symlink():
        raise ValueError(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise ValueError(path)
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(path)
    return content
