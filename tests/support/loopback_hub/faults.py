"""Faults on demand: what happens to the next matching requests instead of, or before, their usual answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "Answer",
    "Before",
    "CutBody",
    "Delay",
    "Endless",
    "Failure",
    "Fault",
    "Faults",
    "NoAnswer",
    "OtherBytes",
    "OtherHeaders",
    "Rewritten",
    "Stall",
]


@dataclass(kw_only=True)
class Fault:
    """One kind of fault.

    Attributes:
        path: A part of the raw path.
        method: None for any.
        times: How many requests are left.
    """

    path: str
    method: str | None
    times: int

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault is for this request."""
        return self.times > 0 and self.path in path and self.method in {None, method}

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that `app` would answer."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Failure(Fault):
    """The request is answered with an error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, _app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        error = {"error": f"planned failure {self.status}"}
        await JSONResponse(error, status_code=self.status, headers=dict(self.headers))(scope, receive, send)


@dataclass(kw_only=True)
class Answer(Fault):
    """The request is answered with these bytes and nothing else."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    async def answer(self, _app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await Response(self.content, self.status, dict(self.headers))(scope, receive, send)


@dataclass(kw_only=True)
class OtherHeaders(Fault):
    """Some headers of the answer are others; those that map to None are missing."""

    headers: Mapping[str, str | None]

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                changed = MutableHeaders(raw=list(message["headers"]))
                for name, value in self.headers.items():
                    del changed[name]
                    if value is not None:
                        changed[name] = value
                message = {**message, "headers": changed.raw}
            await send(message)

        await app(scope, receive, send_changed)


@dataclass(kw_only=True)
class Rewritten(Fault):
    """The answer is what a function makes of the usual one. Its length is that of its new body.

    Attributes:
        change: Takes and returns the headers, with names in lower case, and the body.
    """

    change: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, keep)
        start, *parts = sent
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        length = headers.pop("content-length", None)
        headers, body = self.change(headers, b"".join(part.get("body", b"") for part in parts))
        if length is not None:
            headers["content-length"] = length if scope["method"] == "HEAD" else str(len(body))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({**start, "headers": raw})
        await send({"type": "http.response.body", "body": body})


@dataclass(kw_only=True)
class NoAnswer(Fault):
    """The connection ends before the first byte of the answer.

    Attributes:
        reset: Whether it is reset, or closed as if that were the end.
    """

    reset: bool

    async def answer(self, _app: ASGIApp, scope: Scope, receive: Receive, _send: Send) -> None:
        transport = scope["state"]["transport"]
        if self.reset:
            no_time_to_linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_time_to_linger)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(kw_only=True)
class OtherBytes(Fault):
    """The body has its length and another last byte."""

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_changed(message: Message) -> None:
            body = message.get("body", b"")
            if body and not message.get("more_body", False):
                message = {**message, "body": body[:-1] + bytes([body[-1] ^ 0xFF])}
            await send(message)

        await app(scope, receive, send_changed)


@dataclass(kw_only=True)
class Stall(Fault):
    """The request is held until the test releases it; it is answered then.

    Attributes:
        limit: After so many seconds it is answered all the same, so that no mistake in a test holds the others.
        reached: Set when a request is held.
    """

    limit: float
    reached: Event = field(default_factory=Event)
    _released: Event = field(default_factory=Event)
    _waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def release(self) -> None:
        """Let held requests go on, and those to come."""
        with self._lock:
            self._released.set()
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)

    def wait(self) -> None:
        """Wait until a request is held.

        Raises:
            AssertionError: None came in time.
        """
        assert self.reached.wait(self.limit), f"no request for {self.path!r} came"

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        event = asyncio.Event()
        with self._lock:
            self._waiting.append((asyncio.get_running_loop(), event))
            if self._released.is_set():
                event.set()
        self.reached.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), self.limit)
        await app(scope, receive, send)


@dataclass(kw_only=True)
class CutBody(Fault):
    """The connection is closed after so many bytes of the answer's body."""

    after: int

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, _cut(send, self.after))


@dataclass(kw_only=True)
class Delay(Fault):
    """The answer starts so many seconds late."""

    seconds: float

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self.seconds)
        await app(scope, receive, send)


@dataclass(kw_only=True)
class Endless(Fault):
    """The answer begins and has no end: the same bytes come again until the client goes away.

    Attributes:
        pause: Seconds between them.
    """

    content: bytes
    pause: float

    async def answer(self, _app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        gone = asyncio.ensure_future(receive())  # the next message is that the client has gone
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        while not gone.done():
            await send({"type": "http.response.body", "body": self.content, "more_body": True})
            await asyncio.sleep(self.pause)


@dataclass(kw_only=True)
class Before(Fault):
    """Something happens first; what is answered is up to the next fault for the request, if there is one."""

    happen: Callable[[], object]


class Faults:
    """Faults that wait for their request, first planned first.

    Attributes:
        errors: What functions of `Before` raised. It belongs to the test and not to the client.
    """

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self._planned: list[Fault] = []
        self._lock = Lock()

    def plan(self, fault: Fault) -> None:
        """Keep a fault for the next requests that match."""
        with self._lock:
            self._planned.append(fault)

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as planned, or by `app` if nothing is."""
        request = scope["method"], scope["path"]
        for before in self._take_all_before(*request):
            # In a thread, so that it may use the client itself.
            await asyncio.to_thread(self._run, before.happen)
        fault = self._take(*request)
        await (fault.answer(app, scope, receive, send) if fault else app(scope, receive, send))

    def clear(self) -> None:
        """Forget the faults that found no request, and let go what is held."""
        with self._lock:
            stalls = [fault for fault in self._planned if isinstance(fault, Stall)]
            self._planned.clear()
        for stall in stalls:
            stall.release()

    def raise_errors(self) -> None:
        """Raise what functions of `Before` raised since the last time."""
        errors, self.errors = self.errors, []
        if errors:
            raise ExceptionGroup("a function for before_next() failed", errors)

    def _run(self, happen: Callable[[], object]) -> None:
        try:
            happen()
        except Exception as error:  # noqa: BLE001 - the client must get its answer, and the test this
            self.errors.append(error)

    def _take_all_before(self, method: str, path: str) -> list[Before]:
        with self._lock:
            taken = [fault for fault in self._planned if isinstance(fault, Before) and fault.matches(method, path)]
            for fault in taken:
                fault.times -= 1
        return taken

    def _take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._planned:
                if not isinstance(fault, Before) and fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None


def _cut(send: Send, after: int) -> Send:
    """Return a `send` that passes `after` bytes of body and never the end of it: uvicorn then closes the connection."""
    left = after

    async def send_cut(message: Message) -> None:
        nonlocal left
        if message["type"] != "http.response.body":
            await send(message)
        elif left > 0:
            piece = message.get("body", b"")[:left]
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    return send_cut
