"""What tests can plan for the next requests. Everywhere `path` is a part of the path as it is sent, percent-quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopback_hub.faults import (
    Answer,
    Before,
    CutBody,
    Delay,
    Endless,
    Failure,
    Faults,
    NoAnswer,
    OtherBytes,
    OtherHeaders,
    Rewritten,
    Stall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Planning"]


class Planning:
    """The part of the Hub that goes wrong on demand."""

    def __init__(self) -> None:
        self._faults = Faults()

    def before_next(
        self, path: str, happen: Callable[[], object], *, method: str | None = None, times: int = 1
    ) -> None:
        """Let something happen just before the next matching request is handled, such as a commit by somebody else.

        Args:
            path: Part of the path.
            happen: Called in a thread. It may use the Hub and the client; what it raises fails the test at its end.
            method: None for any.
            times: For how many requests.
        """
        self._faults.plan(Before(path=path, method=method, times=times, happen=happen))

    def fail_next(
        self,
        path: str = "",
        *,
        status: int = 503,
        times: int = 1,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` matching requests with an error, such as 429 with `Retry-After`."""
        self._faults.plan(Failure(path=path, method=method, times=times, status=status, headers=headers or {}))

    def answer_next(
        self,
        path: str,
        *,
        content: bytes | str,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        method: str | None = None,
    ) -> None:
        """Answer the next matching requests with something that is not the Hub's, such as a portal's page."""
        data = content.encode() if isinstance(content, str) else content
        headers = {"Content-Type": content_type, **(headers or {})}
        self._faults.plan(Answer(path=path, method=method, times=times, status=status, content=data, headers=headers))

    def change_headers_next(
        self, path: str, headers: Mapping[str, str | None], *, times: int = 1, method: str | None = None
    ) -> None:
        """Give the next matching answers other headers, such as a `Link` elsewhere; None takes one away."""
        self._faults.plan(OtherHeaders(path=path, method=method, times=times, headers=headers))

    def rewrite_next(
        self,
        path: str,
        change: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]],
        *,
        times: int = 1,
        method: str | None = None,
    ) -> None:
        """Answer with what a function makes of the headers, whose names are in lower case, and of the body."""
        self._faults.plan(Rewritten(path=path, method=method, times=times, change=change))

    def cut_next(self, path: str, *, after: int, times: int = 1, method: str | None = "GET") -> None:
        """Close the connection after so many bytes of the body."""
        self._faults.plan(CutBody(path=path, method=method, times=times, after=after))

    def never_end_next(self, path: str, *, content: bytes, pause: float = 0, times: int = 1) -> None:
        """Begin an answer, and send the same bytes, with a pause in between, until the client goes away."""
        self._faults.plan(Endless(path=path, method="GET", times=times, content=content, pause=pause))

    def reset_next(self, path: str, *, times: int = 1, method: str | None = None) -> None:
        """Reset the connection before the first byte of the answer."""
        self._faults.plan(NoAnswer(path=path, method=method, times=times, reset=True))

    def close_next(self, path: str, *, times: int = 1, method: str | None = None) -> None:
        """Close the connection before the first byte of the answer."""
        self._faults.plan(NoAnswer(path=path, method=method, times=times, reset=False))

    def corrupt_next(self, path: str, *, times: int = 1, method: str | None = "GET") -> None:
        """Answer with as many bytes, of which the last is another one."""
        self._faults.plan(OtherBytes(path=path, method=method, times=times))

    def stall_next(self, path: str, *, times: int = 1, method: str | None = None, limit: float = 60) -> Stall:
        """Hold the next matching requests until the test calls `release()` or ends.

        Returns:
            What to release; its `wait()` returns when a request is held.
        """
        stall = Stall(path=path, method=method, times=times, limit=limit)
        self._faults.plan(stall)
        return stall

    def delay_next(self, path: str, *, seconds: float, times: int = 1, method: str | None = None) -> None:
        """Answer late."""
        self._faults.plan(Delay(path=path, method=method, times=times, seconds=seconds))

    def end_test(self) -> None:
        """Let go what is held, and raise what functions for `before_next` raised; the fixture `hub` calls this."""
        self._faults.clear()
        self._faults.raise_errors()
