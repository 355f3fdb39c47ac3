"""The ports, and the thread in which uvicorn answers on them.

A port is bound long before anything answers: the client reads HF_ENDPOINT when it is imported, and most test runs need
no Hub.
"""

from __future__ import annotations

import socket
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from typing import Any

    from starlette.types import ASGIApp

__all__ = ["ServerThread", "bind", "url_of"]


def bind() -> socket.socket:
    """Reserve a port of loopback; it refuses connections until a `ServerThread` listens on it."""
    # asyncio sends without delay only on sockets that name their protocol; otherwise many answers take 40 ms.
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def url_of(reserved: socket.socket, *, host: str = "127.0.0.1") -> str:
    """Return the address of a bound port, without a slash at the end."""
    return f"http://{host}:{reserved.getsockname()[1]}"


def _protocol() -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, whose requests know their connection: a fault may break it."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.app_state = {**self.app_state, "transport": transport}

    return Protocol


class ServerThread:
    """Answers with one application on several ports, until `stop`; `options` are those of `uvicorn.Config`."""

    def __init__(self, application: ASGIApp, ports: Sequence[socket.socket], **options: Any) -> None:
        import uvicorn

        config = uvicorn.Config(
            application,
            loop="asyncio",
            http=_protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            # Longer than any test: a client that reuses a connection must not find it closed by the clock.
            timeout_keep_alive=600,
            timeout_graceful_shutdown=1,
            **options,
        )
        self._server = uvicorn.Server(config)
        self._ports = ports
        self._thread = Thread(
            target=self._server.run, kwargs={"sockets": list(ports)}, name="loopback-hub", daemon=True
        )

    def start(self) -> None:
        """Listen: requests are queued from now on, so that nobody has to wait for the thread."""
        for port in self._ports:
            port.listen()
        self._thread.start()

    def stop(self) -> None:
        """Close the ports and wait for the thread to end."""
        self._server.should_exit = True
        self._thread.join()
