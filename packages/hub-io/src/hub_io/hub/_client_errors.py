"""Whatever leaves the Hub's client, as an error of ours that names host and request and says what to do next.

Every exception is translated. The kinds that are told apart have a remedy of their own; the rest share one.
"""

from __future__ import annotations

import contextlib
import errno
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from config_core.error_base import escape_args
from hub_io.errors import (
    AccessDeniedError,
    HubError,
    HubUnavailableError,
    NotDownloadedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from hub_io.hub._redaction import excerpt, redacted

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from huggingface_hub.errors import HfHubHTTPError

__all__ = [
    "ForeignHostError",
    "HubRequest",
    "SlowAnswerError",
    "TokenError",
    "UnsafeAnswerError",
    "hub_host",
    "is_hub",
    "translate",
]

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_FAILS = 401, 403, 404, 429, 500
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STORAGE = _DISK_FULL | {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO}
# The end of an error message of Rust, in which the client's xet part is written.
_OS_ERROR = r"\(os error (\d+)\)"
_HUB_HOSTS = {"huggingface.co", "hf.co"}  # a mirror may redirect there, and the client keeps the token then


class ForeignHostError(Exception):
    """A token was about to go to an address that an answer has named, and that is not the Hub's."""


class UnsafeAnswerError(ValueError):
    """An answer would lead out of the client's cache, or fill the memory."""

    def __init__(self, problem: str, answer: Any) -> None:
        super().__init__(problem)
        self.request = answer.request


class SlowAnswerError(TimeoutError):
    """An answer began in time and does not come to an end."""

    def __init__(self, problem: str, answer: Any) -> None:
        super().__init__(problem)
        self.request = answer.request


class TokenError(Exception):
    """A token cannot be sent. The message does not show it."""


@dataclass(frozen=True, slots=True)
class HubRequest:
    """What was asked of the Hub, for the sentences of errors.

    Attributes:
        repo_id: The repository.
        revision: Branch, tag or commit; None for the default branch.
        writes: Whether it changes the repository.
        token: The token that the caller passed, which is never shown; None if the client was to find one.
        cache_dir: Where downloads are kept; None for the client's own place.
        filenames: The files that are read, if they are known.
    """

    repo_id: str
    revision: str | None = None
    writes: bool = False
    token: str | bool | None = field(default=None, repr=False)
    cache_dir: str | os.PathLike[str] | None = None
    filenames: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """What was to be done, to follow `cannot`."""
        return f"{'push to' if self.writes else 'read'} {self.repo_id!r}"


def translate(error: BaseException, request: HubRequest) -> HubError:
    """Return our error for one that left the client.

    Args:
        error: What the client raised, or what one of its dependencies raised through it.
        request: What was asked for.
    """
    if isinstance(error, HubError):
        return error
    make = _maker_for(error)
    # What the client wraps, or why it looked into its cache, says more than the wrapping.
    if isinstance(error.__cause__, Exception) and make in {None, _not_in_cache}:
        return translate(error.__cause__, request)
    made = _other_failure(error, request) if make is None else make(error, request)
    return _completed(made, error, request)


def _maker_for(error: BaseException) -> Callable[[Any, HubRequest], HubError] | None:
    """Return the function that makes our error of a kind that has a remedy of its own, or None."""
    from huggingface_hub import errors as client

    # Subclasses before their parents.
    makers: list[tuple[type[BaseException], Callable[[Any, HubRequest], HubError]]] = [
        (ForeignHostError, _foreign_host),
        (TokenError, _unusable_token),
        (client.LocalEntryNotFoundError, _not_in_cache),
        (client.RevisionResolutionError, _not_in_cache),
        (client.RevisionNotFoundError, _revision_not_found),
        (client.GatedRepoError, _gated),
        (client.RepositoryNotFoundError, _repository_not_found),
        (client.OfflineModeIsEnabled, _offline),
        (client.HFValidationError, _not_a_repository_name),
        (client.LocalTokenNotFoundError, _no_stored_token),
        (client.HfHubHTTPError, _refused),
    ]
    return next((make for kind, make in makers if isinstance(error, kind)), None)


def _other_failure(error: BaseException, request: HubRequest) -> HubError:
    if (number := _errno_of(error)) is not None:
        return _unreadable_or_unwritable(error, request, number)
    # What parsing raises: something arrived, and was not what the client expects.
    if isinstance(error, ValueError | LookupError | TypeError | AttributeError | AssertionError | RecursionError):
        return _unusable_answer(error, request)
    return _broken_off(error, request)


def _errno_of(error: BaseException) -> int | None:
    """Return the number of an error of this machine's files; None for errors of the network and all others."""
    if isinstance(error, OSError):
        return None if isinstance(error, ConnectionError | TimeoutError) else error.errno
    number = int(match[1]) if (match := re.search(_OS_ERROR, str(error))) else None
    return number if number in _STORAGE else None


def _foreign_host(error: ForeignHostError, request: HubRequest) -> HubError:
    return HubError(
        f"Cannot {request.task}: the Hub's answer refers to {str(error)!r} for the rest. The token was not sent there. "
        "Check HF_ENDPOINT and the proxy.",
        source=request.repo_id,
    )


def _unusable_token(error: TokenError, request: HubRequest) -> HubError:
    return AccessDeniedError(f"Cannot {request.task}: {error}", source=request.repo_id)


def _not_in_cache(error: BaseException, request: HubRequest) -> HubError:
    return _offline(error, request)  # nothing made it look there, so it was told to look nowhere else


def _revision_not_found(_: HfHubHTTPError, request: HubRequest) -> HubError:
    revision = request.revision or "main"
    return RevisionNotFoundError(
        f"The repository {request.repo_id!r} has no branch, tag or commit {revision!r}. Look at its branches and tags; "
        "give a commit in full (40 characters), or leave revision out for the default branch.",
        source=request.repo_id,
        revision=revision,
    )


def _repository_not_found(error: HfHubHTTPError, request: HubRequest) -> HubError:
    if error.response.status_code == _UNAUTHORIZED and error.response.headers.get("X-Error-Code") is None:
        return _unauthorized(error, request)
    folder = "" if request.writes else f", and there is no folder {request.repo_id!r}"
    token = "the token that was passed" if isinstance(request.token, str) else "the token of this machine, if any,"
    return RepositoryNotFoundError(
        f"There is no repository {request.repo_id!r}{folder}; or it is private, and {token} may not see it. Check the "
        "spelling, then run `hf auth login` or pass token= of an account that may see it.",
        source=request.repo_id,
    )


def _not_a_repository_name(error: BaseException, request: HubRequest) -> HubError:
    nor_folder = "" if request.writes else ", and there is no folder of this name"
    problem = f"{request.repo_id!r} is not the name of a repository{nor_folder}: {excerpt(str(error))}"
    return RepositoryNotFoundError(problem, source=request.repo_id)


def _gated(_: HfHubHTTPError, request: HubRequest) -> HubError:
    return AccessDeniedError(
        f"Access to the files of {request.repo_id!r} is granted on request. Ask for access on its page "
        f"({_endpoint()}/{request.repo_id}), then run `hf auth login` or pass token= of the account that was granted "
        "it.",
        source=request.repo_id,
    )


def _refused(error: HfHubHTTPError, request: HubRequest) -> HubError:
    """Return our error for an answer that is known only by its status."""
    from huggingface_hub.errors import DisabledRepoError, EntryNotFoundError

    status = error.response.status_code
    if not is_hub(_request_of(error).url):
        return _refused_elsewhere(error, request)
    if isinstance(error, DisabledRepoError):
        problem = f"The Hub has disabled {request.repo_id!r}; no token can {request.task}. Ask its owner, or the Hub."
        return AccessDeniedError(problem, source=request.repo_id)
    if status == _NOT_FOUND and not request.writes and not isinstance(error, EntryNotFoundError):
        return _repository_not_found(error, request)
    makers = {_UNAUTHORIZED: _unauthorized, _FORBIDDEN: _forbidden, _TOO_MANY: _unavailable}
    return makers.get(status, _unavailable if status >= _SERVER_FAILS else _refused_otherwise)(error, request)


def _forbidden(error: HfHubHTTPError, request: HubRequest) -> HubError:
    return _denied(f"The token may not {request.task}.{_said_by_hub(error)}", request)


def _unavailable(error: HfHubHTTPError, request: HubRequest) -> HubError:
    status = error.response.status_code
    why = "There are too many requests" if status == _TOO_MANY else "This is a server-side error"
    return HubUnavailableError(
        f"The Hub answered {status} when asked to {request.task}. {why}; try again later.{_said_by_hub(error)}",
        source=request.repo_id,
        status=status,
    )


def _refused_otherwise(error: HfHubHTTPError, request: HubRequest) -> HubError:
    status, said = error.response.status_code, _said_by_hub(error)
    return HubError(
        f"The Hub answered {status} when asked to {request.task}.{said or f' The client says: {excerpt(str(error))}'}",
        source=request.repo_id,
        status=status,
    )


def _said_by_hub(error: HfHubHTTPError) -> str:
    if not error.server_message:
        return ""
    said = excerpt(error.server_message)
    return f" The Hub says: {said}" if said.endswith((".", "!", "?", "…")) else f" The Hub says: {said}."


def _refused_elsewhere(error: HfHubHTTPError, request: HubRequest) -> HubError:
    """Blame a store of bytes, such as a content network: it knows signed addresses, and no token."""
    status, host = error.response.status_code, _host_of(_request_of(error).url)
    return HubUnavailableError(
        f"{host}, where the Hub keeps the bytes, answered {status} when asked to {request.task}. The address that the "
        "Hub gave out may have expired; try again.",
        source=request.repo_id,
        status=status,
    )


def _unauthorized(error: HfHubHTTPError, request: HubRequest) -> HubError:
    if _request_of(error).headers.get("authorization"):
        return _denied(f"The Hub does not accept the token to {request.task}: it is wrong or expired.", request)
    missing = f" There may be no such repository, or it is private; there is no folder {request.repo_id!r}."
    problem = f"The Hub asks for a token to {request.task}, and none was sent.{'' if request.writes else missing}"
    return _denied(problem, request)


def _no_stored_token(_: BaseException, request: HubRequest) -> HubError:
    return _denied("token=True was passed, but no token is stored on this machine.", request)


def _denied(problem: str, request: HubRequest) -> HubError:
    role = "with the write role " if request.writes else ""
    remedy = f"Run `hf auth login`, or pass token= {role}of an account that may do this."
    return AccessDeniedError(f"{problem} {remedy}", source=request.repo_id)


def _offline(error: BaseException, request: HubRequest) -> HubError:
    why = "HF_HUB_OFFLINE is set" if isinstance(error, ConnectionError) else "only local files may be used"
    if request.writes:
        return HubUnavailableError(f"Cannot {request.task}: {why}. Unset it.", source=request.repo_id)
    files = ", ".join(request.filenames) or "What is needed"
    return NotDownloadedError(
        f"{files} of {request.repo_id!r} (revision {request.revision or 'main'!r}) was not downloaded before, "
        f"and {why}. There is no folder {request.repo_id!r} here either. Load it once with the network, or give the "
        "folder that holds it.",
        source=request.repo_id,
    )


def _broken_off(error: BaseException, request: HubRequest) -> HubError:
    return HubUnavailableError(
        f"Cannot {request.task}: {_endpoint()} cannot be reached or closed the connection ({_quote(error)}). "
        f"{'' if request.writes else f'There is no folder {request.repo_id!r} here either. '}"
        "Check the network, the proxy and HF_ENDPOINT, and try again.",
        source=request.repo_id,
    )


def _unusable_answer(error: BaseException, request: HubRequest) -> HubError:
    return HubError(
        f"Cannot {request.task}: what {_endpoint()} answered is not what a Hub answers ({_quote(error)}). A proxy or a "
        "login page may have answered in its place: check the network, the proxy and HF_ENDPOINT, and try again.",
        source=request.repo_id,
    )


def _unreadable_or_unwritable(error: BaseException, request: HubRequest, number: int) -> HubError:
    if number in _DISK_FULL:
        remedy = (
            f"{_interrupted_downloads(request)}Free some space (`hf cache rm` removes downloads that are no longer "
            "needed), or pass cache_dir= with a folder on another disk."
        )
    elif request.writes:
        remedy = "Check that the files to push can be read."
    else:
        remedy = (
            "Check that path, or pass cache_dir= with a folder that can be written; local_files_only=True loads what "
            "was downloaded before."
        )
    problem = f"Cannot {request.task}: {excerpt(str(error))}. {remedy}"
    return HubError(problem, source=request.repo_id, errno=number)


def _interrupted_downloads(request: HubRequest) -> str:
    """Say how much interrupted downloads take up in the client's cache, which never removes them by itself."""
    from pathlib import Path

    from huggingface_hub import constants

    cache, sizes = Path(request.cache_dir or constants.HF_HUB_CACHE).expanduser(), []
    with contextlib.suppress(OSError):
        for path in cache.glob("*--*/blobs/*.incomplete"):
            with contextlib.suppress(OSError):
                sizes.append(path.stat().st_size)
    return (
        f"Interrupted downloads hold {sum(sizes):,} bytes of {cache}; `hf cache prune` removes them. " if sizes else ""
    )


def _completed(made: HubError, error: BaseException, request: HubRequest) -> HubError:
    """Put the request that failed at the end of our error, and leave no secret in it or in its causes."""
    secrets = _secrets(request)
    _redact_causes(error, secrets)
    made.host = hub_host()
    if (sent := _request_of(error)) is not None:
        made.host = _host_of(sent.url)
        made.request = f"{sent.method} {sent.url.copy_with(query=None, userinfo=b'')}"
    shown = f" [{made.request}]" if made.request else ""
    made.args = (redacted(f"{made.args[0]}{shown}", secrets),)
    return made


def _secrets(request: HubRequest) -> list[str | None]:
    from huggingface_hub import get_token

    try:
        stored = get_token()
    except Exception:  # noqa: BLE001 - a token that cannot be read cannot be shown either
        stored = None
    return [request.token if isinstance(request.token, str) else None, stored]


def _redact_causes(error: BaseException | None, secrets: list[str | None]) -> None:
    """Redact secrets, and escape unprintable characters, in what a traceback prints of an error and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if not isinstance(error, OSError) or error.errno is None:
            error.args = tuple(redacted(each, secrets) if isinstance(each, str) else each for each in error.args)
            escape_args(error)
        error = error.__cause__ or error.__context__


def _quote(error: BaseException) -> str:
    return excerpt(f"{type(error).__name__}: {error}")


def _request_of(error: BaseException) -> Any:
    """Return the request that an error of the HTTP library is about, or None."""
    with contextlib.suppress(AttributeError, RuntimeError):  # RuntimeError: it says that none was set
        return error.response.request  # type: ignore[attr-defined]
    with contextlib.suppress(AttributeError, RuntimeError):
        return error.request  # type: ignore[attr-defined]
    return None


def is_hub(url: Any) -> bool:
    """Return whether an address is the Hub's: that of HF_ENDPOINT, or the one that its mirrors redirect to."""
    from huggingface_hub import constants

    hub = type(url)(constants.ENDPOINT)
    same_host = url.host == hub.host and url.scheme in {hub.scheme, "https"}
    same_port = url.port == hub.port or (url.scheme != hub.scheme and url.port is None)
    return bool(same_host and same_port) or (url.scheme == "https" and url.host in _HUB_HOSTS and url.port is None)


def hub_host() -> str:
    """Return host and port of HF_ENDPOINT."""
    from huggingface_hub import constants
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported for this, without saying so

    return _host_of(httpx.URL(constants.ENDPOINT))


def _host_of(url: Any) -> str:
    return f"{url.host}:{url.port}" if url.port else str(url.host)


def _endpoint() -> str:
    from huggingface_hub import constants

    return redacted(constants.ENDPOINT)
