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
    (r"\bhf_[A-Za-z0-9_]{4,}", f"hf_{_HIDDEN}"),
    (r"(?i)\b(bearer|basic)\s+[^\s'\",;]+", rf"\1 {_HIDDEN}"),
)
# Everything after `://` matches, so the time for a long text does not grow with its square.
_ADDRESS = r"://(?P<place>[^\s'\"<>?#]*)(?P<query>\?[^\s'\"<>)]+)?"


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
        text = re.sub(pattern, replacement, text)
    return re.sub(_ADDRESS, _without_secrets, text)


def _without_secrets(address: re.Match[str]) -> str:
    """Return an address without user and password, and without its query: a signature lets anybody download."""
    _, at, place = address["place"].rpartition("@")
    return f"://{f'{_HIDDEN}@' if at else ''}{place}{f'?{_HIDDEN}' if address['query'] else ''}"


def excerpt(text: str) -> str:
    """Return the beginning of a foreign text, without secrets and with unprintable characters escaped."""
    text = redacted(text[: 100 * _LONGEST_EXCERPT])
    short = text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
    return printable(short, keep="\n")
