"""Text from a server or a library that may be shown: short, printable, and without tokens and signed addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from config_core.error_base import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["excerpt", "redacted"]

_HIDDEN = "***"
_SHORTEST_SECRET = 4  # shorter texts occur in any sentence
_LONGEST_EXCERPT = 500
_PATTERNS = (
    (re.compile(r"\bhf_[A-Za-z0-9_]{4,}"), f"hf_{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",;]+"), rf"\1 {_HIDDEN}"),
    # User and password of an address, and its query: a signature lets anybody download.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s'\"<>?#]*@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)\?[^\s'\"<>)]+"), rf"\1?{_HIDDEN}"),
)


def redacted(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return a text in which every secret is replaced by `***`.

    Args:
        text: What a library or a server says.
        secrets: Tokens that are known. Hub tokens, credentials in headers and addresses, and the queries of addresses
            are found without being named.
    """
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def excerpt(text: str) -> str:
    """Return the beginning of a text of somebody else's, with what terminals obey as escapes. It shows no secret."""
    text = redacted(text[: 100 * _LONGEST_EXCERPT])
    short = text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
    return printable(short, keep="\n")
