"""What the unmodified client puts on the Hub arrives: small files, LFS objects, deletions, pull requests."""

from __future__ import annotations

import json
import os
from io import BytesIO

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.utils import get_session

REPO = "me/model"
# Above the size from which any file is kept as an LFS object.
LARGE = os.urandom(1024) * 1024 * 11


@pytest.fixture
def api(hub):
    api = HfApi(token=hub.token("me"))
    api.create_repo(REPO)
    hub.clear_requests()
    return api


def add(path, content):
    return CommitOperationAdd(path, content)


def add_by_lfs(path, content):
    """Return an upload that the client makes over LFS: it cannot send a buffer over xet."""
    return CommitOperationAdd(path, BytesIO(content))


def sent(hub, method):
    """Return the paths of the requests of one method."""
    return [request.path for request in hub.requests if request.method == method]


def test_folder_is_uploaded_in_one_commit(hub, api, tmp_path):
    """Small files and LFS objects of a folder become one commit."""
    (tmp_path / "code").mkdir()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "code/modeling.py").write_text("X = 1\n", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "large.dat").write_bytes(LARGE)
    done = api.upload_folder(repo_id=REPO, folder_path=tmp_path, commit_message="Save")
    files = hub.files(REPO, done.oid)
    del files[".gitattributes"]
    assert files == {
        "code/modeling.py": b"X = 1\n",
        "config.json": b"{}",
        "large.dat": LARGE,
        "model.safetensors": b"weights",
    }
    assert [commit.title for commit in api.list_repo_commits(REPO)] == ["Save", "initial commit"]


def test_weights_travel_by_the_second_origin_without_the_token(hub, api):
    """LFS objects are put to a signed URL of another origin, which must never see a token."""
    api.create_commit(REPO, [add_by_lfs("model.safetensors", b"weights")], commit_message="Save")
    uploads = [request for request in hub.requests if request.method == "PUT"]
    assert [(request.path.startswith("/uploads/"), request.token) for request in uploads] == [(True, None)]
    assert all(request.headers["host"] == hub.cdn_url.removeprefix("http://") for request in uploads)


def test_object_that_is_there_is_not_uploaded_again(hub, api):
    """A second repository with the same weights sends no bytes."""
    hub.create_repo("me/other", {"model.safetensors": b"weights"})
    api.create_commit(REPO, [add_by_lfs("model.safetensors", b"weights")], commit_message="Save")
    assert [path for path in sent(hub, "POST") if path.endswith("/batch")]
    assert sent(hub, "PUT") == []
    assert hub.files(REPO)["model.safetensors"] == b"weights"


def test_unchanged_folder_makes_no_commit(hub, api, tmp_path):
    """Preupload tells what is there, so that saving twice leaves one commit."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = api.upload_folder(repo_id=REPO, folder_path=tmp_path)
    again = api.upload_folder(repo_id=REPO, folder_path=tmp_path)
    assert again.oid == first.oid
    assert len([path for path in sent(hub, "POST") if path.endswith("/commit/main")]) == 1


@pytest.mark.usefixtures("hub")
def test_text_in_a_binary_suffix_and_binary_in_another_are_lfs(api):
    """`.gitattributes` decides by name, and a NUL byte by content."""
    for path, content in (("a.bin", b"text"), ("b.dat", b"\0"), ("c.dat", b"text")):
        api.create_commit(REPO, [add(path, content)], commit_message="Save")
    modes = {sibling.rfilename: bool(sibling.lfs) for sibling in api.model_info(REPO, files_metadata=True).siblings}
    assert modes == {".gitattributes": False, "a.bin": True, "b.dat": True, "c.dat": False}


def test_files_and_folders_are_deleted(hub, api):
    """A commit takes files and whole folders away."""
    hub.commit(REPO, {"a.json": "1", "old/b.json": "2", "old/deep/c.json": "3", "older.json": "4"})
    api.create_commit(REPO, [CommitOperationDelete("a.json"), CommitOperationDelete("old/")], commit_message="Tidy")
    assert set(hub.files(REPO)) == {".gitattributes", "older.json"}


@pytest.mark.parametrize("path", ["absent.json", "absent/"])
def test_deleting_what_is_not_there_is_refused(hub, api, path):
    """The commit fails and the branch stays."""
    before = hub.files(REPO)
    with pytest.raises(EntryNotFoundError, match="with this name doesn't exist"):
        api.create_commit(REPO, [CommitOperationDelete(path)], commit_message="Tidy")
    assert hub.files(REPO) == before


def test_commit_on_a_stale_parent_is_refused(hub, api):
    """Who names the parent learns that somebody was faster."""
    stale = api.model_info(REPO).sha
    hub.commit(REPO, {"a.json": "1"})
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(REPO, [add("b.json", b"2")], commit_message="Save", parent_commit=stale)
    assert "b.json" not in hub.files(REPO)


def test_commit_to_a_branch_leaves_main_alone(hub, api):
    """A branch with a slash in its name moves by itself."""
    api.create_branch(REPO, branch="exp/one")
    done = api.create_commit(REPO, [add("a.json", b"1")], commit_message="Try", revision="exp/one")
    assert hub.files(REPO, "exp/one") == hub.files(REPO, done.oid)
    assert "a.json" not in hub.files(REPO)


def test_commit_to_an_unknown_branch_is_refused(api):
    """Nothing makes a branch by accident."""
    with pytest.raises(RevisionNotFoundError):
        api.create_commit(REPO, [add("a.json", b"1")], commit_message="Save", revision="absent")


def test_pull_request_holds_its_commit_apart(hub, api):
    """`create_pr` commits to `refs/pr/1` and leaves `main` as it was."""
    done = api.create_commit(REPO, [add("a.json", b"1")], commit_message="Propose", create_pr=True)
    assert (done.pr_num, done.pr_revision) == (1, "refs/pr/1")
    assert hub.files(REPO, "refs/pr/1")["a.json"] == b"1"
    assert "a.json" not in hub.files(REPO)


def test_folder_is_uploaded_to_a_pull_request(hub, api, tmp_path):
    """Over xet the client opens the pull request first, and then commits to it."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    done = api.upload_folder(repo_id=REPO, folder_path=tmp_path, commit_message="Propose", create_pr=True)
    assert done.pr_num == 1
    assert hub.files(REPO, "refs/pr/1")["model.safetensors"] == b"weights"
    assert "model.safetensors" not in hub.files(REPO)
    details = api.get_discussion_details(REPO, 1)
    assert (details.title, details.target_branch, details.status) == ("Propose", "refs/heads/main", "open")


