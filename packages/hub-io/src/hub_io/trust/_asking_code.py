"""Loads that a checkpoint's own code asks for: they inherit the policy of the load that let it run, and widen nothing.

Who asks is read from the call stack. Trusted code runs with its user's rights and could run other code without asking
us; what is kept here is that a library's innocent `trust_remote_code=True` deep inside does not count as the user's.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from config_core.code import CodeBundle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from hub_io.trust._policy import TrustPolicy

__all__ = ["AskingCode", "find_asking_code", "folders_of", "remember_grant"]

_REMOTE = "hub_io.remote."


@dataclass(frozen=True, slots=True)
class AskingCode:
    """Code of a checkpoint that is running, and asks for more.

    Attributes:
        module: The module of it that asks.
        policy: What let it run. None for code that came into this process without being asked about.
        granted: Digests of the bundles that were granted to the same load.
    """

    module: str
    policy: TrustPolicy | None
    granted: frozenset[str]


@dataclass(slots=True)
class _Grant:
    policy: TrustPolicy
    together: frozenset[str]


_lock = threading.Lock()
_grants: dict[str, _Grant] = {}  # by digest
_folders: dict[str, frozenset[Path]] = {}  # by digest
_digests_of_load: WeakKeyDictionary[Any, frozenset[str]] = WeakKeyDictionary()


def remember_grant(
    digest: str,
    policy: TrustPolicy,
    *,
    load: Any,
    folders: Iterable[Path] = (),
    asking: AskingCode | None = None,
) -> None:
    """Note that a bundle may run. What an earlier load granted together with it counts no more.

    Args:
        digest: The bundle's digest.
        policy: What allowed it.
        load: The checkpoint or class whose load needs the code. Bundles of one load were granted together.
        folders: The folders that hold the checkpoint.
        asking: The code that asks. What was granted to the load that it is part of stays as it is.
    """
    settled = asking.granted if asking is not None else frozenset()
    places = frozenset(Path(os.path.realpath(folder)) for folder in folders)
    with _lock:
        together = _digests_of_load.get(load, frozenset()) | {digest} if load is not None else frozenset({digest})
        if load is not None:
            _digests_of_load[load] = together
        for each in together - settled:
            _grants[each] = _Grant(policy, together)
        _folders[digest] = _folders.get(digest, frozenset()) | places


def folders_of(digest: str) -> tuple[Path, ...]:
    """Return the folders of all checkpoints out of which code of a digest was granted in this process."""
    with _lock:
        return tuple(sorted(_folders.get(digest, ())))


def find_asking_code() -> AskingCode | None:
    """Return the checkpoint's code on the call stack, or None if there is none."""
    found = list(_remote_frames(sys._getframe(1)))  # noqa: SLF001 - how Python gives its own stack
    if not found:
        return None
    bundles = [frame.f_globals.get("__code_bundle__") for frame in found]
    with _lock:
        grants = [_grants.get(bundle.digest) for bundle in bundles if isinstance(bundle, CodeBundle)]
    known = [grant for grant in grants if grant is not None]
    return AskingCode(
        module=found[0].f_globals["__name__"],
        policy=known[-1].policy if known else None,  # the outermost: the inner ones were decided on by it
        granted=frozenset().union(*(grant.together for grant in known)),
    )


def _remote_frames(frame: FrameType | None) -> list[FrameType]:
    """Return the frames of checkpoints' code, the innermost first."""
    found = []
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_REMOTE):
            found.append(frame)
        frame = frame.f_back
    return found
