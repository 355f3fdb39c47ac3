"""LFS at the Hub: the routes that say where an object goes, and that it has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import refusals

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopback_hub.access import Access
    from loopback_hub.cdn import Cdn
    from loopback_hub.repositories import Store

__all__ = ["LfsApi"]

_JSON = "application/vnd.git-lfs+json"


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
                upload = self._cdn.upload_action(item["oid"], item["size"])
                answer["actions"] = {"upload": upload, "verify": {"href": verify}}
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
