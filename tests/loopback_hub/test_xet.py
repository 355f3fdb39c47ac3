"""Weights travel over xet, as they do for every client in its default settings, and over LFS for one without xet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import hf_xet
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
from huggingface_hub.utils import get_session

from loopback_hub import WITHOUT_XET

REPO = "me/model"
PATH = "model.safetensors"
# More than one of the xorbs that the Hub makes, and no whole number of its chunks.
LARGE = os.urandom(1024) * 1024 * 20 + b"end"
# What hf_xet packs before it sends it.
PACKED = b"".join(b"%d\0" % number for number in range(100_000))

DOWNLOAD = "import sys, huggingface_hub; print(huggingface_hub.hf_hub_download(*sys.argv[1:]))"
UPLOAD = """
import sys, huggingface_hub
api = huggingface_hub.HfApi()
api.upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2])
"""


@pytest.fixture
def api(hub):
    api = HfApi(token=hub.token("me"))
    api.create_repo(REPO)
    hub.clear_requests()
    return api


def save(api, content, repo=REPO):
    api.create_commit(repo, [CommitOperationAdd(PATH, content)], commit_message="Save")


def start(program, *arguments, **environ):
    """Start a program that uses the client, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def run(program, *arguments, **environ):
    """Run it to its end and return what it prints."""
    with start(program, *arguments, **environ) as process:
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed.strip()


def asked(hub, part):
    """Return the requests whose path has this part."""
    return [(request.method, request.path) for request in hub.requests if part in request.path]


@pytest.mark.parametrize("content", [b"weights", LARGE, PACKED], ids=["small", "large", "packed"])
def test_upload_goes_to_the_store(hub, api, content):
    """The bytes go to the store of xet, and the Hub can read them; nothing is sent over LFS."""
    save(api, content)
    assert hub.files(REPO)[PATH] == content
    assert asked(hub, "/xorbs/")
    assert asked(hub, "/uploads/") == asked(hub, "/info/lfs/") == []


@pytest.mark.parametrize("content", [b"weights", LARGE, PACKED], ids=["small", "large", "packed"])
def test_download_comes_from_the_store(hub, content):
    """What a test puts on the Hub is there over xet, without an upload."""
    hub.create_repo(REPO, {PATH: content})
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == content
    assert asked(hub, "/xorbs/")
    assert asked(hub, "/objects/") == []


@pytest.mark.parametrize("content", [LARGE, PACKED], ids=["large", "packed"])
def test_what_was_uploaded_is_downloaded(hub, api, content):
    """Xorbs that hf_xet made are served as it sent them."""
    save(api, content)
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == content
    assert asked(hub, "/objects/") == []


def test_client_keeps_one_copy_for_all_repositories(hub):
    """The client lays out its shared store: a repository's blob is a link into it."""
    for repo in (REPO, "me/other"):
        hub.create_repo(repo, {PATH: b"weights"})
    files = [Path(hf_hub_download(repo, PATH)).resolve() for repo in (REPO, "me/other")]
    assert files[0] == files[1]
    assert files[0].parent.parent.name == "blobs"


def test_xet_hash_is_that_of_hf_xet(hub, api, tmp_path):
    """Tree and download name the file by the hash that hf_xet itself computes."""
    hub.commit(REPO, {PATH: b"weights", "config.json": "{}"})
    (tmp_path / PATH).write_bytes(b"weights")
    (hashed,) = hf_xet.hash_files([str(tmp_path / PATH)])
    weights, config = api.get_paths_info(REPO, [PATH, "config.json"])
    if weights.path != PATH:
        weights, config = config, weights
    assert (weights.xet_hash, config.xet_hash) == (hashed.hash, None)
    head = get_session().head(f"{hub.url}/{REPO}/resolve/main/{PATH}", follow_redirects=False)
    assert head.headers["x-xet-hash"] == hashed.hash


def test_snapshot_of_a_folder(hub, api, tmp_path):
    """A folder with both kinds of file goes up and comes down."""
    files = {"config.json": b"{}", PATH: b"weights", "part/two.bin": PACKED}
    (tmp_path / "part").mkdir()
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    api.upload_folder(repo_id=REPO, folder_path=tmp_path)
    folder = Path(snapshot_download(REPO))
    assert {path: (folder / path).read_bytes() for path in files} == files
    assert asked(hub, "/objects/") == asked(hub, "/uploads/") == []


