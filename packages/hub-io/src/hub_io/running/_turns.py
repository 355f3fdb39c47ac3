"""One thread at a time imports code of one digest. Threads that would wait for each other get an error instead."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from hub_io.errors import RemoteCodeImportError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["forget_other_threads", "turn"]

_changed = threading.Condition()
_holders: dict[str, int] = {}  # digest to thread
_wanted: dict[int, str] = {}  # waiting thread to digest


@contextlib.contextmanager
def turn(digest: str, *, source: str) -> Iterator[None]:
    """Hold the turn of a digest in the block. The code that is imported in it may take it again.

    Raises:
        RemoteCodeImportError: The wait would never end: the code of two checkpoints loads each other.
    """
    thread = threading.get_ident()
    with _changed:
        is_new = _holders.get(digest) != thread
        if is_new:
            _wait(digest, thread, source)
            _holders[digest] = thread
    try:
        yield
    finally:
        if is_new:
            with _changed:
                del _holders[digest]
                _changed.notify_all()


def forget_other_threads() -> set[str]:
    """Return the turns of other threads, in the child of a fork, where these threads do not exist; give them up."""
    global _changed  # noqa: PLW0603 - as it is a lock
    _changed = threading.Condition()
    thread = threading.get_ident()
    others = {digest for digest, holder in _holders.items() if holder != thread}
    for digest in others:
        del _holders[digest]
    _wanted.clear()
    return others


def _wait(digest: str, thread: int, source: str) -> None:
    _wanted[thread] = digest
    try:
        while digest in _holders:
            if _leads_to(thread, digest):
                raise RemoteCodeImportError(
                    f"The code of {source} is being imported by a thread that waits for this one: two checkpoints "
                    "load each other's code. Load one of them first.",
                    source=source,
                    file="",
                )
            _changed.wait()
    finally:
        del _wanted[thread]


def _leads_to(thread: int, digest: str | None) -> bool:
    """Return whether the holder of a digest waits for a thread, perhaps through other threads."""
    while digest in _holders:
        holder = _holders[digest]
        if holder == thread:
            return True
        digest = _wanted.get(holder)
    return False
