"""Services of other installed distributions, found by entry point on first use, never at import."""

from __future__ import annotations

import threading
from typing import Any

from config_core.errors import MissingServiceError

__all__ = ["find_service"]

_found: dict[str, Any] = {}
_lock = threading.Lock()


def find_service(group: str, *, distribution: str, purpose: str) -> Any:
    """Return the object that an installed distribution offers under an entry-point group.

    The object is kept for the life of the process. A miss is not, so that the distribution can be installed meanwhile.

    Args:
        group: Name of the entry-point group, such as `config_core.hub`.
        distribution: The distribution that offers it, for the error.
        purpose: What the caller wants to do, as the subject of the error's sentence.

    Raises:
        MissingServiceError: No installed distribution offers it.
    """
    if group in _found:
        return _found[group]
    # importlib.metadata loads some forty modules, so it is imported only if needed.
    from importlib.metadata import entry_points

    offers = sorted(entry_points(group=group), key=lambda offer: offer.value)
    if not offers:
        raise MissingServiceError(group=group, distribution=distribution, purpose=purpose)
    service = offers[0].load()
    with _lock:
        return _found.setdefault(group, service)