def test_range_of_a_file(hub):
    """The store gives any part of a file, across its chunks and xorbs."""
    hub.create_repo(REPO, {PATH: LARGE})
    size = len(LARGE)
    tokens = get_session().get(f"{hub.url}/api/models/{REPO}/xet-read-token/main").json()
    head = get_session().head(f"{hub.url}/{REPO}/resolve/main/{PATH}", follow_redirects=False)
    group = hf_xet.XetSession().new_download_stream_group(
        endpoint=tokens["casUrl"], token=tokens["accessToken"], token_expiry_unix_secs=tokens["exp"]
    )
    info = hf_xet.XetFileInfo(head.headers["x-xet-hash"], size)
    for first, last in ((0, 1), (70_000, 70_001), (65_535, 131_073), (2**24 - 5, 2**24 + 5), (size - 4, size)):
        assert b"".join(group.download_stream(info, first, last)) == LARGE[first:last]


def test_client_without_xet_downloads_what_xet_uploaded(hub, api):
    """The same file can be had from the CDN."""
    save(api, PACKED)
    hub.clear_requests()
    assert Path(run(DOWNLOAD, REPO, PATH, **WITHOUT_XET)).read_bytes() == PACKED
    assert [method for method, _ in asked(hub, "/objects/")] == ["GET"]
    assert asked(hub, "/xorbs/") == asked(hub, "xet-read-token") == []


def test_client_without_xet_uploads_over_lfs(hub, api, tmp_path):
    """Its files can be had over xet, and only one commit was made."""
    (tmp_path / PATH).write_bytes(PACKED)
    run(UPLOAD, REPO, tmp_path, HF_TOKEN=api.token, **WITHOUT_XET)
    assert [method for method, _ in asked(hub, "/uploads/")] == ["PUT"]
    assert asked(hub, "/cas/") == []
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == PACKED
    assert asked(hub, "/xorbs/")


def test_object_that_is_not_offered_over_xet_comes_from_the_cdn(hub):
    """A Hub that has not converted a file yet leaves its xet hash out."""
    hub.offer_xet(offer=False)
    hub.create_repo(REPO, {PATH: b"weights"})
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == b"weights"
    assert asked(hub, "/objects/")
    assert HfApi().get_paths_info(REPO, [PATH])[0].xet_hash is None


def test_processes_download_at_once(hub):
    """The store serves any number of processes; each has its own cache."""
    hub.create_repo(REPO, {PATH: LARGE})
    home = Path(os.environ["HF_HOME"])
    processes = [start(DOWNLOAD, REPO, PATH, HF_HOME=str(home / f"home-{number}")) for number in range(4)]
    for process in processes:
        printed, _ = process.communicate(timeout=60)
        assert Path(printed.strip()).read_bytes() == LARGE


def test_first_version_of_the_protocol(hub, api, tmp_path):
    """Older clients find the routes that they know."""
    (tmp_path / PATH).write_bytes(PACKED)
    version = {"HF_XET_CLIENT_SHARD_API_VERSION": "1", "HF_XET_CLIENT_RECONSTRUCTION_API_VERSION": "1"}
    run(UPLOAD, REPO, tmp_path, HF_TOKEN=api.token, **version)
    assert Path(run(DOWNLOAD, REPO, PATH, **version)).read_bytes() == PACKED
    assert asked(hub, "/cas/v1/shards")
    assert asked(hub, "/cas/v1/reconstructions/")
    assert asked(hub, "/cas/v2/") == []


@pytest.mark.parametrize("_again", [1, 2])
def test_read_token_can_be_refused(hub, _again):
    """A fault that waits for the token route finds its request, though the client keeps tokens in memory."""
    hub.create_repo(REPO, {PATH: b"weights"})
    hub.fail_next("/xet-read-token/", status=403)
    with pytest.raises(HfHubHTTPError, match="403"):
        hf_hub_download(REPO, PATH, token=False)
    assert Path(hf_hub_download(REPO, PATH, token=False)).read_bytes() == b"weights"


