"""No request waits for ever, no token goes to another host, and what the cache has serves a Hub that is busy."""

from __future__ import annotations

import pytest

from hub_io import HUB_SERVICE, HubError, HubUnavailableError
from other_processes import environment, run_program

CONFIG = {"config.json": '{"model_type": "tiny"}'}

OPEN = """
import sys
from hub_io import HUB_SERVICE, HubError
try:
    print("opened", HUB_SERVICE.open("me/tiny").commit)
except HubError as error:
    print(type(error).__name__, error)
"""
IMPATIENT = {"HF_HUB_ETAG_TIMEOUT": "1"}  # the client reads it when it is imported: hence the processes below


def open_impatiently(tmp_path):
    return run_program(tmp_path / "p.py", OPEN, environ=environment(tmp_path / "cache", **IMPATIENT))


def test_stalled_hub_does_not_hold_a_load_that_was_made_before(hub, tmp_path):
    """After the time that HF_HUB_ETAG_TIMEOUT gives, the commit of the last look serves."""
    commit = hub.create_repo("me/tiny", CONFIG)
    open_impatiently(tmp_path)
    hub.stall_next("/api/models/me/tiny")
    assert open_impatiently(tmp_path).split() == ["opened", commit]


def test_stalled_hub_fails_a_first_load(hub, tmp_path):
    """There is nothing to fall back on."""
    hub.create_repo("me/tiny", CONFIG)
    hub.stall_next("/api/models/me/tiny", times=20)
    assert open_impatiently(tmp_path).startswith("HubUnavailableError Cannot read 'me/tiny'")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_hub_does_not_stop_what_was_loaded_before(hub, caplog, status):
    """The commit of the last look serves, and the log says so."""
    commit = hub.create_repo("me/tiny", CONFIG)
    HUB_SERVICE.open("me/tiny")
    hub.commit("me/tiny", {"config.json": "{}"})
    hub.fail_next("/api/models/me/tiny", status=status)
    with caplog.at_level("WARNING"):
        assert HUB_SERVICE.open("me/tiny").commit == commit
    assert any("cached commit" in message or "as of the last look" in message for message in caplog.messages)


def test_busy_hub_stops_a_first_load(hub):
    """It says that there were too many requests."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/api/models/me/tiny", status=429)
    with pytest.raises(HubUnavailableError, match=r"answered 429.*too many requests; try again later") as caught:
        HUB_SERVICE.open("me/tiny")
    assert caught.value.status == 429


def test_refusal_is_not_hidden_by_the_cache(hub):
    """Who may no longer see a repository is told, whatever was downloaded before."""
    token = hub.token("me")
    hub.create_repo("me/tiny", CONFIG, private=True)
    HUB_SERVICE.open("me/tiny", token=token)
    with pytest.raises(FileNotFoundError, match="private"):
        HUB_SERVICE.open("me/tiny", token=hub.token("you"))


def test_next_page_at_another_host_never_gets_the_token(hub):
    """A list names the address of its next page, which may be anywhere."""
    hub.create_repo("me/tiny", CONFIG, private=True)
    elsewhere = hub.cdn_url
    hub.change_headers_next("/tree/", {"Link": f'<{elsewhere}/tree?page=2>; rel="next"'})
    token = hub.token("me")
    hub.clear_requests()
    with pytest.raises(HubError, match=rf"refers to '{elsewhere}' for the rest. The token was not sent there"):
        HUB_SERVICE.open("me/tiny", token=token)
    assert not any(request.path.startswith("/tree") for request in hub.requests)


def test_sharded_load_keeps_its_token_too(hub):
    """The client fetches several files in threads of its own."""
    hub.offer_xet(offer=False)
    shards = {"a.safetensors": b"a" * 1000, "b.safetensors": b"b" * 1000}
    hub.create_repo("me/tiny", {**CONFIG, **shards}, private=True)
    opened = HUB_SERVICE.open("me/tiny", token=hub.token("me"))
    link = f'<{hub.cdn_url}/elsewhere>; rel="xet-auth"'
    hub.change_headers_next("/resolve/", {"X-Xet-Hash": "a" * 64, "Link": link}, times=2, method="HEAD")
    hub.clear_requests()
    with pytest.raises(HubError, match="The token was not sent there"):
        opened.local_paths(shards)
    assert not any(request.path.startswith("/elsewhere") for request in hub.requests)


SHARDS = """
from hub_io import HUB_SERVICE, HubError
try:
    HUB_SERVICE.open("me/tiny").local_paths(["a.safetensors", "b.safetensors"])
except HubError as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
def test_sharded_load_does_not_wait_for_ever(hub, tmp_path):
    """The time limit holds in the client's threads, which try for half a minute each, one after the other."""
    shards = {f"{name}.safetensors": name.encode() * 1000 for name in "ab"}
    hub.create_repo("me/tiny", {**CONFIG, **shards})
    hub.stall_next("/xet-read-token/", times=100, limit=200)
    printed = run_program(tmp_path / "p.py", SHARDS, environ=environment(tmp_path / "cache", **IMPATIENT))
    assert printed.split() == ["HubUnavailableError"]


def test_lists_in_pages_are_read_to_their_end(hub):
    """Pages at the Hub itself are followed, token and all."""
    hub.cut_lists(size=2)
    hub.create_repo("me/tiny", {**CONFIG, **{f"{number}.txt": "x" for number in range(7)}}, private=True)
    opened = HUB_SERVICE.open("me/tiny", token=hub.token("me"))
    assert {f"{number}.txt" for number in range(7)} <= opened.filenames()


def test_programs_own_requests_are_left_alone(hub):
    """What the program itself asks the client for is none of our business."""
    from huggingface_hub.utils import get_session

    hub.create_repo("me/tiny", CONFIG)
    HUB_SERVICE.open("me/tiny")
    answer = get_session().get(f"{hub.cdn_url}/nothing", headers={"authorization": "Bearer x"})
    assert answer.request.headers["authorization"] == "Bearer x"
    assert answer.request.extensions["timeout"]["read"] is None
