"""Asking the Hub: with its own client, within limits of ours, and with errors of ours.

The client sends a token with every request that it makes itself, also with those whose address an answer has named
(the next page of a list), and most of its requests have no time limit. `_guard` is called before each request of the
client's session, `_check_answer` with each answer before its content is read. They know ours by their user agent, in
whatever thread the client sends them.

What the client gives no time limit of its own, it also reads as a whole: such an answer has limits of size and time.
Lists have an end. A download takes what it needs, and proxies need not announce its length.
"""

from __future__ import annotations

import contextlib
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.error_base import SentenceError
from hub_io.errors import HubError
from hub_io.hub._client_errors import ForeignHostError, TokenError, UnsafeAnswerError, hub_host, is_hub, translate
from hub_io.hub._redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import HfApi

    from hub_io.hub._client_errors import HubRequest

__all__ = ["asking", "hub_client"]

# Headers of which the client makes parts of paths.
_ETAG = r'(W/)?"?[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"?'
_PATH_HEADERS = {
    "etag": _ETAG,
    "x-linked-etag": _ETAG,
    "x-repo-commit": r"[0-9a-f]{40}([0-9a-f]{24})?",
    "x-xet-hash": r"[0-9a-f]{64}",
}
# Headers that may let the client sleep, and say nothing, for 1,000 seconds or more. The Hub's own limits are of 300.
# The client takes digits of any script.
_LONG_PAUSES = {"retry-after": r"\d{4}", "ratelimit": r"t\s*=\s*\d{4}"}
_SENDABLE = r"[!-~]{1,4096}"  # a token that a header can hold
_LIBRARY = "pretrained-hub-io"
_IS_LOOKUP = "pretrained-hub-io.lookup"
_CONNECT_S = 10.0
_WRITE_S = 300.0  # a commit of many files takes the Hub a while
_MOST_PAGES = 1000  # of a thousand files each


@dataclass
class _Received:
    """What came in a block of `asking`: pages of lists, and bytes of the answers that the client reads as a whole."""

    pages: int = 0
    size: int = 0

    def add_bytes(self, number: int) -> int:
        """Add to the bytes, and return how many there are."""
        self.size += number
        return self.size


# The client reads lists in the thread that asks.
_received: ContextVar[_Received | None] = ContextVar("received", default=None)


def hub_client(*, token: str | bool | None, offline: bool = False) -> HfApi:
    """Return the Hub's client for a token; it is imported now.

    Args:
        token: Access token; True for the stored one, False for none, None for the stored one if any.
        offline: Whether the client is only to look into its cache. Then its session, which takes a while to make, is
            left alone.
    """
    from huggingface_hub import HfApi

    if not offline:
        _check_token(token)
        _guard_session()
    return HfApi(token=token, library_name=_LIBRARY)


def _check_token(token: object) -> None:
    """Check that a token can be sent. The client's own errors would show it.

    Raises:
        TokenError: It has characters that no token has, or is of another type.
    """
    from huggingface_hub import get_token

    if token is not None and not isinstance(token, (str, bool)):
        raise TokenError(f"token must be a string, True, False or None, not of type {type(token).__name__}.")
    name = "The token that was passed"
    if token in {None, True}:
        name, token = "The token of this machine (HF_TOKEN, or that of `hf auth login`)", get_token()
    if isinstance(token, str) and not re.fullmatch(_SENDABLE, token):
        if not token:
            raise TokenError(f"{name} is empty. Pass None for the stored one, or False for none.")
        raise TokenError(
            f"{name} has a space, a line feed or another character that no token has. Copy it again; token.strip() "
            "removes what is at its ends."
        )


