"""The content network on a second port: it takes and gives the bytes of LFS objects by signed addresses."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import refusals
from loopback_hub.access import segment
from loopback_hub.downloads import send_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopback_hub.cas import Cas
    from loopback_hub.repositories import Store

__all__ = ["Cdn", "Expired", "answer_expired"]

_EXPIRED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class Cdn:
    """Keeps LFS objects and serves the xorbs of xet's store.

    A request with an Authorization header is refused: the client must not leak tokens to it.

    Attributes:
        expired: Whether every address is too old when it is used.
        part_size: From which size on an object is taken in parts of that size, None for never.
    """

    def __init__(self, store: Store, cas: Cas, url: str) -> None:
        self.expired = False
        self.part_size: int | None = None
        self._store = store
        self._cas = cas
        self._url = url
        self._key = secrets.token_bytes(16)
        self._parts: dict[tuple[str, int], bytes] = {}

    def routes(self) -> list[Route]:
        """Return the routes of the second port."""
        return [
            Route("/objects/{oid}/{path:path}", self.download),
            Route("/uploads/{oid}", self.upload, methods=["PUT"]),
            Route("/uploads/{oid}/parts/{number:int}", self.upload_part, methods=["PUT"]),
            Route("/uploads/{oid}/complete", self.complete, methods=["POST"]),
            Route("/xorbs/{name}", self.xorb),
        ]

    def download_url(self, oid: str, path: str) -> str:
        """Return where to get an object; `path` only makes the URL readable."""
        return self._signed(f"/objects/{oid}/{quote(path)}")

    def upload_action(self, oid: str, size: int) -> dict[str, object]:
        """Return how to put an object, whole or in parts, as LFS writes it."""
        if self.part_size is None or size <= self.part_size:
            return {"href": self._signed(f"/uploads/{oid}")}
        count = -(-size // self.part_size)
        parts = {f"{number:05}": self._signed(f"/uploads/{oid}/parts/{number}") for number in range(1, count + 1)}
        return {
            "href": self._signed(f"/uploads/{oid}/complete"),
            "header": {"chunk_size": str(self.part_size), **parts},
        }

    def xorb_url(self, name: str) -> str:
        """Return where to get a xorb."""
        return self._signed(f"/xorbs/{name}")

    async def xorb(self, request: Request) -> Response:
        """Serve a xorb."""
        self._check(request)
        xorb = self._cas.xorb(segment(request, "name"))
        if xorb is None:
            raise refusals.Refusal(404, "No such xorb")
        return send_bytes(request, xorb, {})

    async def download(self, request: Request) -> Response:
        """Serve an object."""
        self._check(request)
        oid = segment(request, "oid")
        if oid not in self._store.objects:
            raise refusals.Refusal(404, "No such object")
        return send_bytes(request, self._store.objects[oid], {"ETag": f'"{oid}"'})

    async def upload(self, request: Request) -> Response:
        """Take an object."""
        self._check(request)
        oid = segment(request, "oid")
        self._keep(oid, await request.body())
        return Response(headers={"ETag": f'"{oid}"'})

    async def upload_part(self, request: Request) -> Response:
        """Take a part of an object."""
        self._check(request)
        content = await request.body()
        self._parts[segment(request, "oid"), request.path_params["number"]] = content
        return Response(headers={"ETag": _part_etag(content)})

    async def complete(self, request: Request) -> Response:
        """Put the parts of an object together."""
        self._check(request)
        body = await request.json()
        parts = [self._parts.get((body["oid"], part["partNumber"]), b"") for part in body["parts"]]
        if [_part_etag(part) for part in parts] != [part["etag"] for part in body["parts"]]:
            raise refusals.bad_request("A part is missing or is not the one that was uploaded")
        self._keep(body["oid"], b"".join(parts))
        return JSONResponse({"success": True})

    def clear(self) -> None:
        """Forget parts, and what a test chose."""
        self._parts.clear()
        self.expired, self.part_size = False, None

    def _keep(self, oid: str, content: bytes) -> None:
        if sha256(content).hexdigest() != oid:
            raise refusals.bad_request("The content does not have the sha256 it was announced with")
        self._store.objects[oid] = content

    def _signed(self, path: str) -> str:
        return f"{self._url}{path}?signature={self._signature(path)}"

    def _signature(self, path: str) -> str:
        return hmac.digest(self._key, path.encode(), "sha256").hex()

    def _check(self, request: Request) -> None:
        if "authorization" in request.headers:
            raise refusals.bad_request(
                "Only one auth mechanism allowed: the URL is signed, drop the Authorization header"
            )
        if not hmac.compare_digest(request.query_params.get("signature", ""), self._signature(request.url.path)):
            raise refusals.forbidden("The URL's signature is not valid")
        if self.expired:
            raise Expired


class Expired(Exception):  # noqa: N818 - an answer of the CDN, no failure of this program
    """An address that is too old."""


def answer_expired(_request: Request, _error: Exception) -> Response:
    """Answer as a content network does, which knows nothing of the Hub's errors (an exception handler)."""
    return Response(_EXPIRED, status_code=403, media_type="application/xml")


def _part_etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'
