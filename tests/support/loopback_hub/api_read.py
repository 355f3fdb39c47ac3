"""Routes that tell and change nothing: whoami, repository info, tree, paths-info, refs, commits, auth-check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import refusals
from loopback_hub.access import segment
from loopback_hub.contents import git_blob_id
from loopback_hub.pages import COMMITS, TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from loopback_hub.access import Access
    from loopback_hub.contents import Blob
    from loopback_hub.pages import Pages
    from loopback_hub.repositories import Commit
    from loopback_hub.xet import XetApi

__all__ = ["ReadApi"]

_REPOSITORY = "/api/{kind}/{namespace}/{name}"


class ReadApi:
    """The routes. What `expand` asks for beyond the usual answer is left out."""

    def __init__(self, access: Access, xet: XetApi, pages: Pages) -> None:
        self._access = access
        self._pages = pages
        self._xet = xet

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/whoami-v2", self.whoami),
            Route(_REPOSITORY, self.info),
            Route(_REPOSITORY + "/revision/{revision}", self.info),
            Route(_REPOSITORY + "/tree/{revision}", self.tree),
            Route(_REPOSITORY + "/tree/{revision}/{path:path}", self.tree),
            Route(_REPOSITORY + "/paths-info/{revision}", self.paths_info, methods=["POST"]),
            Route(_REPOSITORY + "/refs", self.refs),
            Route(_REPOSITORY + "/commits/{revision}", self.commits),
            Route(_REPOSITORY + "/auth-check", self.check_download),
            Route(_REPOSITORY + "/auth-check/write", self.check_write),
        ]

    async def whoami(self, request: Request) -> Response:
        """Describe the bearer of the token."""
        caller = self._access.known_caller(request)
        role = "write" if caller.write else "read"
        return JSONResponse(
            {
                "type": "user",
                "id": caller.user,
                "name": caller.user,
                "fullname": caller.user,
                "orgs": [{"type": "org", "name": name} for name in caller.organizations],
                "auth": {"type": "access_token", "accessToken": {"displayName": "tests", "role": role}},
            }
        )

    async def info(self, request: Request) -> Response:
        """Describe a repository at a revision; gated ones are described to everybody."""
        repository = self._access.readable(request)
        commit = self._access.commit(request, repository)
        blobs = request.query_params.get("blobs", "").lower() == "true"
        return JSONResponse(
            {
                "id": repository.id,
                "author": repository.namespace,
                "sha": commit.sha,
                "private": repository.private,
                "gated": repository.gated,
                "disabled": False,
                "createdAt": repository.created,
                "lastModified": commit.date,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [_sibling(path, blob, blobs=blobs) for path, blob in commit.files.items()],
            }
        )

    async def tree(self, request: Request) -> Response:
        """List a folder; with `recursive` everything below it."""
        commit = self._access.commit(request, self._access.readable(request))
        folder = segment(request, "path") if "path" in request.path_params else ""
        start = f"{folder}/" if folder else ""
        if not any(path.startswith(start) for path in commit.files):
            raise refusals.entry_not_found(f"No folder {folder} at {commit.sha}", commit=commit.sha)
        recursive = request.query_params.get("recursive", "").lower() == "true"
        items = [
            item
            for item in _items(commit)
            if item[0].startswith(start) and (recursive or "/" not in item[0].removeprefix(start))
        ]
        return self._pages.answer(request, items, self._described, size=TREE)

    async def paths_info(self, request: Request) -> Response:
        """Describe the files and folders asked for; those that do not exist are left out."""
        commit = self._access.commit(request, self._access.readable(request))
        # Not `request.form()`: it needs another package, for uploads that this route does not take.
        wanted = set(parse_qs((await request.body()).decode()).get("paths", []))
        return JSONResponse([self._described(item) for item in _items(commit) if item[0] in wanted])

    async def refs(self, request: Request) -> Response:
        """List branches and tags, with `include_prs` pull requests too."""
        repository = self._access.readable(request)
        answer = {
            "branches": _refs("refs/heads/", repository.branches),
            "tags": _refs("refs/tags/", repository.tags),
            "converts": [],
        }
        if request.query_params.get("include_prs"):
            numbers = {str(number): sha for number, sha in repository.pull_requests.items()}
            answer["pullRequests"] = _refs("refs/pr/", numbers)
        return JSONResponse(answer)

    async def commits(self, request: Request) -> Response:
        """List a revision's history, newest first."""
        repository = self._access.readable(request)
        history = list(repository.history(self._access.commit(request, repository)))
        return self._pages.answer(request, history, _described_commit, size=COMMITS)

    async def check_download(self, request: Request) -> Response:
        """Say whether the caller may have the files."""
        self._access.downloadable(request)
        return JSONResponse({})

    async def check_write(self, request: Request) -> Response:
        """Say whether the caller may change the repository."""
        self._access.writable(request)
        return JSONResponse({})

    def _described(self, item: tuple[str, Blob | None]) -> dict[str, Any]:
        """Return a folder or file as tree and paths-info describe it."""
        path, blob = item
        if blob is None:
            return {"type": "directory", "path": path, "oid": git_blob_id(path.encode()), "size": 0}
        size = len(blob.content)
        entry: dict[str, Any] = {"type": "file", "path": path, "oid": blob.oid, "size": size}
        if blob.lfs:
            entry["lfs"] = {"oid": blob.sha256, "size": size, "pointerSize": len(blob.pointer)}
        if xet_hash := self._xet.hash_of(blob):
            entry["xetHash"] = xet_hash
        return entry


def _items(commit: Commit) -> Iterator[tuple[str, Blob | None]]:
    """Yield every folder of a commit, and every file with what it holds."""
    parts = [path.split("/") for path in commit.files]
    folders = {"/".join(names[:depth]) for names in parts for depth in range(1, len(names))}
    yield from ((folder, None) for folder in sorted(folders))
    yield from commit.files.items()


def _described_commit(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.sha,
        "title": commit.title,
        "message": commit.message,
        "date": commit.date,
        "authors": [{"user": commit.author}],
    }


def _sibling(path: str, blob: Blob, *, blobs: bool) -> dict[str, object]:
    if not blobs:
        return {"rfilename": path}
    details: dict[str, object] = {"rfilename": path, "blobId": blob.oid, "size": len(blob.content)}
    if blob.lfs:
        details["lfs"] = {"sha256": blob.sha256, "size": len(blob.content), "pointerSize": len(blob.pointer)}
    return details


def _refs(start: str, shas: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "ref": start + name, "targetCommit": sha} for name, sha in shas.items()]
