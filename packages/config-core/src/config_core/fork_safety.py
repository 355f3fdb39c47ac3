"""Locks that are free in the child of a fork, where the thread that holds one does not exist."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ForkSafeLock"]


class ForkSafeLock:
    """A lock that a module makes once, for the life of the process and of the children that it forks."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let one thread at a time into the block."""
        with self._lock:  # a child that is forked in the block leaves the lock that was entered
            yield
