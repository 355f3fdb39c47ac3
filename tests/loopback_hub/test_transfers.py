"""Transfers that go wrong, and those in parts: what a network, a portal or a slow Hub does to the unmodified client."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session

REPO, PATH = "me/model", "model.safetensors"
FILES = {"config.json": b'{"a": 1}', PATH: b"weights"}
THREE_PARTS = os.urandom(2500)


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, FILES)


@pytest.fixture
def api(hub):
    return HfApi(token=hub.token("me"))


def save_by_lfs(api, content):
    """Upload over LFS, as the client does with a buffer."""
    api.create_commit(REPO, [CommitOperationAdd("large.bin", BytesIO(content))], commit_message="Save")


def puts(hub):
    return [request.path.rpartition("/")[2] for request in hub.requests if request.method == "PUT"]


@pytest.mark.usefixtures("sha")
def test_large_object_is_uploaded_in_parts(hub, api):
    """The client sends each part and completes the upload, by signed addresses and without its token."""
    hub.split_uploads(part_size=1000)
    save_by_lfs(api, THREE_PARTS)
    assert hub.files(REPO)["large.bin"] == THREE_PARTS
    assert sorted(puts(hub)) == ["1", "2", "3"]
    assert {request.token for request in hub.requests if request.path.startswith("/uploads/")} == {None}


@pytest.mark.usefixtures("sha")
def test_object_of_one_part_is_uploaded_whole(hub, api):
    """Below the size nothing is split."""
    hub.split_uploads(part_size=2500)
    save_by_lfs(api, THREE_PARTS)
    assert hub.files(REPO)["large.bin"] == THREE_PARTS
    assert len(puts(hub)) == 1
    assert not [request for request in hub.requests if "/complete" in request.path]


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("etag", ['"another"', None])
def test_part_whose_etag_is_lost_ends_the_upload(hub, api, etag):
    """Either the client misses it, or the completion refuses another one."""
    hub.split_uploads(part_size=1000)
    hub.change_headers_next("/parts/2", {"ETag": etag})
    with pytest.raises(RuntimeError, match="Error while uploading"):
        save_by_lfs(api, THREE_PARTS)
    assert "large.bin" not in hub.files(REPO)


@pytest.mark.usefixtures("sha")
def test_refused_upload_leaves_as_a_runtime_error(hub, api):
    """What the content network answers comes out as no error of the Hub."""
    hub.fail_next("/uploads/", status=403)
    with pytest.raises(RuntimeError, match="Error while uploading") as raised:
        save_by_lfs(api, b"\0")
    assert isinstance(raised.value.__cause__, HfHubHTTPError)


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("path", ["/api/models/", "/objects/"])
def test_reset_connection_is_an_error_of_the_transport(hub, path):
    """The client passes it on as it is, and leaves no file."""
    hub.offer_xet(offer=False)
    hub.reset_next(path)
    with pytest.raises(httpx2.ReadError):
        HfApi().model_info(REPO) if path == "/api/models/" else hf_hub_download(REPO, PATH)
    assert Path(hf_hub_download(REPO, PATH)).read_bytes() == FILES[PATH]


def test_reset_happens_to_one_request(hub, sha):
    """The next connection is a new one."""
    hub.reset_next("/api/models/", times=2)
    for _ in range(2):
        with pytest.raises(httpx2.ReadError):
            HfApi().model_info(REPO)
    assert HfApi().model_info(REPO).sha == sha


@pytest.mark.usefixtures("sha")
def test_closed_connection_is_another_error_of_the_transport(hub):
    """An end without an answer is told from a reset."""
    hub.close_next("/api/models/")
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        HfApi().model_info(REPO)


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("path", FILES)
def test_other_bytes_of_the_right_length_are_not_noticed(hub, path):
    """The client looks at the length only."""
    hub.offer_xet(offer=False)
    hub.corrupt_next(f"/{path}")
    content = Path(hf_hub_download(REPO, path)).read_bytes()
    assert (len(content), content == FILES[path], content[:-1] == FILES[path][:-1]) == (len(FILES[path]), False, True)


@pytest.mark.parametrize("uploaded", [False, True], ids=["made by the Hub", "made by hf_xet"])
def test_other_bytes_of_a_xorb_are_not_noticed(hub, api, uploaded):
    """hf_xet looks no further either: nothing on the way compares a file with its xet hash."""
    hub.create_repo(REPO, {} if uploaded else FILES)
    if uploaded:
        api.create_commit(REPO, [CommitOperationAdd(PATH, FILES[PATH])], commit_message="Save")
    hub.corrupt_next("/xorbs/")
    content = Path(hf_hub_download(REPO, PATH)).read_bytes()
    assert (content[:-1], content[-1:] != FILES[PATH][-1:]) == (FILES[PATH][:-1], True)


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize(
    ("content", "content_type", "error"),
    [
        ("<html>Sign in</html>", "text/html", json.JSONDecodeError),
        ('{"id": "me/mo', "application/json", json.JSONDecodeError),
        ("[]", "application/json", TypeError),
        ("null", "application/json", TypeError),
        ("{}", "application/json", KeyError),
    ],
)
def test_answer_that_is_not_the_hubs(hub, content, content_type, error):
    """A portal's page, cut JSON and JSON of another shape leave the client as whatever trips over them first."""
    hub.answer_next("/api/models/", content=content, content_type=content_type)
    with pytest.raises(error):
        HfApi().model_info(REPO)


