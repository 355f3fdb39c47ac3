"""Whatever leaves the Hub's client, as an error of ours that names host and request and says what to do next.

Every exception is translated. The kinds that are told apart have a remedy of their own; the rest share one.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub_io.errors import (
    AccessDeniedError,
    HubAnswerError,
    HubError,
    HubUnavailableError,
    NotDownloadedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    StorageError,
    UnreadableRepositoryError,
)
from hub_io.hub._redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["HubRequest", "translate"]

_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _SERVER_FAILS = 401, 403, 429, 500
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_LONGEST_QUOTE = 500


@dataclass(frozen=True, slots=True)
class HubRequest:
    """What was asked of the Hub, for the sentences of errors.

    Attributes:
        repo_id: The repository.
        revision: Branch, tag or commit; None for the default branch.
        writes: Whether it changes the repository.
        token: The token that the caller passed, which is never shown; None if the client was to find one.
    """

    repo_id: str
    revision: str | None = None
    writes: bool = False
    token: str | bool | None = field(default=None, repr=False)

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
    from huggingface_hub import errors as client

    if isinstance(error, HubError):
        return error
    # Subclasses before their parents.
    kinds: list[tuple[type[BaseException], Callable[[Any, HubRequest], HubError]]] = [
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
    for kind, make in kinds:
        if isinstance(error, kind):
            return make(error, request)
    if _is_local(error):
        return _unwritable(error, request)
    return _unusable_answer(error, request) if _is_about_an_answer(error) else _broken_off(error, request)


def _is_local(error: BaseException) -> bool:
    """Return whether the system refused something on this machine."""
    of_network = isinstance(error, ConnectionError | TimeoutError)
    return isinstance(error, OSError) and error.errno is not None and not of_network


def _is_about_an_answer(error: BaseException) -> bool:
    """Return whether something arrived, and was not what the client expects: these are what parsing raises."""
    return isinstance(error, ValueError | LookupError | TypeError | AttributeError | AssertionError | RecursionError)


def _not_in_cache(error: BaseException, request: HubRequest) -> HubError:
    """Say why the client looked into its cache, in vain. Without a cause, it was told to look nowhere else."""
    return _offline(error, request) if error.__cause__ is None else translate(error.__cause__, request)


def _revision_not_found(error: HfHubHTTPError, request: HubRequest) -> HubError:
    revision = request.revision or "main"
    return _make(
        RevisionNotFoundError,
        f"The repository {request.repo_id!r} has no branch, tag or commit {revision!r}. Look at its branches and tags; "
        "give a commit in full (40 characters), or leave revision out for the default branch.",
        error,
        request,
        revision=revision,
    )


def _repository_not_found(error: HfHubHTTPError, request: HubRequest) -> HubError:
    if error.response.status_code == _UNAUTHORIZED and error.response.headers.get("X-Error-Code") is None:
        return _unauthorized(error, request)
    folder = "" if request.writes else f", and there is no folder {request.repo_id!r}"
    token = "the token that was passed" if isinstance(request.token, str) else "the token of this machine, if any,"
    return _make(
        RepositoryNotFoundError,
        f"There is no repository {request.repo_id!r}{folder}; or it is private, and {token} may not see it. Check the "
        "spelling, then run `hf auth login` or pass token= of an account that may see it.",
        error,
        request,
    )


def _not_a_repository_name(error: BaseException, request: HubRequest) -> HubError:
    problem = f"{request.repo_id!r} is no folder, and not the name of a repository either: {error}"
    return _make(RepositoryNotFoundError, problem, error, request)


def _gated(error: HfHubHTTPError, request: HubRequest) -> HubError:
    return _make(
        UnreadableRepositoryError,
        f"Access to the files of {request.repo_id!r} is granted on request. Ask for access on its page "
        f"({_endpoint()}/{request.repo_id}), then run `hf auth login` or pass token= of the account that was granted "
        "it.",
        error,
        request,
    )


def _refused(error: HfHubHTTPError, request: HubRequest) -> HubError:
    """Return the error for an answer that is known only by its status."""
    from huggingface_hub.errors import DisabledRepoError

    status = error.response.status_code
    says = f" The Hub says: {error.server_message}" if error.server_message else ""
    if _host_of(error) not in {None, _hub_host()}:
        return _refused_elsewhere(error, request)
    if isinstance(error, DisabledRepoError):
        problem = f"The Hub has disabled {request.repo_id!r}; no token can {request.task}. Ask its owner, or the Hub."
        return _make(AccessDeniedError if request.writes else UnreadableRepositoryError, problem, error, request)
    if status == _UNAUTHORIZED:
        return _unauthorized(error, request)
    if status == _FORBIDDEN:
        return _denied(f"The token may not {request.task}.{says}", error, request)
    if status >= _SERVER_FAILS or status == _TOO_MANY:
        whose = "There are too many requests" if status == _TOO_MANY else "This is a server-side error"
        return _make(
            HubUnavailableError,
            f"The Hub answered {status} when asked to {request.task}. {whose}; try again later.{says}",
            error,
            request,
            status=status,
        )
    return _make(
        HubAnswerError,
        f"The Hub answered {status} when asked to {request.task}.{says or f' The client says: {error}'}",
        error,
        request,
        status=status,
    )


def _refused_elsewhere(error: HfHubHTTPError, request: HubRequest) -> HubError:
    """Blame a store of bytes, such as a content network: it knows signed addresses, and no token."""
    status = error.response.status_code
    return _make(
        HubUnavailableError,
        f"{_host_of(error)}, where the Hub keeps the bytes, answered {status} when asked to {request.task}. The "
        "address that the Hub gave out may have expired; try again.",
        error,
        request,
        status=status,
    )


def _unauthorized(error: HfHubHTTPError, request: HubRequest) -> HubError:
    if _request_of(error).headers.get("authorization"):
        return _denied(f"The Hub does not accept the token to {request.task}: it is wrong or expired.", error, request)
    missing = f" There may be no such repository, or it is private; there is no folder {request.repo_id!r}."
    problem = f"The Hub asks for a token to {request.task}, and none was sent.{'' if request.writes else missing}"
    return _denied(problem, error, request)


def _no_stored_token(error: BaseException, request: HubRequest) -> HubError:
    return _denied("token=True was passed, but no token is stored on this machine.", error, request)


def _denied(problem: str, error: BaseException, request: HubRequest) -> HubError:
    role = "with the write role " if request.writes else ""
    remedy = f"Run `hf auth login`, or pass token= {role}of an account that may do this."
    kind = AccessDeniedError if request.writes else UnreadableRepositoryError
    return _make(kind, f"{problem} {remedy}", error, request)


def _offline(error: BaseException, request: HubRequest) -> HubError:
    why = "HF_HUB_OFFLINE is set" if isinstance(error, ConnectionError) else "only local files may be used"
    if request.writes:
        return _make(HubUnavailableError, f"Cannot {request.task}: {why}. Unset it.", error, request)
    return _make(
        NotDownloadedError,
        f"What is needed of {request.repo_id!r} (revision {request.revision or 'main'!r}) was not downloaded before, "
        f"and {why}. Load it once with the network, or give the folder that holds it.",
        error,
        request,
    )


def _broken_off(error: BaseException, request: HubRequest) -> HubError:
    return _make(
        HubUnavailableError,
        f"Cannot {request.task}: {_endpoint()} cannot be reached or broke off ({_quote(error)}). Check the network, "
        "the proxy and HF_ENDPOINT, and try again.",
        error,
        request,
    )


def _unusable_answer(error: BaseException, request: HubRequest) -> HubError:
    return _make(
        HubAnswerError,
        f"Cannot {request.task}: what {_endpoint()} answered is not what a Hub answers ({_quote(error)}). A proxy or a "
        "login page may have answered in its place: check the network, the proxy and HF_ENDPOINT, and try again.",
        error,
        request,
    )


def _unwritable(error: BaseException, request: HubRequest) -> HubError:
    number = error.errno if isinstance(error, OSError) else None
    if request.writes:
        remedy = "Check that the files of the save can be read."
    else:
        remedy = (
            f"{_remains() if number in _DISK_FULL else ''}Free some space (`hf cache rm` removes downloads that are no "
            "longer needed), or pass cache_dir= with a folder that can be written."
        )
    return _make(StorageError, f"Cannot {request.task}: {error}. {remedy}", error, request, errno=number)


def _remains() -> str:
    """Say how much interrupted downloads take up in the client's cache, which never removes them by itself."""
    from contextlib import suppress
    from pathlib import Path

    from huggingface_hub import constants

    sizes = []
    with suppress(OSError):
        for path in Path(constants.HF_HUB_CACHE).glob("*--*/blobs/*.incomplete"):
            with suppress(OSError):
                sizes.append(path.stat().st_size)
    if not sizes:
        return ""
    held = f"{sum(sizes):,} bytes of {constants.HF_HUB_CACHE}"
    return f"Interrupted downloads hold {held}; `hf cache prune` removes them. "


