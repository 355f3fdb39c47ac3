"""Text that may be shown: without tokens, and without what a signed address gives access to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["redacted"]

_HIDDEN = "***"
_SHORTEST_SECRET = 4  # of a text shorter than that, every sentence has some
_PATTERNS = (
    (re.compile(r"\bhf_[A-Za-z0-9_]{4,}"), f"hf_{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",;]+"), rf"\1 {_HIDDEN}"),
    # User and password of an address, and the query of one: a signature lets anybody download.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@'\"]+@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)\?[^\s'\"<>)]+"), rf"\1?{_HIDDEN}"),
)


def redacted(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return a text in which every secret is replaced by `***`.

    Args:
        text: What a library or a server says.
        secrets: Tokens that are known here. Hub tokens, credentials in headers and addresses, and the queries of
            addresses are found without being named.
    """
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
