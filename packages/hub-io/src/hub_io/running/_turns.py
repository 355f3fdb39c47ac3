"""One thread after the other, and no two that wait for each other."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

__all__ = ["CircularWaitError", "Turns"]


class CircularWaitError(RuntimeError):
    """The thread that has the turn waits, perhaps through others, for the one that wants it."""


class Turns:
    """Lets one thread at a time have its turn at a thing. The same thread may take it again meanwhile.

    Unlike a lock it notices when threads wait for each other: code of one checkpoint may load that of another.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[Hashable, int] = {}  # the thread whose turn it is
        self._wanted: dict[int, Hashable] = {}  # by the thread that waits

    @contextlib.contextmanager
    def of(self, thing: Hashable) -> Iterator[bool]:
        """Wait for the turn of this thread, and have it in the block. Give whether it is new, and not taken again.

        Raises:
            CircularWaitError: It would never come.
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
        """Return whether it is the turn of this thread."""
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