def test_write_token_can_be_refused(hub, api):
    """The upload fails and the branch stays."""
    hub.fail_next("/xet-write-token/", status=403)
    with pytest.raises(OSError, match="xet-write-token"):
        save(api, b"weights")
    assert list(hub.files(REPO)) == [".gitattributes"]


@pytest.mark.parametrize("route", ["/cas/v1/xorbs/", "/cas/v2/shards"])
def test_store_can_refuse_an_upload(hub, api, route):
    """Faults reach the store too, and what leaves the client is no error of the Hub."""
    hub.fail_next(route, status=400)
    with pytest.raises(ConnectionError, match="400"):
        save(api, b"weights")
    assert list(hub.files(REPO)) == [".gitattributes"]


@pytest.mark.parametrize("route", ["/cas/v2/reconstructions/", "/xorbs/"])
def test_store_can_refuse_a_download(hub, route):
    """The client ends with an error and leaves no file."""
    hub.create_repo(REPO, {PATH: b"weights"})
    hub.fail_next(route, status=400)
    with pytest.raises(RuntimeError, match="400"):
        hf_hub_download(REPO, PATH)


@pytest.mark.parametrize("fault", ["reset", "cut", "busy"])
def test_broken_download_is_tried_again(hub, fault):
    """hf_xet gets over a store that fails for a while, and ends with an error when it goes on."""
    hub.create_repo(REPO, {PATH: LARGE})
    plan = {
        "reset": lambda times: hub.reset_next("/xorbs/", times=times),
        "cut": lambda times: hub.cut_next("/xorbs/", after=1000, times=times),
        "busy": lambda times: hub.fail_next("/xorbs/", status=503, times=times),
    }[fault]
    plan(3)
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == LARGE
    hub.commit(REPO, {PATH: LARGE + b"more"})
    plan(100)
    with pytest.raises(RuntimeError, match="File reconstruction error"):
        hf_hub_download(REPO, PATH)


def test_tokens_are_given_to_whom_they_belong(hub):
    """Reading needs the right to download, writing the right to write."""
    hub.create_repo(REPO, {PATH: b"weights"}, gated=True)
    with pytest.raises(GatedRepoError):
        hf_hub_download(REPO, PATH, token=hub.token("you"))
    for route in ("xet-read-token", "xet-write-token"):
        answer = get_session().get(
            f"{hub.url}/api/models/{REPO}/{route}/main", headers={"authorization": f"Bearer {hub.token('you')}"}
        )
        assert answer.status_code == 403


def test_store_refuses_who_has_no_token_for_it(hub):
    """Neither nobody nor a reader may upload to it, and nobody reads without a token."""
    hub.create_repo(REPO, {PATH: b"weights"})
    tokens = get_session().get(f"{hub.url}/api/models/{REPO}/xet-read-token/main").json()
    for headers in ({}, {"authorization": f"Bearer {tokens['accessToken']}"}):
        answer = get_session().post(f"{tokens['casUrl']}/v1/xorbs/default/{'0' * 64}", content=b"", headers=headers)
        assert answer.status_code == 401
    assert get_session().get(f"{tokens['casUrl']}/v2/reconstructions/{'0' * 64}").status_code == 401


def test_shard_of_missing_chunks_is_refused(hub, api):
    """A file cannot consist of what nobody uploaded."""
    headers = {"authorization": f"Bearer {api.token}"}
    tokens = get_session().get(f"{hub.url}/api/models/{REPO}/xet-write-token/main", headers=headers).json()
    one = (1).to_bytes(4, "little")
    file = b"\1" * 32 + bytes(4) + one + bytes(8)
    term = b"\2" * 32 + bytes(4) + one + bytes(4) + one
    answer = get_session().post(
        f"{tokens['casUrl']}/v2/shards",
        content=bytes(48) + file + term + b"\xff" * 48,
        headers={"authorization": f"Bearer {tokens['accessToken']}"},
    )
    assert (answer.status_code, "has no chunk 0" in answer.text) == (400, True)
