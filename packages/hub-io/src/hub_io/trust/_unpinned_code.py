"""The warning for code that was trusted without a commit."""

from __future__ import annotations

import sys

from config_core.messages import warn
from hub_io.errors import UnpinnedCodeWarning

__all__ = ["warn_unpinned"]

_OURS = frozenset({"hub_io", "auto_registry", "config_core", "model_core"})

# `add` and `in` of a set are atomic; if two threads warn at once, that does no harm.
_warned: set[str] = set()


def warn_unpinned(source: str, commit: str, *, pin: str) -> None:
    """Warn once per source and process that trusted code is not pinned to a commit.

    Args:
        source: The repository.
        commit: Its current commit.
        pin: The option that pins the code.

    Raises:
        UnpinnedCodeWarning: Warnings are errors. The next call for this source warns again.
    """
    if source in _warned:
        return
    warn(
        f"The code of {source} is trusted without a commit, so anybody who can push there decides what runs. It is now "
        f"at {commit}. Read it, and pin what you have read: {pin}={commit!r}.",
        UnpinnedCodeWarning,
        stacklevel=_callers_level(),
    )
    _warned.add(source)


def _callers_level() -> int:
    """Return the `stacklevel`, as seen from our caller, of the first frame outside these packages."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - the documented way to the stack
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level
