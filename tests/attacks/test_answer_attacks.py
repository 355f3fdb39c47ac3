"""What a server answers: it becomes paths in the client's cache, fills memory, and keeps the client waiting."""

from __future__ import annotations

import gzip
import json
import traceback

import pytest

from hub_io import HUB_SERVICE, HubError, HubUnavailableError, RevisionNotFoundError
from other_processes import environment, run_program
from tiny_checkpoints import files

CONFIG = {"config.json": '{"model_type": "tiny"}'}
HOSTILE = ["../../../../outside", "/etc/outside", "a/b", "..", "a\\b", "x" * 300, '"../../outside"', ".hidden"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Xet-Hash"])
def test_header_that_would_lead_out_of_the_cache_is_refused(hub, tmp_path, header, value):
    """By the Hub, a mirror or a proxy; nothing is written outside, and the error names host and request."""
    hub.create_repo("me/tiny", CONFIG)
    cache = tmp_path / "deep" / "er" / "cache"
    hub.change_headers_next("/resolve", {header: value}, times=20)
    with pytest.raises(HubError, match="not a plain name") as caught:
        HUB_SERVICE.open("me/tiny", cache_dir=cache)
    assert caught.value.host == hub.url.removeprefix("http://")
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and cache not in path.parents]
    assert outside == []


@pytest.mark.parametrize("sha", ["../../../outside", "main", "", "A" * 40, "0" * 39, "0" * 40 + "/..", "\u0660" * 40])
def test_commit_that_is_no_commit_is_refused(hub, tmp_path, sha):
    """It names a folder of the cache."""
    hub.create_repo("me/tiny", CONFIG)
    hub.answer_next("/api/models/me/tiny", content=f'{{"id": "me/tiny", "sha": "{sha}", "siblings": []}}', times=20)
    with pytest.raises(HubError) as caught:
        HUB_SERVICE.open("me/tiny", cache_dir=tmp_path / "cache")
    assert "HF_ENDPOINT" in str(caught.value)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("part", ["a.", "a://", "a:// ", "bearer ", "hf_", "https://a?"])
def test_long_text_of_a_server_is_looked_through_at_once(hub, part):
    """Secrets in it are hidden, however the rest is made: no pattern takes time that grows with its square."""
    text = f"https://user:{'pass'}word@host {part * 200_000} https://host?signature=x"
    hub.answer_next("/api/models/me/tiny", content=json.dumps({"error": text}), status=400, times=20)
    with pytest.raises(HubError) as caught:
        HUB_SERVICE.open("me/tiny")
    shown = "".join(traceback.format_exception(caught.value))
    assert ("password" in shown, "signature" in shown) == (False, False)


