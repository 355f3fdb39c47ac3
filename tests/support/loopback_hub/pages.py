"""Long lists come in pages: each answer links to the next one until there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["COMMITS", "TREE", "Pages"]

# As many as on the real Hub.
TREE, COMMITS = 1000, 50


class Pages:
    """Cuts lists.

    Attributes:
        size: Entries of a page, None for as many as each list has by itself.
    """

    def __init__(self) -> None:
        self.size: int | None = None

    def answer(
        self, request: Request, items: Sequence[Any], describe: Callable[[Any], object], *, size: int
    ) -> Response:
        """Answer with the page that the request asks for.

        Args:
            request: Its `cursor` says where the page starts.
            items: The whole list.
            describe: Makes an entry of the answer out of an item.
            size: How many entries a page has unless a test chose another size.
        """
        start = int(request.query_params.get("cursor", 0))
        end = start + (self.size or size)
        headers = {"X-Total-Count": str(len(items))}
        if end < len(items):
            headers["Link"] = f'<{request.url.include_query_params(cursor=end)}>; rel="next"'
        return JSONResponse([describe(item) for item in items[start:end]], headers=headers)
