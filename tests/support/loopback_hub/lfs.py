"""LFS: batch and verify at the Hub, and the CDN on a second port that takes and gives the bytes by signed URLs."""

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

    from loopback_hub.access import Access
    from loopback_hub.cas import Cas
    from loopback_hub.repositories import Store

__all__ = ["Cdn", "Expired", "LfsApi", "answer_expired"]

_JSON = "application/vnd.git-lfs+json"
_EXPIRED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class Cdn:
    """Keeps LFS objects and serves the xorbs of xet's store.

    A request with an Authorization header is refused: the client must not leak tokens to it.

    Attributes:
        expired: Whether every address is too old when it is used.
    """

    def __init__(self, store: Store, cas: Cas, url: str) -> None:
        self.expired = False
        self._store = store
        self._cas = cas
        self._url = url
        self._key = secrets.token_bytes(16)

    def routes(self) -> list[Route]:
        """Return the routes of the second port."""
        return [
            Route("/objects/{oid}/{path:path}", self.download),
            Route("/uploads/{oid}", self.upload, methods=["PUT"]),
            Route("/xorbs/{name}", self.xorb),
        ]

    def download_url(self, oid: str, path: str) -> str:
        """Return where to get an object; `path` only makes the URL readable."""
        return self._signed(f"/objects/{oid}/{quote(path)}")

    def upload_url(self, oid: str) -> str:
        """Return where to put an object."""
        return self._signed(f"/uploads/{oid}")

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
        content = await request.body()
        oid = segment(request, "oid")
        if sha256(content).hexdigest() != oid:
            raise refusals.bad_request("The content does not have the sha256 it was announced with")
        self._store.objects[oid] = content
        return Response(headers={"ETag": f'"{oid}"'})

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


class LfsApi:
    """The LFS routes of the Hub itself."""

    def __init__(self, access: Access, store: Store, cdn: Cdn) -> None:
        self._access = access
        self._store = store
        self._cdn = cdn

    def routes(self) -> list[Route]:
        """Return the routes."""
        tail = "{namespace}/{name}.git/info/lfs/objects/"
        return [
            Route(f"{start}{tail}{verb}", handler, methods=["POST"])
            for start in ("/", "/{kind}/")
            for verb, handler in (("batch", self.batch), ("verify", self.verify))
        ]

    async def batch(self, request: Request) -> Response:
        """Say for each object where to put it; no actions for one that is here."""
        repository = self._access.writable(request)
        body = await request.json()
        verify = f"{request.base_url}{repository.prefix}{repository.id}.git/info/lfs/objects/verify"
        objects = []
        for item in body["objects"]:
            answer = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self._store.objects:
                answer["actions"] = {"upload": {"href": self._cdn.upload_url(item["oid"])}, "verify": {"href": verify}}
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects}, media_type=_JSON)

    async def verify(self, request: Request) -> Response:
        """Confirm that an object arrived whole."""
        self._access.writable(request)
        body = await request.json()
        content = self._store.objects.get(body["oid"])
        if content is None or len(content) != body["size"]:
            raise refusals.Refusal(404, "No such object, or one of another size")
        return JSONResponse({"message": "ok"})