def test_pull_request_takes_further_commits(hub, api):
    """A pull request can be committed to like a branch."""
    api.create_commit(REPO, [add("a.json", b"1")], commit_message="Propose", create_pr=True)
    api.create_commit(REPO, [add("b.json", b"2")], commit_message="Go on", revision="refs/pr/1")
    assert {"a.json", "b.json"} <= set(hub.files(REPO, "refs/pr/1"))


def test_model_card_is_checked_and_kept(hub, api):
    """A card with YAML metadata is accepted."""
    ModelCard("---\nlicense: apache-2.0\n---\n# A model\n").push_to_hub(REPO, token=api.token)
    assert b"license: apache-2.0" in hub.files(REPO)["README.md"]


def test_card_that_is_no_yaml_is_refused(hub, api):
    """The client asks before it commits, and says what is wrong."""
    with pytest.raises(ValueError, match="Invalid metadata in README"):
        api.create_commit(REPO, [add("README.md", b"---\nlicense: [\n---\n")], commit_message="Save")
    assert "README.md" not in hub.files(REPO)


def test_upload_to_an_unsigned_url_is_refused(hub):
    """The second origin takes only what the Hub announced."""
    answer = get_session().put(f"{hub.cdn_url}/uploads/{'0' * 64}", content=b"anything")
    assert answer.status_code == 403


def test_bytes_that_are_not_the_announced_ones_are_refused(hub, api):
    """An LFS object is what its sha256 says or it is not kept."""
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": "0" * 64, "size": 8}]}
    batch = get_session().post(
        f"{hub.url}/{REPO}.git/info/lfs/objects/batch", json=wanted, headers={"authorization": f"Bearer {api.token}"}
    )
    upload = batch.json()["objects"][0]["actions"]["upload"]["href"]
    assert get_session().put(upload, content=b"anything").status_code == 400


def test_commit_that_names_an_object_nobody_uploaded_is_refused(hub, api):
    """A commit cannot point at weights that are not there."""
    lines = [
        {"key": "header", "value": {"summary": "Save"}},
        {"key": "lfsFile", "value": {"path": "model.safetensors", "algo": "sha256", "oid": "0" * 64, "size": 8}},
    ]
    answer = get_session().post(
        f"{hub.url}/api/models/{REPO}/commit/main",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"authorization": f"Bearer {api.token}", "content-type": "application/x-ndjson"},
    )
    assert (answer.status_code, "was not uploaded" in answer.text) == (400, True)
    assert list(hub.files(REPO)) == [".gitattributes"]


def test_verifying_an_object_nobody_uploaded_fails(hub, api):
    """The last step of an upload notices that the bytes never came."""
    answer = get_session().post(
        f"{hub.url}/{REPO}.git/info/lfs/objects/verify",
        json={"oid": "0" * 64, "size": 8},
        headers={"authorization": f"Bearer {api.token}"},
    )
    assert answer.status_code == 404
