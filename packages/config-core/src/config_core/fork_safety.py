"""Locks that are free in the child of a fork, where the thread that holds one does not exist."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["ForkSafeLock"]


class ForkSafeLock:
    """A lock that a module makes once, for the life of the process and of the children that it forks.

    The thread that holds it may enter it again.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def held(self) -> AbstractContextManager[object]:
        """Return a context that lets one thread at a time into the block."""
        return self._lock  # not the object itself: a child that is forked in the block leaves the lock that was entered
