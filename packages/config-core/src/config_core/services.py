"""Services of other installed distributions, found by entry point on first use, never at import."""

from __future__ import annotations

import functools
from typing import Any

from config_core.errors import MissingServiceError

__all__ = ["find_service"]

_found: dict[str, Any] = {}


def find_service(group: str, *, distribution: str, purpose: str) -> Any:
    """Return the object that an installed distribution offers under an entry-point group.

    The object is kept for the life of the process. A miss is not, so that the distribution can be installed meanwhile.

    Args:
        group: Name of the entry-point group, such as `config_core.hub`.
        distribution: The distribution that offers it, for the error.
        purpose: What the caller wants to do, as the subject of the error's sentence.

    Raises:
        MissingServiceError: No installed distribution offers it, several do, or it cannot be imported.
    """
    if group in _found:
        return _found[group]
    from config_core.entry_points import ignored_folders, installed_offers

    missing = functools.partial(MissingServiceError, group=group, distribution=distribution, purpose=purpose)
    offers = installed_offers(group)
    if not offers:
        raise missing(ignored=ignored_folders(group))
    names = [ascii(offer.distribution) for offer in offers]
    if len(offers) > 1:
        some = " and ".join(names)
        raise missing(
            problem=f"a single distribution that offers {group}, but {some} do. Uninstall all but {distribution}"
        )
    try:
        service = offers[0].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise missing(problem=f"{distribution}. {names[0]} offers it, but cannot be imported: {reason}") from error
    return _found.setdefault(group, service)  # as one step, so that all threads get the same object
