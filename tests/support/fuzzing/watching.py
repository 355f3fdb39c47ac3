"""What a load does besides returning or raising: files that it writes, connections, processor time."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EndlessError", "limited_memory", "limited_work", "writes_outside"]

# Events, and which of their arguments are paths that they create, change or remove, and the folders these start in.
_WRITES = {"os.mkdir": [(0, 2)], "os.rename": [(0, 2), (1, 3)], "os.link": [(1, 3)], "os.symlink": [(1, 2)],
           "os.remove": [(0, 1)], "os.rmdir": [(0, 1)], "os.chmod": [(0, 2)], "os.utime": [(0, 3)]}  # fmt: skip
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOOPBACK = ("127.", "localhost", "::1")
_watches: list[tuple[tuple[str, ...], list[str]]] = []
_installed: list[bool] = []


class EndlessError(BaseException):
    """Work went over its limit. No handler of `Exception` takes it for an error of its own."""


@contextlib.contextmanager
def limited_work(seconds: float) -> Iterator[None]:
    """Limit the processor time of a block.

    Raises:
        EndlessError: The block took longer.
    """

    def stop(_number: int, _frame: object) -> None:
        raise EndlessError

    before, start = signal.signal(signal.SIGPROF, stop), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if time.process_time() - start > seconds:  # in code that no signal interrupts
        raise EndlessError


@contextlib.contextmanager
def limited_memory(size: int) -> Iterator[None]:
    """Limit what this process may take besides what it has: more is a MemoryError, on Linux."""
    sizes = Path("/proc/self/statm")
    if not sizes.exists():
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def writes_outside(*allowed: Path) -> Iterator[list[str]]:
    """Give a list that gets the paths outside of some folders that Python code writes in the block.

    Nothing in the block can reach another machine.
    """
    found: list[str] = []
    watch = (tuple(os.path.realpath(folder) for folder in allowed), found)
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)  # for good: hooks cannot be taken back
    _watches.append(watch)
    try:
        yield found
    finally:
        _watches.remove(watch)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watches:
        return
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & _WRITE_FLAGS
        if writes and isinstance(path, (str, bytes, os.PathLike)):
            _note(path)
    elif event in _WRITES:
        for path, start in _WRITES[event]:
            _note(arguments[path], arguments[start])
    elif event == "socket.connect":
        _check_address(arguments[1])
    elif event == "socket.getaddrinfo":
        _check_address(arguments)


def _note(path: Any, start: int = -1) -> None:
    if isinstance(path, int):  # a descriptor
        return
    folder = os.readlink(f"/proc/self/fd/{start}") if start >= 0 else ""  # noqa: PTH115
    real = os.path.realpath(os.path.join(folder, os.fsdecode(path)))  # noqa: PTH118
    if real == os.devnull or real.endswith(".pyc") or "__pycache__" in real:
        return
    for allowed, found in _watches:
        if not any(real == folder or real.startswith(folder + os.sep) for folder in allowed):
            found.append(real)


def _check_address(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else None
    host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(host, str) and not host.startswith(_LOOPBACK):
        raise OSError(errno.ENETUNREACH, "tests reach nothing but this machine")
