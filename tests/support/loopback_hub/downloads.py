"""File contents: resolve, the redirect of small files to the same origin, and ranges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from loopback_hub import refusals
from loopback_hub.access import segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from loopback_hub.access import Access
    from loopback_hub.cdn import Cdn
    from loopback_hub.contents import Blob
    from loopback_hub.repositories import Commit, Repository
    from loopback_hub.xet import XetApi

__all__ = ["Downloads", "send_bytes"]

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def send_bytes(request: Request, content: bytes, headers: Mapping[str, str]) -> Response:
    """Answer with `content`, or the part of it that the request's `Range` asks for."""
    headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None:
        return Response(content, headers=headers)
    start, size = int(wanted[1]), len(content)
    if start >= size:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    end = min(int(wanted[2] or size - 1), size - 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(content[start : end + 1], status_code=206, headers=headers)


class Downloads:
    """The routes that serve files.

    Attributes:
        commit_on_404: Whether a missing file is answered with `X-Repo-Commit`, which makes the client remember that.
    """

    def __init__(self, access: Access, cdn: Cdn, xet: XetApi) -> None:
        self.commit_on_404 = True
        self._access = access
        self._cdn = cdn
        self._xet = xet

    def routes(self) -> list[Route]:
        """Return the routes; GET answers HEAD too."""
        tail = "resolve/{revision}/{path:path}"
        return [
            Route("/api/resolve-cache/{kind}/{namespace}/{name}/{revision}/{path:path}", self.cached),
            Route("/{namespace}/{name}/" + tail, self.resolve),
            Route("/{kind}/{namespace}/{name}/" + tail, self.resolve),
        ]

    async def resolve(self, request: Request) -> Response:
        """Send the client to the file: small ones to this origin, LFS objects to the CDN, or to xet's store."""
        repository, commit, path, blob = self._file(request)
        headers = {
            "X-Repo-Commit": commit.sha,
            "X-Linked-Etag": f'"{blob.etag}"',
            "X-Linked-Size": str(len(blob.content)),
        }
        if blob.lfs:
            location = self._cdn.download_url(blob.sha256, path)
            if xet_hash := self._xet.hash_of(blob):
                route = f"api/{repository.kind}/{repository.id}/xet-read-token/{commit.sha}"
                headers |= {"X-Xet-Hash": xet_hash, "Link": f'<{request.base_url}{route}>; rel="xet-auth"'}
            return Response(status_code=302, headers={**headers, "Location": location})
        location = f"/api/resolve-cache/{repository.kind}/{repository.id}/{commit.sha}/{quote(path)}"
        return Response(status_code=307, headers={**headers, "Location": location})

    async def cached(self, request: Request) -> Response:
        """Serve a small file."""
        _, commit, _, blob = self._file(request)
        return send_bytes(request, blob.content, {"X-Repo-Commit": commit.sha, "ETag": f'"{blob.etag}"'})

    def _file(self, request: Request) -> tuple[Repository, Commit, str, Blob]:
        repository = self._access.downloadable(request)
        commit = self._access.commit(request, repository)
        path = segment(request, "path")
        if path not in commit.files:
            raise refusals.entry_not_found(commit=commit.sha if self.commit_on_404 else None)
        return repository, commit, path, commit.files[path]
