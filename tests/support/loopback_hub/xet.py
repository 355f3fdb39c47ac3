"""Xet at the Hub: the routes that give out tokens for the store, the store's own routes, and what files are there.

The store answers on the second port, beside the CDN, under `/cas`; its version 1 is for clients before hf_xet 1.5.
"""

from __future__ import annotations

import hmac
import secrets
import time
from asyncio import to_thread
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import refusals
from loopback_hub.access import segment

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopback_hub.access import Access
    from loopback_hub.cas import Cas
    from loopback_hub.cdn import Cdn
    from loopback_hub.contents import Blob

__all__ = ["CasApi", "XetApi"]

_SECONDS = 3600


class CasApi:
    """The routes of the store. Its tokens say only whether their bearer may write; it knows no repositories.

    Attributes:
        private_header: A header and its value that mark requests of this Hub to itself.
    """

    def __init__(self, cas: Cas, cdn: Cdn, url: str) -> None:
        self.private_header = ("x-loopback-hub", secrets.token_hex(16))
        self.url = f"{url}/cas"
        self._cas = cas
        self._cdn = cdn
        self._key = secrets.token_bytes(16)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/cas/{version}/reconstructions/{xet_hash}", self.reconstruct),
            Route("/cas/v1/xorbs/default/{xorb}", self.take_xorb, methods=["POST"]),
            Route("/cas/{version}/shards", self.take_shard, methods=["POST"]),
        ]

    def token(self, scope: str) -> str:
        """Return a token that may `read`, or `write` and read."""
        return f"{scope}.{hmac.digest(self._key, scope.encode(), 'sha256').hex()}"

    async def reconstruct(self, request: Request) -> Response:
        """Say of which pieces a file, or the range of it that is asked for, consists."""
        self._check(request, "read", "write")
        xet_hash = segment(request, "xet_hash")
        if xet_hash not in self._cas.files:
            raise refusals.Refusal(404, "No such file")
        size = self._cas.size(xet_hash)
        start, _, last = request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        if int(start) >= size:
            raise refusals.Refusal(416, "The range starts behind the file")
        end = min(int(last) + 1, size) if last else size
        answer = self._cas.reconstruction(xet_hash, int(start), end, self._cdn.xorb_url)
        return JSONResponse(answer if segment(request, "version") == "v2" else _as_version_1(answer))

    async def take_xorb(self, request: Request) -> Response:
        """Take a xorb."""
        self._check(request, "write")
        return JSONResponse({"was_inserted": self._cas.add_xorb(segment(request, "xorb"), await request.body())})

    async def take_shard(self, request: Request) -> Response:
        """Take a shard; from then on its files can be committed."""
        self._check(request, "write")
        try:
            self._cas.add_shard(await request.body())
        except ValueError as error:
            raise refusals.bad_request(str(error)) from error
        if segment(request, "version") == "v1":
            return JSONResponse({"result": 1})
        return Response('{"type":"result"}\n', media_type="application/x-ndjson")

    async def download(self, oid: str) -> bytes | None:
        """Return a file that a client uploaded to here, None when none did; `oid` is its SHA-256.

        hf_xet itself unpacks it, from these same routes.
        """
        xet_hash = self._cas.hashes.get(oid)
        return None if xet_hash is None else await to_thread(self._download, xet_hash)

    def _download(self, xet_hash: str) -> bytes:
        import hf_xet

        group = hf_xet.XetSession().new_download_stream_group(
            endpoint=self.url,
            token=self.token("read"),
            token_expiry_unix_secs=int(time.time()) + _SECONDS,
            custom_headers=dict([self.private_header]),
        )
        return b"".join(group.download_stream(hf_xet.XetFileInfo(xet_hash, self._cas.size(xet_hash))))

    def _check(self, request: Request, *scopes: str) -> None:
        given = request.headers.get("authorization", "")
        if not any(hmac.compare_digest(given, f"Bearer {self.token(scope)}") for scope in scopes):
            raise refusals.Refusal(401, "Missing, wrong or insufficient xet token")


class XetApi:
    """The token routes, and the xet hashes that downloads and trees show.

    Attributes:
        offered: Whether files say that they can be had by xet. False is a repository that was not converted yet.
    """

    def __init__(self, access: Access, cas: Cas, store: CasApi) -> None:
        self.offered = True
        self._access = access
        self._cas = cas
        self._store = store

    def routes(self) -> list[Route]:
        """Return the routes."""
        start = "/api/{kind}/{namespace}/{name}"
        return [
            Route(start + "/xet-read-token/{revision}", self.read_token),
            Route(start + "/xet-write-token/{revision}", self.write_token),
        ]

    def hash_of(self, blob: Blob) -> str | None:
        """Return the xet hash of a file, None for one that cannot be had by xet."""
        return self._cas.add_file(blob.sha256, blob.content) if self.offered and blob.lfs and blob.content else None

    async def read_token(self, request: Request) -> Response:
        """Give a token that may read, to whom may have the files."""
        self._access.commit(request, self._access.downloadable(request))
        return self._token("read")

    async def write_token(self, request: Request) -> Response:
        """Give a token that may write, to whom may change the repository; the revision may be one to come."""
        self._access.writable(request)
        return self._token("write")

    def _token(self, scope: str) -> Response:
        token, expires = self._store.token(scope), int(time.time()) + _SECONDS
        # Python reads the headers, and hf_xet the body.
        return JSONResponse(
            {"casUrl": self._store.url, "accessToken": token, "exp": expires},
            headers={
                "X-Xet-Cas-Url": self._store.url,
                "X-Xet-Access-Token": token,
                "X-Xet-Token-Expiration": str(expires),
            },
        )


def _as_version_1(answer: Any) -> dict[str, Any]:
    fetch = {
        xorb: [
            {"range": entry["ranges"][0]["chunks"], "url_range": entry["ranges"][0]["bytes"], "url": entry["url"]}
            for entry in entries
        ]
        for xorb, entries in answer["xorbs"].items()
    }
    return {key: answer[key] for key in ("offset_into_first_range", "terms")} | {"fetch_info": fetch}
