"""What a server says of a file becomes part of paths in the client's cache: it is checked before."""

from __future__ import annotations

import gzip
import json
import traceback

import pytest

from hub_io import HUB_SERVICE, HubError, RevisionNotFoundError

CONFIG = {"config.json": '{"model_type": "tiny"}'}
HOSTILE = ["../../../../outside", "/etc/outside", "a/b", "..", "a\\b", "x" * 300, '"../../outside"', ".hidden"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Xet-Hash"])
def test_header_that_would_lead_out_of_the_cache_is_refused(hub, tmp_path, header, value):
    """By the Hub, a mirror or a proxy; nothing is written outside, and the error names host and request."""
    hub.create_repo("me/tiny", CONFIG)
    cache = tmp_path / "deep" / "er" / "cache"
    hub.change_headers_next("/resolve", {header: value}, times=20)
    with pytest.raises(HubError, match="no plain name") as caught:
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
