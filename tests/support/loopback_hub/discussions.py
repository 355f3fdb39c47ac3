"""Pull requests that are opened before their first commit, which is how the client uploads a folder to one over xet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from loopback_hub import refusals

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopback_hub.access import Access
    from loopback_hub.repositories import Store

__all__ = ["DiscussionsApi"]


class DiscussionsApi:
    """The routes. Nobody can discuss here: a pull request has a title, and everything else about it is empty."""

    def __init__(self, access: Access, store: Store) -> None:
        self._access = access
        self._store = store

    def routes(self) -> list[Route]:
        """Return the routes."""
        start = "/api/{kind}/{namespace}/{name}/discussions"
        return [Route(start, self.open, methods=["POST"]), Route(start + "/{number:int}", self.describe)]

    async def open(self, request: Request) -> Response:
        """Open a pull request that starts at the end of `main`."""
        repository = self._access.writable(request)
        body = await request.json()
        if not body.get("pullRequest"):
            raise refusals.bad_request("This Hub has pull requests only")
        with self._store.lock:
            ref = repository.open_pull_request(repository.commits[repository.branches["main"]])
            number = int(ref.removeprefix("refs/pr/"))
            repository.titles[number] = body["title"]
        return JSONResponse({"num": number, "pullRequest": True})

    async def describe(self, request: Request) -> Response:
        """Describe a pull request."""
        repository = self._access.readable(request)
        number = request.path_params["number"]
        if number not in repository.pull_requests:
            raise refusals.Refusal(404, "Discussion not found")
        return JSONResponse(
            {
                "title": repository.titles.get(number, ""),
                "num": number,
                "author": {"name": repository.namespace},
                "createdAt": repository.created,
                "status": "open",
                "repo": {"name": repository.id, "type": repository.kind.removesuffix("s")},
                "isPullRequest": True,
                "events": [],
                "changes": {"base": "refs/heads/main"},
                "filesWithConflicts": [],
            }
        )
