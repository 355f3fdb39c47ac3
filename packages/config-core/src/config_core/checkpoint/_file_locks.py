"""Locks on files and folders that the kernel frees when their holder ends, however it ends.

A host name and a process id say nothing about a holder in another container, or after a restart. Children of a fork
close what their parent has locked: otherwise they would keep it locked for as long as they live.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["hold_file", "is_held", "locked_folder", "release"]

_open_files: set[int] = set()  # that this process has locked


def hold_file(path: Path) -> int:
    """Create a file and lock it. Return its descriptor, for `release`.

    Raises:
        OSError: It exists, or cannot be created.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    _open_files.add(descriptor)
    with contextlib.suppress(OSError):  # no locks on this file system: `is_held` cannot tell
        _lock(descriptor, wait=False)
    return descriptor


def release(descriptor: int) -> None:
    """Unlock what is locked, and close it."""
    if descriptor not in _open_files:
        return  # a child of the process that has locked it
    _open_files.discard(descriptor)
    with contextlib.suppress(OSError):
        _unlock(descriptor)  # closing alone would leave it to the children that were forked meanwhile
    os.close(descriptor)


def is_held(path: Path) -> bool | None:
    """Return whether a process holds a file locked; None if that cannot be found out."""
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, os.O_RDWR | flags)  # network file systems lock only what may be written
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        _lock(descriptor, wait=False)
        _unlock(descriptor)
    except (BlockingIOError, PermissionError):  # PermissionError: on Windows
        return True
    except OSError:
        return None
    else:
        return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Let one process and thread at a time into the block, where the system can lock folders."""
    if os.name == "nt":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    _open_files.add(descriptor)
    try:
        with contextlib.suppress(OSError):
            _lock(descriptor, wait=True)
        yield
    finally:
        release(descriptor)


# On Windows, a lock is on bytes from the position of the descriptor, which may be beyond the end of the file. Nothing
# reads or writes locked files, so the position stays 0, and the same byte is unlocked. Locking a held file raises
# PermissionError there, and closing frees it, too. `wait` is for folders, which Windows does not lock.


def _lock(descriptor: int, *, wait: bool) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _close_in_child() -> None:
    for descriptor in _open_files:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _open_files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