@pytest.mark.parametrize("revision", ["..", ".", "a/../b", "a//b", "/main", "main/"])
def test_revision_that_an_address_would_swallow_is_not_asked_for(hub, tmp_path, revision):
    """Clients drop `..` from addresses, and take the answer about something else for that about the revision."""
    hub.create_repo("me/tiny", CONFIG)
    (tmp_path / "config.json").write_text(CONFIG["config.json"], encoding="utf-8")
    token = hub.token("me")
    hub.clear_requests()
    with pytest.raises(RevisionNotFoundError, match="is not the name of a branch"):
        HUB_SERVICE.open("me/tiny", revision=revision)
    with pytest.raises(RevisionNotFoundError, match="is not the name of a branch"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", revision=revision, token=token)
    assert hub.requests == []


@pytest.mark.parametrize("path", ["/api/models/me/tiny", "/tree/", "/resolve"])
def test_compressed_answer_is_not_unpacked(hub, tmp_path, path):
    """Nobody has asked for one, and it may be a thousand times as large as what arrives."""
    hub.create_repo("me/tiny", CONFIG)
    packed = gzip.compress(bytes(1 << 20))
    hub.answer_next(path, content=packed, headers={"Content-Encoding": "gzip"}, method="GET", times=20)
    with pytest.raises(HubError, match="compressed, without being asked") as caught:
        HUB_SERVICE.open("me/tiny", cache_dir=tmp_path).read_bytes("config.json", limit=1000)
    assert caught.value.host == hub.url.removeprefix("http://")


@pytest.mark.parametrize("path", ["/api/models/me/tiny", "/tree/"])
def test_answer_without_an_end_fills_no_memory(hub, path):
    """The client reads these answers as a whole."""
    hub.create_repo("me/tiny", CONFIG)
    hub.never_end_next(path, content=b" " * 1_000_000, times=20)
    with pytest.raises(HubError, match="more than 67,108,864 bytes") as caught:
        HUB_SERVICE.open("me/tiny")
    assert caught.value.host == hub.url.removeprefix("http://")
    assert path in caught.value.request


def test_large_file_may_come_without_an_announced_length(hub, tmp_path):
    """Proxies and mirrors send chunks. What has come is compared with the listing."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": bytes(65 * 1024 * 1024)})
    opened = HUB_SERVICE.open("me/tiny", cache_dir=tmp_path)
    hub.change_headers_next("/objects/", {"Content-Length": None}, method="GET")
    assert opened.local_path("model.safetensors").stat().st_size == 65 * 1024 * 1024


def test_list_without_an_end_is_given_up(hub):
    """Each page names another one."""
    hub.create_repo("me/tiny", CONFIG)
    link = {"Link": f'<{hub.url}/api/models/me/tiny/tree/main?cursor=next>; rel="next"'}
    hub.answer_next("/tree/", content="[]", headers=link, times=100_000)
    with pytest.raises(HubError, match="more than 1,000 pages") as caught:
        HUB_SERVICE.open("me/tiny")
    assert caught.value.request.startswith(f"GET {hub.url}/api/models/me/tiny/tree/")


def test_pages_of_a_list_fill_no_memory_together(hub):
    """Each of them is smaller than the limit."""
    hub.create_repo("me/tiny", CONFIG)
    link = {"Link": f'<{hub.url}/api/models/me/tiny/tree/main?cursor=next>; rel="next"'}
    hub.answer_next("/tree/", content=b"[" + b" " * 10_000_000 + b"]", headers=link, times=20)
    with pytest.raises(HubError, match="more than 67,108,864 bytes"):
        HUB_SERVICE.open("me/tiny")


TRICKLE = """
from hub_io import HUB_SERVICE, HubError
try:
    print("opened", HUB_SERVICE.open("me/tiny").commit)
except HubError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("path", ["/api/models/me/tiny", "/tree/"])
def test_answer_that_trickles_is_given_up(hub, tmp_path, path):
    """A byte now and then satisfies every limit on the time between two bytes."""
    hub.create_repo("me/tiny", CONFIG)
    hub.never_end_next(path, content=b" ", pause=0.1, times=20)
    environ = environment(tmp_path / "cache", HF_HUB_ETAG_TIMEOUT="1")
    printed = run_program(tmp_path / "p.py", TRICKLE, environ=environ)
    assert printed.startswith("HubUnavailableError Cannot read 'me/tiny'")
    assert "bytes came in more than 1 seconds" in printed


FULL_WIDTH = ("\uff19" * 5).encode().decode("latin-1")  # digits for the client, which reads headers as UTF-8


@pytest.mark.slow  # the client tries again for half a minute
@pytest.mark.parametrize(
    "headers", [{"Retry-After": "0099999"}, {"RateLimit": '"api";r=0;t=99999'}, {"Retry-After": FULL_WIDTH}]
)
def test_hub_cannot_put_the_client_to_sleep(hub, headers):
    """It would sleep for as many seconds as the answer says."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/tree/", status=429, headers=headers, times=20)
    with pytest.raises(HubUnavailableError, match="too many requests; try again later"):
        HUB_SERVICE.open("me/tiny")


LISTED = [("path", 3), ("path", None), ("path", ["config.json"]), ("size", "3"), ("size", None), ("size", 1.5)]


@pytest.mark.parametrize(("key", "value"), LISTED)
def test_listing_with_odd_values_is_an_error_of_ours(hub, key, value):
    """The client checks no types, and keeps the listing: later loads get the error, too."""

    def change(headers, body):
        return headers, json.dumps([{**listed, key: value} for listed in json.loads(body)]).encode()

    commit = hub.create_repo("me/tiny", files())
    hub.rewrite_next("/tree/", change, times=2)
    for _ in range(2):
        with pytest.raises(HubError, match="HF_ENDPOINT"):
            HUB_SERVICE.open("me/tiny", revision=commit).local_path("modeling_tiny.py")


ACCOUNTS = [
    "[]", "{}", "null", "3", '"me"', '{"name": "me", "auth": null}', '{"name": "me", "auth": {"accessToken": 3}}',
    '{"name": "me", "orgs": 3}', '{"name": "me", "orgs": [3]}', '{"name": "me", "orgs": [{}]}',
]  # fmt: skip


@pytest.mark.parametrize("account", ACCOUNTS)
def test_account_with_odd_values_is_an_error_of_ours(hub, account):
    """A portal's page may be JSON as well."""
    hub.answer_next("/api/whoami-v2", content=account)
    with pytest.raises(HubError, match="not what a Hub answers") as caught:
        HUB_SERVICE.check_push_access("other/tiny", token=hub.token("me"))
    assert caught.value.host == hub.url.removeprefix("http://")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("revision", [3, b"main", True, ["main"]])
def test_revision_of_another_type_is_named(revision, tmp_path):
    """It comes from the program, which learns what is allowed."""
    for call in (HUB_SERVICE.open, lambda *name, **options: HUB_SERVICE.publish(tmp_path, *name, **options)):
        with pytest.raises(TypeError, match="revision must be the name of a branch, tag or commit, or None"):
            call("me/tiny", revision=revision)
