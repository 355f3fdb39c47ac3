"""Mutual exclusion of threads that detects circular waits."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

__all__ = ["CircularWaitError", "Turns"]


class CircularWaitError(RuntimeError):
    """The thread that holds the turn waits, perhaps through others, for the one that wants it."""


class Turns:
    """One reentrant lock per object. Unlike `threading.RLock` it detects threads that wait for each other.

    They would if the code of two checkpoints loads each other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[Hashable, int] = {}  # object to thread
        self._wanted: dict[int, Hashable] = {}  # waiting thread to object

    @contextlib.contextmanager
    def of(self, thing: Hashable) -> Iterator[bool]:
        """Hold the lock of an object in the block. Yield whether this thread did not hold it already.

        Raises:
            CircularWaitError: The wait would never end.
        """
        thread = threading.get_ident()
        with self._changed:
            is_new = self._holders.get(thing) != thread
            if is_new:
                self._wait(thing, thread)
                self._holders[thing] = thread
        try:
            yield is_new
        finally:
            if is_new:
                with self._changed:
                    del self._holders[thing]
                    self._changed.notify_all()

    def is_ours(self, thing: Hashable) -> bool:
        """Return whether this thread holds the lock of an object."""
        return self._holders.get(thing) == threading.get_ident()

    def _wait(self, thing: Hashable, thread: int) -> None:
        while thing in self._holders:
            holder: int | None = self._holders[thing]
            while holder is not None:
                if holder == thread:
                    raise CircularWaitError
                holder = self._holders.get(self._wanted.get(holder))
            self._wanted[thread] = thing
            try:
                self._changed.wait()
            finally:
                del self._wanted[thread]
