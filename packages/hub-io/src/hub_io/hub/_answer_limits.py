"""Limits on the answers that the Hub's client reads as a whole: it waits for the last byte, however many there are.

Imported with the first answer, as the client and its HTTP library are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported for this, without saying so

from hub_io.hub._client_errors import SlowAnswerError, UnsafeAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LimitedStream"]

_MOST_BYTES = 64 * 1024 * 1024  # the largest list of files that a load needs has a few
_SLOWEST = 10_000  # bytes a second, after the time that a look-up may take anyway


class LimitedStream(httpx.SyncByteStream):
    """The content of an answer, which ends with an error if there is too much of it or if it comes too slowly."""

    def __init__(self, answer: Any, add_bytes: Callable[[int], int], *, seconds: float) -> None:
        """Limit an answer whose content was not read yet.

        Args:
            answer: The answer.
            add_bytes: Adds a number of bytes to those that came before, such as with other pages, and returns the sum.
            seconds: How long it may take. Large answers get more time.
        """
        self._answer, self._stream, self._add_bytes, self._seconds = answer, answer.stream, add_bytes, seconds

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content.

        Raises:
            UnsafeAnswerError: It is larger, with what came before, than any answers of a Hub.
            SlowAnswerError: It comes too slowly.
        """
        start, size = time.monotonic(), 0
        for part in self._stream:
            size += len(part)
            if self._add_bytes(len(part)) > _MOST_BYTES:
                raise UnsafeAnswerError(f"it has more than {_MOST_BYTES:,} bytes", self._answer)
            if time.monotonic() - start > self._seconds + size / _SLOWEST:
                raise SlowAnswerError(f"{size:,} bytes came in more than {self._seconds:g} seconds", self._answer)
            yield part

    def close(self) -> None:
        """Close the connection, or give it back."""
        self._stream.close()
