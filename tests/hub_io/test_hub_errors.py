"""What goes wrong on the way to the Hub: each has its error, a builtin that programs catch, and says what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from config_core import PretrainedConfig
from config_core.errors import CheckpointNotFoundError
from hub_io import (
    HUB_SERVICE,
    AccessDeniedError,
    HubError,
    HubUnavailableError,
    RepositoryNotFoundError,
)

CONFIG = {"config.json": '{"model_type": "tiny"}'}


def test_private_repository_looks_like_a_missing_one(hub):
    """The Hub does not tell strangers which names exist, and neither do we."""
    hub.create_repo("me/tiny", CONFIG, private=True)
    for token in (False, hub.token("you")):
        with pytest.raises(RepositoryNotFoundError, match="or it is private"):
            HUB_SERVICE.open("me/tiny", token=token)
    assert HUB_SERVICE.open("me/tiny", token=hub.token("me")).has("config.json")


def test_stored_token_is_used(hub, monkeypatch):
    """Who is logged in passes no token."""
    hub.create_repo("me/tiny", CONFIG, private=True)
    monkeypatch.setenv("HF_TOKEN", hub.token("me"))
    assert HUB_SERVICE.open("me/tiny").has("config.json")
    with pytest.raises(RepositoryNotFoundError):
        HUB_SERVICE.open("me/tiny", token=False)


@pytest.mark.parametrize("logged_in", [False, True])
def test_gated_repository_says_where_to_ask(hub, logged_in):
    """The files are given out on request; the error names the page."""
    hub.create_repo("you/tiny", CONFIG, gated=True)
    token = hub.token("me") if logged_in else False
    with pytest.raises(AccessDeniedError, match=rf"Ask for access on its page \({hub.url}/you/tiny\)") as caught:
        HUB_SERVICE.open("you/tiny", token=token)
    assert isinstance(caught.value, PermissionError)
    assert isinstance(caught.value, CheckpointNotFoundError)
    hub.grant("you/tiny", "me")
    assert HUB_SERVICE.open("you/tiny", token=hub.token("me")).has("config.json")


def test_wrong_token_is_not_shown(hub):
    """A token that the Hub never gave out is refused, even for what anybody may read."""
    hub.create_repo("me/tiny", CONFIG)
    with pytest.raises(AccessDeniedError, match="wrong or expired") as caught:
        HUB_SERVICE.open("me/tiny", token="hf_made_up")
    assert "hf_made_up" not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_token_that_is_not_stored_is_said_to_be(monkeypatch):
    """token=True without a login."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(AccessDeniedError, match="no token is stored"):
        HUB_SERVICE.open("me/tiny", token=True)


@pytest.mark.parametrize("status", [500, 503])
def test_hub_in_trouble_is_a_connection_error(hub, status):
    """Its own failure is named as such when nothing was downloaded before."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/api/models/me/tiny", status=status, times=9)
    with pytest.raises(HubUnavailableError, match=f"answered {status}.*try again later") as caught:
        HUB_SERVICE.open("me/tiny")
    assert (caught.value.status, isinstance(caught.value, ConnectionError)) == (status, True)


def test_hub_in_trouble_does_not_stop_what_was_downloaded(hub):
    """The commit that the branch had at the last look serves."""
    sha = hub.create_repo("me/tiny", CONFIG)
    HUB_SERVICE.open("me/tiny").local_path("config.json")
    hub.fail_next("/api/models/me/tiny", status=503, times=9)
    assert HUB_SERVICE.open("me/tiny").commit == sha


def test_name_that_is_neither_folder_nor_repository_is_said_to_be(hub):
    """A hub may say 404 without a word more; a mistyped folder is the likeliest reason."""
    hub.fail_next("/api/models/saved-model", status=404)
    with pytest.raises(RepositoryNotFoundError, match="There is no repository 'saved-model', and there is no folder"):
        HUB_SERVICE.open("saved-model")


def test_other_refusals_keep_the_status(hub):
    """What has no error of its own still says what the Hub said."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/api/models/me/tiny", status=418)
    with pytest.raises(HubError, match=r"answered 418.*planned failure 418\. ") as caught:
        HUB_SERVICE.open("me/tiny")
    assert caught.value.status == 418


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["a--b/c", "me/tiny.git", "me/" + "x" * 100])
def test_name_that_no_repository_can_have_is_refused(name):
    """Without asking the Hub."""
    with pytest.raises(RepositoryNotFoundError, match="not the name of a repository"):
        HUB_SERVICE.open(name)


@pytest.mark.usefixtures("hub")
def test_push_to_a_name_that_no_repository_can_have_speaks_of_no_folder(tmp_path):
    """A push takes a name only."""
    PretrainedConfig().save_pretrained(tmp_path / "saved")
    with pytest.raises(RepositoryNotFoundError, match=r"^'a/b/c' is not the name of a repository: "):
        HUB_SERVICE.publish(tmp_path / "saved", "a/b/c", token="hf_x")


def test_cache_that_cannot_be_written_is_a_storage_error(hub, tmp_path):
    """The error says how to choose another place; free space is not what is missing."""
    hub.create_repo("me/tiny", CONFIG)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    with pytest.raises(HubError, match=r"pass cache_dir= .*local_files_only=True") as caught:
        HUB_SERVICE.open("me/tiny", cache_dir=blocked)
    assert "space" not in str(caught.value)


def test_download_that_fails_leaves_no_file(hub):
    """The next try is whole."""
    hub.offer_xet(offer=False)
    weights = bytes(range(256)) * 4000
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": weights})
    opened = HUB_SERVICE.open("me/tiny")
    hub.fail_next("model.safetensors", status=500, method="GET")
    with pytest.raises(HubUnavailableError, match="answered 500"):
        opened.local_path("model.safetensors")
    assert opened.local_path("model.safetensors").read_bytes() == weights


@pytest.mark.usefixtures("hub")  # for its empty cache
def test_no_network_is_named_at_once():
    """A process whose Hub does not answer says which address, and gives up fast."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        program = """
import json
from hub_io.hub_service import HUB_SERVICE
try:
    HUB_SERVICE.open("me/tiny")
except ConnectionError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    kind, message = json.loads(done.stdout)
    assert kind == "HubUnavailableError"
    assert f"http://127.0.0.1:{port} cannot be reached" in message
