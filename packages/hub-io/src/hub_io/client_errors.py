"""What the Hub's client raises, as errors of ours that say what to do next."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["HubRequest", "client_errors_as_ours"]

_UNWRITABLE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO,
}  # fmt: skip
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _SERVER_FAILS = 401, 403, 429, 500


@dataclass(frozen=True, slots=True)
class HubRequest:
    """What was asked of the Hub, for the sentences of errors.

    Attributes:
        repo_id: The repository.
        revision: Branch, tag or commit; None for the default branch.
        writes: Whether it changes the repository.
        token_given: Whether a token was passed by the caller, rather than found by the client.
    """

    repo_id: str
    revision: str | None = None
    writes: bool = False
    token_given: bool = False

    @property
    def deed(self) -> str:
        """What was to be done, to follow `cannot`."""
        return f"{'push to' if self.writes else 'read'} {self.repo_id!r}"


@contextlib.contextmanager
def client_errors_as_ours(request: HubRequest) -> Iterator[None]:
    """Turn what the client raises in the block into errors of ours; the client's own stays as the cause.

    Raises:
        HubError: The Hub refused, cannot be reached, or a download cannot be written.
    """
    try:
        yield
    except HubError:
        raise
    except Exception as error:
        ours = _translate(error, request)
        if ours is None:
            raise
        raise ours from error


def _translate(error: BaseException, request: HubRequest) -> HubError | None:
    """Return our error for one of the client's, or None for an error that is not about the Hub."""
    from huggingface_hub import errors as client
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported for this, without saying so

    if isinstance(error, (client.LocalEntryNotFoundError, client.RevisionResolutionError)):
        return _not_in_cache(error, request)
    # Subclasses before their parents.
    kinds: list[tuple[tuple[type[BaseException], ...], Callable[[BaseException, HubRequest], HubError]]] = [
        ((client.RevisionNotFoundError,), _revision_not_found),
        ((client.GatedRepoError,), _gated),
        ((client.RepositoryNotFoundError,), _repository_not_found),
        ((client.OfflineModeIsEnabled,), _offline),
        ((client.HFValidationError,), _no_repository_name),
        ((client.LocalTokenNotFoundError,), _no_stored_token),
    ]
    for types, make in kinds:
        if isinstance(error, types):
            return make(error, request)
    if isinstance(error, client.HfHubHTTPError):
        return _refused(error, request)
    if isinstance(error, (httpx.HTTPError, ConnectionError, TimeoutError, client.FileMetadataError)):
        return _unreachable(error, request)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return _unwritable(error, request)
    return None


def _not_in_cache(error: BaseException, request: HubRequest) -> HubError:
    """Say why the client looked into its cache, in vain. Without a cause, it was told to look nowhere else."""
    if error.__cause__ is None:
        return _offline(error, request)
    return _translate(error.__cause__, request) or _unreachable(error, request)


def _revision_not_found(_error: BaseException, request: HubRequest) -> HubError:
    revision = request.revision or "main"
    return RevisionNotFoundError(
        f"The repository {request.repo_id!r} has no branch, tag or commit {revision!r}. Look at its branches and tags; "
        "give a commit in full (40 characters), or leave revision out for the default branch.",
        source=request.repo_id,
        revision=revision,
    )


def _repository_not_found(_error: BaseException, request: HubRequest) -> HubError:
    folder = "" if request.writes else f", and there is no folder {request.repo_id!r}"
    token = "the token that was passed" if request.token_given else "the token of this machine, if any,"
    return RepositoryNotFoundError(
        f"There is no repository {request.repo_id!r}{folder}; or it is private, and {token} may not see it. Check the "
        "spelling, then run `hf auth login` or pass token= of an account that may see it.",
        source=request.repo_id,
    )


def _no_repository_name(error: BaseException, request: HubRequest) -> HubError:
    problem = f"{request.repo_id!r} is no folder, and no name of a repository either: {error}"
    return RepositoryNotFoundError(problem, source=request.repo_id)


def _gated(_error: BaseException, request: HubRequest) -> HubError:
    from huggingface_hub import constants

    return UnreadableRepositoryError(
        f"The files of {request.repo_id!r} are given out on request only. Ask for access on its page "
        f"({constants.ENDPOINT}/{request.repo_id}), then run `hf auth login` or pass token= of the account that was "
        "granted it.",
        source=request.repo_id,
    )


def _refused(error: HfHubHTTPError, request: HubRequest) -> HubError:
    """Return the error for an answer that is only known by its status."""
    status = error.response.status_code
    says = f" The Hub says: {error.server_message}" if error.server_message else ""
    if status == _UNAUTHORIZED:
        return _denied(
            f"The Hub does not accept the token to {request.deed}: it is missing, wrong or expired.", request
        )
    if status == _FORBIDDEN:
        return _denied(f"The token may not {request.deed}.{says}", request)
    if status >= _SERVER_FAILS or status == _TOO_MANY:
        return HubUnavailableError(
            f"The Hub answered {status} when asked to {request.deed}. This is its own trouble: try again later.{says}",
            source=request.repo_id,
            status=status,
        )
    return HubAnswerError(
        f"The Hub answered {status} when asked to {request.deed}.{says or f' The client says: {error}'}",
        source=request.repo_id,
        status=status,
    )


def _no_stored_token(_error: BaseException, request: HubRequest) -> HubError:
    return _denied("token=True was passed, but no token is stored on this machine.", request)


def _denied(problem: str, request: HubRequest) -> HubError:
    kind = AccessDeniedError if request.writes else UnreadableRepositoryError
    role = "with the write role " if request.writes else ""
    return kind(
        f"{problem} Run `hf auth login`, or pass token= {role}of an account that may do this.", source=request.repo_id
    )


def _offline(error: BaseException, request: HubRequest) -> HubError:
    why = "HF_HUB_OFFLINE is set" if isinstance(error, ConnectionError) else "only local files may be used"
    if request.writes:
        return HubUnavailableError(f"Cannot {request.deed}: {why}. Unset it.", source=request.repo_id)
    return NotDownloadedError(
        f"What is wanted of {request.repo_id!r} (revision {request.revision or 'main'!r}) was not downloaded before, "
        f"and {why}. Load it once with the network, or give the folder that holds it.",
        source=request.repo_id,
    )


def _unreachable(error: BaseException, request: HubRequest) -> HubError:
    from huggingface_hub import constants

    return HubUnavailableError(
        f"Cannot {request.deed}: {constants.ENDPOINT} cannot be reached or broke off ({type(error).__name__}: "
        f"{error}). Check the network, the proxy and HF_ENDPOINT, and try again.",
        source=request.repo_id,
    )


def _unwritable(error: OSError, request: HubRequest) -> HubError:
    return StorageError(
        f"Cannot {request.deed}: {error}. Free some space (`hf cache rm` removes downloads that are not needed any "
        "more), or pass cache_dir= with a folder that can be written.",
        source=request.repo_id,
        errno=error.errno,
    )