def test_answer_has_any_status_and_headers(hub):
    """Bytes, status and headers are those that were planned."""
    hub.answer_next("/anything", content=b"\xff\0", status=511, content_type="a/b", headers={"X-Portal": "yes"})
    answer = get_session().get(f"{hub.url}/anything")
    assert (answer.status_code, answer.content) == (511, b"\xff\0")
    assert (answer.headers["content-type"], answer.headers["x-portal"]) == ("a/b", "yes")


@pytest.mark.usefixtures("sha")
def test_held_request_is_given_up(hub):
    """A client that has the file does not wait for the Hub."""
    local = hf_hub_download(REPO, "config.json")
    stall = hub.stall_next("/resolve/", method="HEAD")
    assert hf_hub_download(REPO, "config.json", etag_timeout=0.05) == local
    stall.wait()


def test_held_request_is_answered_when_it_is_released(hub, sha):
    """What happens in between is seen by the answer."""
    stall = hub.stall_next("/api/models/", times=2)
    with ThreadPoolExecutor() as pool:
        infos = [pool.submit(HfApi().model_info, REPO) for _ in range(2)]
        stall.wait()
        later = hub.commit(REPO, {"config.json": "later"})
        assert not any(info.done() for info in infos)
        stall.release()
        assert {info.result().sha for info in infos} == {later}
    assert later != sha


@pytest.mark.usefixtures("sha")
def test_end_of_the_test_releases_what_is_held(hub):
    """A test that forgets to release holds up nobody after it."""
    stall = hub.stall_next("/api/models/")
    with ThreadPoolExecutor() as pool:
        info = pool.submit(HfApi().model_info, REPO)
        stall.wait()
        hub.end_test()
        assert info.result().id == REPO


def test_request_is_not_held_beyond_the_limit(hub, sha):
    """A client that would wait for ever gets its answer."""
    hub.stall_next("/api/models/", limit=0.01)
    assert HfApi().model_info(REPO).sha == sha


@pytest.mark.usefixtures("sha")
def test_answer_without_an_end_ends_with_its_client(hub):
    """As many bytes as somebody reads."""
    hub.never_end_next("/api/models/", content=b" " * 1000)
    with get_session().stream("GET", f"{hub.url}/api/models/{REPO}") as answer:
        assert sum(len(part) for part, _ in zip(answer.iter_bytes(1000), range(5), strict=False)) == 5000
    assert HfApi().model_info(REPO).id == REPO


@pytest.mark.usefixtures("sha")
def test_rate_limit_is_waited_for_where_the_client_retries(hub):
    """A list is asked for again after as long as the Hub says."""
    hub.fail_next("/tree/", status=429, headers={"Retry-After": "0"})
    assert len(list(HfApi().list_repo_tree(REPO))) == 3
    assert len([request for request in hub.requests if "/tree/" in request.path]) == 2


@pytest.mark.usefixtures("sha")
def test_rate_limit_is_an_error_where_it_does_not(hub):
    """Information about a repository is asked for once."""
    hub.fail_next("/api/models/", status=429, headers={"Retry-After": "0"})
    with pytest.raises(HfHubHTTPError, match="429 Too Many Requests"):
        HfApi().model_info(REPO)
