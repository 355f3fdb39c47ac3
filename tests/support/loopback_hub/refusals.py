"""The errors the Hub answers with: status, and the two headers the client builds its exceptions from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from loopback_hub.accounts import Token

__all__ = [
    "Refusal",
    "answer_refusal",
    "bad_request",
    "conflict",
    "disabled",
    "entry_not_found",
    "forbidden",
    "gated",
    "moved",
    "repository_not_found",
    "revision_not_found",
    "unauthorized",
]


class Refusal(Exception):  # noqa: N818 - an answer of the Hub, no failure of this program
    """An error answer; handlers raise it.

    Attributes:
        status: HTTP status.
        code: Value of `X-Error-Code`, None for none.
        headers: Further headers of the answer.
        body: Further keys of the JSON body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.body = dict(body or {})


def answer_refusal(_request: Request, error: Exception) -> Response:
    """Turn a `Refusal` into its answer (an exception handler for Starlette)."""
    if not isinstance(error, Refusal):
        raise error
    # A revision may hold what a header must not: line ends, letters beyond latin-1.
    headers = {"X-Error-Message": str(error).encode("unicode_escape").decode("ascii"), **error.headers}
    if error.status < 400:
        del headers["X-Error-Message"]
    if error.code:
        headers["X-Error-Code"] = error.code
    return JSONResponse({"error": str(error), **error.body}, status_code=error.status, headers=headers)


def repository_not_found(caller: Token | None, *, coded: bool = True) -> Refusal:
    """A missing repository, or one the caller may not see.

    The real Hub leaves the code out of the anonymous 401. The client then recognizes a repository by its `https://`
    URL, so without TLS the code must stand in for that (`coded`).
    """
    if caller is None:
        return Refusal(401, "Invalid username or password.", code="RepoNotFound" if coded else None)
    return Refusal(404, "Repository not found", code="RepoNotFound")


def disabled() -> Refusal:
    """A repository that the Hub has closed."""
    return Refusal(403, "Access to this resource is disabled.")


def moved(location: str) -> Refusal:
    """A repository that has another name now."""
    return Refusal(307, f"Temporary Redirect. Redirecting to {location}", headers={"Location": location})


def revision_not_found(revision: str) -> Refusal:
    """No branch, tag or commit of that name."""
    return Refusal(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def entry_not_found(message: str = "Entry not found", *, commit: str | None = None) -> Refusal:
    """No such file; with `commit` the client remembers that."""
    return Refusal(404, message, code="EntryNotFound", headers={"X-Repo-Commit": commit} if commit else None)


def gated(repo_id: str, caller: Token | None) -> Refusal:
    """The content of a gated repository, for a caller without a grant."""
    message = f"Access to model {repo_id} is restricted. You must have access to it and be authenticated to access it."
    return Refusal(401 if caller is None else 403, message, code="GatedRepo")


def unauthorized(message: str = "Invalid username or password.") -> Refusal:
    """No token where one is needed, or a token this Hub never gave out."""
    return Refusal(401, message)


def forbidden(message: str) -> Refusal:
    """A known caller without the right."""
    return Refusal(403, message)


def bad_request(message: str) -> Refusal:
    """A request that says something impossible."""
    return Refusal(400, message)


def conflict(message: str, **body: object) -> Refusal:
    """Something of that name exists; `body` is added to the JSON."""
    return Refusal(409, message, body=body)
