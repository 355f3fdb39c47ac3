"""Whether a push would be allowed, asked before the work that it ends."""

from __future__ import annotations

import pytest

from hub_io import AccessDeniedError
from hub_io.hub_service import HUB_SERVICE


@pytest.mark.parametrize("repo_id", ["me/tiny", "tiny", "Me/tiny"])
def test_own_repository_may_be_pushed_to(hub, repo_id):
    """It need not exist, and nothing is created."""
    HUB_SERVICE.check_push_access(repo_id, token=hub.token("me"))
    assert [request.path for request in hub.requests] == ["/api/whoami-v2"]


def test_token_that_may_only_read_is_refused(hub):
    """The error says which right it lacks."""
    with pytest.raises(AccessDeniedError, match="may only read"):
        HUB_SERVICE.check_push_access("me/tiny", token=hub.token("me", write=False))


def test_repository_of_somebody_else_is_refused(hub):
    """The error names the owners that would do."""
    with pytest.raises(AccessDeniedError, match=r"belongs to 'you', who may push to you/"):
        HUB_SERVICE.check_push_access("me/tiny", token=hub.token("you"))


@pytest.mark.parametrize("token", [None, False, "hf_unknown"])
def test_missing_or_unknown_token_is_refused(hub, token, monkeypatch):  # noqa: ARG001 - the hub has to run
    """As an error of access, which says where a token comes from."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(AccessDeniedError, match="token"):
        HUB_SERVICE.check_push_access("me/tiny", token=token)
