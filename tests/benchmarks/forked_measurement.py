"""Measuring a call in a fresh process, forked from one that has imported everything: its time, its memory, or both.

Imports would otherwise drown loads of a few milliseconds. Memory is what the kernel says of the process (Linux), above
what it had before the call: anonymous memory, which is the process's own, and file-backed memory, which all processes
that map the file share. The parent reads it about every millisecond, and once more at the end.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.001


@dataclass(frozen=True)
class Measured:
    """What a call took.

    Attributes:
        seconds: Wall time.
        anonymous: Largest anonymous memory, in bytes above that before the call.
        file_backed: Largest file-backed memory, likewise.
    """

    seconds: float
    anonymous: int = 0
    file_backed: int = 0


class FailedCallError(Exception):
    """A measured call raised; the message is its traceback."""


def measure(prepare, *, watch_memory=False):
    """Run `prepare()` and then the call that it returns, of which time and memory are taken, in a forked process.

    Args:
        prepare: Makes the call ready, and has run everything once that is slow the first time.
        watch_memory: Watch the memory as well, which costs time: such a time is not for a table.
    """
    with forked(prepare) as child:
        before = child.receive()
        peak = before
        child.send("go")
        while watch_memory and not child.has_sent(POLL_SECONDS):
            peak = tuple(map(max, peak, memory(child.pid)))
        seconds, after = child.receive()
        child.send("end")
    anonymous, file_backed = (max(high, end) - start for high, end, start in zip(peak, after, before, strict=True))
    return Measured(seconds, anonymous, file_backed)


def measure_together(prepare, count):
    """Return the memory of several processes that make the same call at the same time and keep what it returns.

    Returns:
        The sum of their anonymous memory in bytes above that before the call.
    """
    children = [Forked(prepare) for _ in range(count)]
    before = [child.receive() for child in children]
    for child in children:
        child.send("go")
    after = [child.receive()[1] for child in children]
    for child in children:
        child.send("end")
        child.wait()
    return sum(end[0] - start[0] for start, end in zip(before, after, strict=True))


def run_forked(call):
    """Run a call in a forked process, so that its memory and threads are gone afterwards."""
    measure(lambda: call)


@contextmanager
def forked(prepare):
    """Run a process that waits for the word before it makes the call, and again before it ends."""
    child = Forked(prepare)
    try:
        yield child
    finally:
        child.wait()


class Forked:
    """A forked process, and what is said between it and its parent."""

    def __init__(self, prepare):
        (self._from_child, to_parent), (from_parent, self._to_child) = os.pipe(), os.pipe()
        gc.collect()
        gc.freeze()  # or the child's collector would copy every page of the parent's objects
        self.pid = os.fork()
        if self.pid == 0:
            _live(prepare, to_parent, from_parent)
        os.close(to_parent)
        os.close(from_parent)

    def send(self, word):
        """Let the process go on; one that failed meanwhile is met by `receive`."""
        os.write(self._to_child, word.encode())

    def has_sent(self, seconds):
        """Wait for a message for so long, and tell whether there is one."""
        return bool(select.select([self._from_child], [], [], seconds)[0])

    def receive(self):
        """Return the next message."""
        size = int.from_bytes(os.read(self._from_child, 4), "little")
        content = b""
        while len(content) < size:
            content += os.read(self._from_child, size - len(content))
        if not content:
            raise FailedCallError(f"process {self.pid} ended without an answer: out of memory?")
        message = pickle.loads(content)
        if isinstance(message, str):
            raise FailedCallError(message)
        return message

    def wait(self):
        """Wait for the end of the process."""
        os.close(self._to_child)
        os.close(self._from_child)
        os.waitpid(self.pid, 0)


def memory(pid="self"):
    """Return the anonymous and the file-backed memory of a process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    sizes = dict(line.split(":") for line in lines if line.startswith("Rss"))
    return tuple(int(sizes.get(name, "0 kB").split()[0]) * 1024 for name in ("RssAnon", "RssFile"))


def _live(prepare, to_parent, from_parent):
    """Be the child: everything it prints is dropped, and it ends here."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        call = prepare()
        gc.collect()
        _tell(to_parent, memory())
        os.read(from_parent, 2)
        start = time.perf_counter()
        kept = call()
        seconds = time.perf_counter() - start
        _tell(to_parent, (seconds, memory()))
        os.read(from_parent, 3)
        del kept
    except BaseException:  # noqa: BLE001 - the parent raises it
        _tell(to_parent, traceback.format_exc())
    os._exit(0)


def _tell(descriptor, message):
    content = pickle.dumps(message)
    os.write(descriptor, len(content).to_bytes(4, "little") + content)
