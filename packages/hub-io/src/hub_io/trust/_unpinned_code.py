"""The warning for code that was trusted as it happened to be."""

from __future__ import annotations

import sys
import warnings

from hub_io.errors import UnpinnedCodeWarning

__all__ = ["warn_unpinned"]

_OURS = frozenset({"hub_io", "auto_registry", "config_core", "model_core"})

# A set's `add` and `in` are atomic; two threads that warn at once would do no harm.
_warned: set[str] = set()


def warn_unpinned(source: str, commit: str, *, pin: str) -> None:
    """Warn, once per source and process, that code runs which nobody has pinned.

    Args:
        source: The repository.
        commit: The commit that it is at.
        pin: The option that pins it.

    Raises:
        UnpinnedCodeWarning: Warnings are errors. The source is not counted as warned of then.
    """
    if source in _warned:
        return
    warnings.warn(
        f"The code of {source} is trusted without a commit, so whoever can push there decides what runs. It is now at "
        f"{commit}. Read it, and pin what you have read: {pin}={commit!r}.",
        UnpinnedCodeWarning,
        stacklevel=_callers_level(),
    )
    _warned.add(source)


def _callers_level() -> int:
    """Return the `stacklevel`, for our caller, of the first frame that is not ours."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - how Python gives its own stack
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level
