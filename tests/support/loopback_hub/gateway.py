"""The door both ports share: it writes the request log, picks the Hub or the CDN by port, and lets faults happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from loopback_hub.faults import Faults

__all__ = ["Gateway", "Received"]


class Received(NamedTuple):
    """One request that reached either port; `path` as sent (percent-quoted), `token` without `Bearer`."""

    method: str
    path: str
    query: str
    token: str | None
    headers: Headers


class Gateway:
    """The ASGI application that uvicorn runs."""

    def __init__(
        self, *, hub: ASGIApp, cdn: ASGIApp, cdn_port: int, faults: Faults, private_header: tuple[str, str]
    ) -> None:
        self.received: list[Received] = []
        self._private_name, self._private_value = private_header
        self._hub = hub
        self._cdn = cdn
        self._cdn_port = cdn_port
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["raw_path"].decode("ascii")
        headers = Headers(scope=scope)
        if headers.get(self._private_name) == self._private_value:
            await self._cdn(scope, receive, send)
            return
        token = headers.get("authorization", "").removeprefix("Bearer ") or None
        self.received.append(Received(method, path, scope["query_string"].decode("ascii"), token, headers))
        # Routes are matched on the raw path: in the decoded one a quoted slash would split a revision in two.
        scope = {**scope, "path": path}
        app = self._cdn if scope["server"][1] == self._cdn_port else self._hub
        await self._faults.answer(app, scope, receive, send)
