"""What is on the Hub reaches the unmodified client: at every kind of revision, from both origins, whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session

REPO = "me/model"
FILES = {"config.json": b'{"model_type": "x"}', "sub/model.safetensors": b"weights"}


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, FILES)


def bodies(hub):
    """Return the paths that were downloaded, apart from the commit and the object's id."""
    return [Path(request.path).name for request in hub.requests if request.method == "GET"]


@pytest.mark.parametrize("path", FILES)
def test_file_is_downloaded_to_its_commit(sha, path):
    """A small file and an LFS object both land in the snapshot of the commit they come from."""
    local = Path(hf_hub_download(REPO, path))
    assert local.read_bytes() == FILES[path]
    assert local == Path(hf_hub_download(REPO, path, revision=sha))


def test_weights_come_from_the_second_origin_without_the_token(hub, sha):
    """The client follows the redirect and drops the token, which the second origin would refuse."""
    hub.offer_xet(offer=False)
    hub.clear_requests()
    hf_hub_download(REPO, "sub/model.safetensors", revision=sha, token=hub.token("me"))
    head, get = hub.requests
    assert (head.method, head.headers["host"]) == ("HEAD", hub.url.removeprefix("http://"))
    assert (get.method, get.headers["host"]) == ("GET", hub.cdn_url.removeprefix("http://"))
    assert head.token is not None
    assert get.token is None


@pytest.mark.usefixtures("sha")
def test_second_download_fetches_no_body(hub):
    """The etag tells the client that it has the file."""
    hf_hub_download(REPO, "config.json")
    hub.clear_requests()
    hf_hub_download(REPO, "config.json")
    assert {request.method for request in hub.requests} == {"HEAD"}


@pytest.mark.usefixtures("sha")
def test_same_content_in_another_commit_is_not_fetched_again(hub):
    """The etag belongs to the content and not to the commit."""
    hf_hub_download(REPO, "sub/model.safetensors")
    hub.commit(REPO, {"config.json": "{}"})
    hub.clear_requests()
    hf_hub_download(REPO, "sub/model.safetensors")
    assert bodies(hub) == []


def test_snapshot_holds_every_file(sha):
    """A snapshot is the whole commit."""
    folder = Path(snapshot_download(REPO))
    assert folder.name == sha
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES


@pytest.mark.usefixtures("sha")
def test_snapshot_takes_only_what_matches(hub):
    """Patterns keep the rest from being asked for."""
    hub.clear_requests()
    snapshot_download(REPO, allow_patterns=["*.json"])
    assert bodies(hub)[-1:] == ["config.json"]
    assert not any("model.safetensors" in request.path or "xorbs" in request.path for request in hub.requests)


@pytest.mark.parametrize("revision", ["exp/one", "refs/heads/exp/one", "v1", "refs/tags/v1", None])
def test_revision_names_its_commit(hub, sha, revision):
    """A branch, a tag, a full ref and a sha lead to the files as they were there."""
    hub.branch(REPO, "exp/one", sha)
    hub.tag(REPO, "v1", sha)
    hub.commit(REPO, {"config.json": "later"})
    local = hf_hub_download(REPO, "config.json", revision=revision or sha)
    assert Path(local).read_bytes() == FILES["config.json"]


@pytest.mark.usefixtures("sha")
def test_unknown_revision():
    """The client's own error says so."""
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(REPO, "config.json", revision="absent")


@pytest.mark.usefixtures("sha")
def test_revision_outside_ascii_is_only_unknown():
    """The error travels in a header, which must not break over it."""
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(REPO, "config.json", revision="größer\n→")


@pytest.mark.usefixtures("hub")
def test_unknown_repository():
    """An anonymous caller gets the client's error for a missing repository."""
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("me/absent", "config.json")


def test_unknown_repository_with_a_token(hub):
    """So does one who is known."""
    with pytest.raises(RepositoryNotFoundError):
        snapshot_download("me/absent", token=hub.token("me"))


def test_missing_file_is_remembered(sha):
    """The answer names the commit, so that the client's cache can tell "not there" from "not downloaded"."""
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(REPO, "absent.json")
    storage = Path(hf_hub_download(REPO, "config.json")).parents[2]
    assert (storage / ".no_exist" / sha / "absent.json").is_file()


@pytest.mark.usefixtures("sha")
def test_missing_file_can_be_answered_without_the_commit(hub):
    """A Hub that does not name the commit leaves no trace in the cache."""
    hub.remember_missing_files(remember=False)
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(REPO, "absent.json")
    assert not (Path(hf_hub_download(REPO, "config.json")).parents[2] / ".no_exist").exists()


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [("bytes=2-", 206, b"ights"), ("bytes=0-0", 206, b"w"), ("bytes=5-99", 206, b"ts"), ("bytes=7-", 416, b"")],
)
def test_range_is_answered(hub, sha, wanted, status, content):
    """Both ends of a range, its clipping, and one that starts behind the file."""
    answer = get_session().get(
        f"{hub.url}/{REPO}/resolve/{sha}/sub/model.safetensors", headers={"range": wanted}, follow_redirects=True
    )
    assert (answer.status_code, answer.content) == (status, content)


def test_second_origin_refuses_a_token(hub, sha):
    """A client that leaks its token to the second origin gets no file."""
    address = f"{hub.url}/{REPO}/resolve/{sha}/sub/model.safetensors"
    signed = get_session().get(address, follow_redirects=False).headers["location"]
    assert get_session().get(signed).content == b"weights"
    assert get_session().get(signed, headers={"authorization": "Bearer leaked"}).status_code == 400


def test_unsigned_url_is_refused(hub, sha):
    """The second origin gives nothing to who was not sent by the Hub."""
    address = f"{hub.url}/{REPO}/resolve/{sha}/sub/model.safetensors"
    signed = get_session().get(address, follow_redirects=False).headers["location"]
    assert get_session().get(signed.partition("?")[0]).status_code == 403


def test_many_files_are_downloaded_at_once(hub):
    """The client's threads do not get into each other's way."""
    files = {f"part-{number:03}.bin": b"%d" % number for number in range(60)}
    hub.create_repo("me/parts", files)
    folder = Path(snapshot_download("me/parts", max_workers=16))
    assert {path: (folder / path).read_bytes() for path in files} == files
