"""Code that this process has trusted, said to the processes that it starts.

Objects of remote classes travel to worker processes, which must import the same code. A worker that was started by a
process which trusted that code may run it: the digests stand in the environment variable `HUB_IO_GRANTS`, which
children inherit. Digests name content, so a grant lets nothing else run.
"""

from __future__ import annotations

import os
import re
import threading
from typing import Final

__all__ = ["GRANTS_VARIABLE", "inherited_grants", "pass_on"]

GRANTS_VARIABLE: Final = "HUB_IO_GRANTS"

_DIGEST = re.compile(r"[0-9a-f]{64}")
# Systems bound a variable's size, and a process with too large a one can start no others.
_MOST = 256

_lock = threading.Lock()
# Read before any remote code of this process could have changed it.
_inherited = frozenset(filter(_DIGEST.fullmatch, os.environ.get(GRANTS_VARIABLE, "").split(",")))


def inherited_grants() -> frozenset[str]:
    """Return the digests of the code that the process which started this one had trusted."""
    return _inherited


def pass_on(digest: str) -> None:
    """Let the processes that this one starts from now on run the code of a digest."""
    with _lock:
        granted = [known for known in os.environ.get(GRANTS_VARIABLE, "").split(",") if _DIGEST.fullmatch(known)]
        if not granted or granted[-1] != digest:
            kept = [known for known in granted if known != digest]
            os.environ[GRANTS_VARIABLE] = ",".join([*kept, digest][-_MOST:])