def _make(kind: type[HubError], problem: str, error: BaseException, request: HubRequest, **data: Any) -> HubError:
    """Return one of our errors, with the request that failed at its end and no secret in it."""
    sent = _sent(error)
    made = kind(_shown(f"{problem}{f' [{sent}]' if sent else ''}", request), source=request.repo_id, **data)
    made.host, made.request = _host_of(error) or _hub_host(), sent
    return made


def _shown(text: str, request: HubRequest) -> str:
    from huggingface_hub import get_token

    try:
        stored = get_token()
    except Exception:  # noqa: BLE001 - an error is on its way already
        stored = None
    return redacted(text, [request.token if isinstance(request.token, str) else None, stored])


def _quote(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST_QUOTE]


def _sent(error: BaseException) -> str | None:
    """Return method and address of the request that failed, without its query."""
    sent = _request_of(error)
    return f"{sent.method} {sent.url.copy_with(query=None, userinfo=b'')}" if sent is not None else None


def _host_of(error: BaseException) -> str | None:
    sent = _request_of(error)
    if sent is None:
        return None
    return f"{sent.url.host}:{sent.url.port}" if sent.url.port else str(sent.url.host)


def _request_of(error: BaseException) -> Any:
    """Return the request that an error of the HTTP library carries, or None."""
    try:
        return error.response.request  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):  # so says the HTTP library where none was set
        pass
    try:
        return error.request  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):
        return None


def _endpoint() -> str:
    from huggingface_hub import constants

    return redacted(constants.ENDPOINT)


def _hub_host() -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(_endpoint())
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
