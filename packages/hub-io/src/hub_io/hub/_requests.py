"""Asking the Hub: with its own client, within limits of ours, and with errors of ours.

The client sends a token with every request that it makes itself, also with those whose address an answer has named
(the next page of a list), and most of its requests may take for ever. The guard below is called before each request of
the client's session and does nothing outside of `asking`.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from config_core.error_base import SentenceError
from hub_io.errors import HubAnswerError
from hub_io.hub._client_errors import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import HfApi

    from hub_io.hub._client_errors import HubRequest

__all__ = ["asking", "hub_client"]

_ASKING: ContextVar[HubRequest | None] = ContextVar("hub_io.hub.asking", default=None)
_CONNECT_S = 10.0
_WRITE_S = 300.0  # a commit of many files takes the Hub a while


def hub_client(*, token: str | bool | None) -> HfApi:
    """Return the Hub's client for a token; it is imported now."""
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name="pretrained-hub-io")


@contextlib.contextmanager
def asking(request: HubRequest, *, offline: bool = False) -> Iterator[None]:
    """Let the client work in the block: no token leaves the Hub, nothing waits for ever, and every error is ours.

    Args:
        request: What is asked for.
        offline: Whether the client only looks into its cache. Its session, which takes a while to make, is left alone.

    Raises:
        HubError: Whatever left the client, which stays as its cause. Errors of these packages pass as they are.
    """
    before = _ASKING.set(request)
    try:
        if not offline:
            _guard_session()
        yield
    except (SentenceError, Warning):  # a warning is raised where its user has said so
        raise
    except Exception as error:
        raise translate(error, request) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of the client's parts in Rust; pyo3 makes no Exception of it
            raise translate(error, request) from error
        raise
    finally:
        _ASKING.reset(before)


def _guard_session() -> None:
    """Have the client's session, which it may have made anew, call the guard."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # documented, without saying so

    hooks = get_session().event_hooks["request"]
    if _guard not in hooks:
        hooks.append(_guard)


def _guard(sent: Any) -> None:
    """Check a request of the HTTP library before it is sent, and bound what has no limit.

    Raises:
        HubAnswerError: A token would go to another host than the Hub.
    """
    request = _ASKING.get()
    if request is None:
        return
    if "authorization" in sent.headers and not _is_hub(sent.url):
        address = f"{sent.url.scheme}://{sent.url.netloc.decode('ascii', 'replace')}"
        raise HubAnswerError(
            f"Cannot {request.task}: the Hub's answer refers to {address!r} for the rest. The token was not sent "
            "there. Check HF_ENDPOINT and the proxy.",
            source=request.repo_id,
        )
    limits = sent.extensions.get("timeout", {})
    defaults = {"connect": _CONNECT_S, "pool": _WRITE_S, "write": _WRITE_S, "read": _read_limit(sent.method)}
    sent.extensions["timeout"] = {
        kind: default if limits.get(kind) is None else limits[kind] for kind, default in defaults.items()
    }


def _read_limit(method: str) -> float:
    """Return how many seconds may pass without a byte of the answer: for look-ups, those of HF_HUB_ETAG_TIMEOUT."""
    from huggingface_hub import constants

    return float(constants.HF_HUB_ETAG_TIMEOUT) if method in {"GET", "HEAD"} else _WRITE_S


def _is_hub(url: Any) -> bool:
    """Return whether an address is at the Hub: same scheme, host and port as HF_ENDPOINT."""
    from huggingface_hub import constants

    hub = type(url)(constants.ENDPOINT)
    return bool((url.scheme, url.host, url.port) == (hub.scheme, hub.host, hub.port))
