"""Trust that child processes inherit.

Objects of remote classes are sent to worker processes, which must import the same code. A worker may run the code that
its parent process trusted: the environment variable `HUB_IO_GRANTS`, which children inherit, lists the digests. A
digest identifies content, so a grant lets nothing else run.
"""

from __future__ import annotations

import os
import re
from typing import Final

from config_core.fork_safety import ForkSafeLock

__all__ = ["GRANTS_VARIABLE", "inherited_grants", "pass_on"]

GRANTS_VARIABLE: Final = "HUB_IO_GRANTS"

_DIGEST = re.compile(r"[0-9a-f]{64}")
# The system limits the size of a variable: with a larger one, no process could be started.
_MOST = 256

_lock = ForkSafeLock()
# Read before remote code of this process can change it.
_inherited = frozenset(filter(_DIGEST.fullmatch, os.environ.get(GRANTS_VARIABLE, "").split(",")))


def inherited_grants() -> frozenset[str]:
    """Return the digests of the code that the parent process trusted."""
    return _inherited


def pass_on(digest: str) -> None:
    """Let processes that this one starts later run the code of a digest."""
    with _lock.held():
        granted = [known for known in os.environ.get(GRANTS_VARIABLE, "").split(",") if _DIGEST.fullmatch(known)]
        if not granted or granted[-1] != digest:
            kept = [known for known in granted if known != digest]
            os.environ[GRANTS_VARIABLE] = ",".join([*kept, digest][-_MOST:])
