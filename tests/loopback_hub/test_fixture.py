"""What tests get with `hub`: an empty Hub, an empty cache, nobody logged in, in this process and in those it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants, get_token, hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError

REPO = "me/model"
DOWNLOAD = f"import huggingface_hub; print(huggingface_hub.hf_hub_download({REPO!r}, 'config.json'))"


@pytest.mark.parametrize("content", ["first", "second"])
def test_tests_share_nothing(hub, content):
    """Neither the repository nor its cached file of one test is there in the next."""
    assert hub.requests == []
    with pytest.raises(KeyError):
        hub.files(REPO)
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(REPO, "config.json", local_files_only=True)
    hub.create_repo(REPO, {"config.json": content})
    assert Path(hf_hub_download(REPO, "config.json")).read_text(encoding="utf-8") == content


def test_client_knows_only_this_hub(hub):
    """The endpoint is loopback and the cache is below a folder of this run."""
    assert hub.url == constants.ENDPOINT
    assert Path(constants.HF_HUB_CACHE).parent == Path(os.environ["HF_HOME"])


@pytest.mark.usefixtures("hub")
def test_nobody_is_logged_in():
    """The user who runs the tests has no token here."""
    assert get_token() is None


def test_token_in_the_environment_logs_in(hub, monkeypatch):
    """The client reads HF_TOKEN at every call."""
    monkeypatch.setenv("HF_TOKEN", hub.token("me"))
    assert HfApi().whoami()["name"] == "me"


def test_processes_reach_the_hub_and_share_the_cache(hub):
    """A process that a test starts needs no preparation."""
    hub.create_repo(REPO, {"config.json": "{}"})
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD], capture_output=True, text=True, encoding="utf-8", timeout=60, check=True
    )
    assert done.stdout.strip() == hf_hub_download(REPO, "config.json", local_files_only=True)


def test_files_may_be_text_or_bytes(hub):
    """Tests write what is easier to read."""
    hub.create_repo(REPO, {"a.json": "ä", "b.bin": b"\0"})
    files = hub.files(REPO)
    assert (files["a.json"], files["b.bin"]) == ("ä".encode(), b"\0")


def test_commit_adds_changes_and_deletes(hub):
    """None deletes; what is not named stays."""
    first = hub.create_repo(REPO, {"a": "1", "b": "2", "c": "3"})
    second = hub.commit(REPO, {"a": "4", "b": None})
    assert {path: hub.files(REPO, second).get(path) for path in "abc"} == {"a": b"4", "b": None, "c": b"3"}
    assert hub.files(REPO, first)["b"] == b"2"


def test_repository_is_not_made_twice(hub):
    """A slip in a test does not silently replace what it set up before."""
    hub.create_repo(REPO)
    with pytest.raises(ValueError, match="on the loopback Hub already"):
        hub.create_repo(REPO)


def test_requests_are_logged_as_they_were_sent(hub):
    """Quoting, query and token can be asserted on."""
    hub.create_repo(REPO)
    hub.branch(REPO, "exp/one")
    hub.clear_requests()
    token = hub.token("me")
    HfApi(token=token).model_info(REPO, revision="exp/one", files_metadata=True)
    (request,) = hub.requests
    assert request[:4] == ("GET", f"/api/models/{REPO}/revision/exp%2Fone", "blobs=true", token)


@pytest.mark.parametrize("look", ["files", "commit"])
def test_slips_of_a_test_are_key_errors(hub, look):
    """A revision or branch that a test never made is not made up."""
    hub.create_repo(REPO)
    with pytest.raises(KeyError, match="absent"):
        hub.files(REPO, "absent") if look == "files" else hub.commit(REPO, {"a": "1"}, branch="absent")


def test_hub_can_be_run_by_hand():
    """`python -m loopback_hub` says how to reach it, and ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loopback_hub"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        told = json.loads(process.stdout.readline())
        assert HfApi(endpoint=told["HF_ENDPOINT"], token=told["HF_TOKEN"]).whoami()["name"] == "alice"
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
