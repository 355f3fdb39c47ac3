"""Faults happen to the request they were planned for, as often as planned, and to no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError

REPO = "me/model"
# The client keeps what it got in pieces of 10 MiB, and goes on behind the last whole one.
PIECE = 10 * 1024 * 1024
LARGE = os.urandom(1024) * (PIECE // 1024 + 512)


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, {"config.json": "{}", "model.safetensors": LARGE})


def test_failure_happens_once(hub, sha):
    """The next request fails with the status, the one after it does not."""
    hub.fail_next(f"/api/models/{REPO}", status=503)
    with pytest.raises(HfHubHTTPError, match="503"):
        HfApi().model_info(REPO)
    assert HfApi().model_info(REPO).sha == sha


def test_failure_happens_as_often_as_planned(hub, sha):
    """`times` counts requests."""
    hub.fail_next(f"/api/models/{REPO}", status=500, times=2)
    for _ in range(2):
        with pytest.raises(HfHubHTTPError, match="500"):
            HfApi().model_info(REPO)
    assert HfApi().model_info(REPO).sha == sha


def test_failure_waits_for_its_method_and_path(hub, sha):
    """Requests that do not match pass, and do not use the fault up."""
    hub.fail_next("/commit/", method="POST", status=500)
    assert HfApi().model_info(REPO).sha == sha
    api = HfApi(token=hub.token("me"))
    with pytest.raises(HfHubHTTPError, match="500"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="a.json", repo_id=REPO)
    assert "a.json" not in hub.files(REPO)


@pytest.mark.usefixtures("sha")
def test_failure_carries_headers(hub):
    """An error can say what the real Hub would say with it."""
    hub.fail_next(status=429, headers={"X-Error-Message": "slow down"})
    with pytest.raises(HfHubHTTPError, match="slow down"):
        HfApi().model_info(REPO)


@pytest.mark.usefixtures("sha")
def test_cut_body_is_resumed(hub):
    """The client notices that the body is short, asks for the rest, and ends with the whole file."""
    hub.offer_xet(offer=False)
    hub.cut_next("/objects/", after=PIECE + 1)
    local = hf_hub_download(REPO, "model.safetensors")
    assert Path(local).read_bytes() == LARGE
    ranges = [request.headers.get("range") for request in hub.requests if request.path.startswith("/objects/")]
    assert ranges == [None, f"bytes={PIECE}-"]


@pytest.mark.usefixtures("sha")
def test_late_answer_is_not_waited_for(hub):
    """A client that has the file gives up on an answer that is late, and serves its cache."""
    local = hf_hub_download(REPO, "config.json")
    hub.delay_next("/resolve/", method="HEAD", seconds=20)
    assert hf_hub_download(REPO, "config.json", etag_timeout=0.1) == local


def test_late_answer_is_right(hub, sha):
    """A client that waits gets what it asked for."""
    hub.delay_next("/api/models/", seconds=0.01)
    assert HfApi().model_info(REPO).sha == sha


@pytest.mark.usefixtures("sha")
def test_reset_forgets_faults(hub):
    """A fault that found no request does not reach the next test."""
    hub.fail_next()
    hub.reset()
    assert hub.create_repo(REPO) == HfApi().model_info(REPO).sha


def test_answer_is_rewritten(hub, sha):
    """A function gets what the Hub would answer, and the client what the function returns."""
    seen = []

    def change(headers, body):
        seen.append((headers["content-type"], sha in body.decode()))
        return {**headers, "x-added": "1"}, body.replace(sha.encode(), b"0" * 40)

    hub.rewrite_next(f"/api/models/{REPO}", change)
    assert HfApi().model_info(REPO).sha == "0" * 40
    assert seen == [("application/json", True)]
    assert HfApi().model_info(REPO).sha == sha


def test_head_of_an_answer_keeps_its_length(hub, sha):
    """It has no body to be as long as."""
    hub.rewrite_next("/resolve-cache/", lambda headers, body: ({**headers, "etag": '"other"'}, body), method="HEAD")
    url = f"{hub.url}/{REPO}/resolve/{sha}/config.json"
    described = get_hf_file_metadata(url)
    assert (described.etag, described.size) == ("other", 2)