@contextlib.contextmanager
def asking(request: HubRequest) -> Iterator[None]:
    """Turn every error that leaves the block into one of ours; the client's own stays as its cause.

    Raises:
        HubError: Something failed. Errors of these packages pass as they are.
    """
    context = _received.set(_received.get() or _Received())
    try:
        yield
    except HubError as error:
        with contextlib.suppress(Exception):  # there is none in settings that the client refuses
            error.host = error.host or hub_host()
        raise
    except (SentenceError, Warning):  # a warning is raised where its user has said so
        raise
    except Exception as error:
        raise _translated(error, request) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of the client's parts in Rust; pyo3 makes no Exception of it
            raise _translated(error, request) from error
        raise
    finally:
        _received.reset(context)


def _translated(error: BaseException, request: HubRequest) -> HubError:
    try:
        return translate(error, request)
    except Exception:  # noqa: BLE001 - with such settings, the client itself cannot be imported
        return HubError(
            f"Cannot {request.task}: {type(error).__name__}: {excerpt(str(error))}. Check HF_ENDPOINT and the other "
            "HF_ variables.",
            source=request.repo_id,
        )


def _guard_session() -> None:
    """Have the client's session, which it may have made anew, call the guard."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # documented, without saying so

    hooks = get_session().event_hooks
    for event, hook in (("request", _guard), ("response", _check_answer)):
        if hook not in hooks[event]:
            hooks[event].append(hook)


def _guard(sent: Any) -> None:
    """Check one of our requests before the HTTP library sends it, limit its time, and ask for a plain answer.

    Raises:
        ForeignHostError: A token would go to another host than the Hub.
    """
    if _LIBRARY not in sent.headers.get("user-agent", ""):
        return
    if "authorization" in sent.headers and not is_hub(sent.url):
        raise ForeignHostError(f"{sent.url.scheme}://{sent.url.netloc.decode('ascii', 'replace')}")
    sent.headers["accept-encoding"] = "identity"
    limits = sent.extensions.get("timeout", {})
    if limits.get("read") is None:
        sent.extensions[_IS_LOOKUP] = True
    defaults = {"connect": _CONNECT_S, "pool": _WRITE_S, "write": _WRITE_S, "read": _read_limit(sent.method)}
    sent.extensions["timeout"] = {
        kind: default if limits.get(kind) is None else limits[kind] for kind, default in defaults.items()
    }


def _check_answer(answer: Any) -> None:
    """Check the headers of an answer, before the client obeys one or unpacks the content; limit the content.

    Raises:
        UnsafeAnswerError: One would lead out of the client's cache, the content is compressed, or a list has no end.
    """
    sent = answer.request
    if _LIBRARY not in sent.headers.get("user-agent", ""):
        return
    if answer.headers.get("content-encoding", "identity") != "identity":  # perhaps a thousand times as large
        raise UnsafeAnswerError("it is compressed, without being asked for that", answer)
    for header, long_pause in _LONG_PAUSES.items():
        if re.search(long_pause, answer.headers.get(header, "")):
            del answer.headers[header]
    _limit(answer)
    if "/resolve" not in sent.url.path or sent.method != "HEAD":
        return
    for header, allowed in _PATH_HEADERS.items():
        value = answer.headers.get(header)
        if value is not None and not re.fullmatch(allowed, value):
            raise UnsafeAnswerError(f"the header {header} is {value!a:.200}, which is not a plain name", answer)


def _limit(answer: Any) -> None:
    """Limit the size and time of an answer that the client reads as a whole, and the pages of a list."""
    from hub_io.hub._answer_limits import LimitedStream

    received = _received.get() or _Received()
    if answer.request.extensions.get(_IS_LOOKUP, False):
        answer.stream = LimitedStream(answer, received.add_bytes, seconds=_read_limit(answer.request.method))
    received.pages += "next" in answer.links
    if received.pages > _MOST_PAGES:
        raise UnsafeAnswerError(f"a list has more than {_MOST_PAGES:,} pages", answer)


def _read_limit(method: str) -> float:
    """Return how many seconds may pass without a byte of the answer: for look-ups, those of HF_HUB_ETAG_TIMEOUT."""
    from huggingface_hub import constants

    return float(constants.HF_HUB_ETAG_TIMEOUT) if method in {"GET", "HEAD"} else _WRITE_S
