"""Repositories, branches and tags as the client makes, lists and deletes them."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

REPO = "me/model"
FILES = {"config.json": "{}", "a/b/c.py": "X = 1\n", "a/model.safetensors": b"weights"}


@pytest.fixture
def api(hub):
    return HfApi(token=hub.token("me"))


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, FILES)


def test_new_repository_has_one_commit(hub, api):
    """`main` of a new repository holds what decides over LFS and nothing else."""
    url = api.create_repo("model")
    assert (url.repo_id, url.endpoint) == (REPO, hub.url)
    assert list(hub.files(REPO)) == [".gitattributes"]


def test_new_repository_can_be_private(api):
    """`private=True` arrives."""
    api.create_repo(REPO, private=True)
    assert api.model_info(REPO).private


def test_name_that_is_taken_is_a_conflict(api, sha):
    """Creating twice is an error, unless the caller says that it may exist."""
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPO)
    assert api.create_repo(REPO, exist_ok=True).repo_id == REPO
    assert api.model_info(REPO).sha == sha


def test_kinds_of_repository_do_not_share_names(api, sha):
    """A dataset may have a model's name."""
    api.create_repo(REPO, repo_type="dataset")
    api.upload_file(path_or_fileobj=b"\0", path_in_repo="a.bin", repo_id=REPO, repo_type="dataset")
    assert api.list_repo_files(REPO, repo_type="dataset") == [".gitattributes", "a.bin"]
    assert api.model_info(REPO).sha == sha


@pytest.mark.usefixtures("sha")
def test_deleted_repository_is_gone(api):
    """What is deleted cannot be found, nor deleted again."""
    api.delete_repo(REPO)
    assert not api.repo_exists(REPO)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(REPO)
    api.delete_repo(REPO, missing_ok=True)


@pytest.mark.usefixtures("sha")
def test_settings_change(api):
    """A repository becomes private, and gated, one setting at a time."""
    api.update_repo_settings(REPO, private=True)
    api.update_repo_settings(REPO, gated="manual")
    info = api.model_info(REPO)
    assert (info.private, info.gated) == (True, "manual")


def test_info_tells_the_files_of_the_revision(hub, api, sha):
    """A revision's info is about that commit."""
    hub.commit(REPO, {"config.json": None})
    info = api.model_info(REPO, revision=sha, files_metadata=True)
    assert info.sha == sha
    assert {file.rfilename: file.size for file in info.siblings if file.rfilename in FILES} == {
        path: len(content) for path, content in FILES.items()
    }


@pytest.mark.usefixtures("sha")
def test_tree_lists_one_folder_or_everything(api):
    """Folders are entries of their own."""
    assert {entry.path for entry in api.list_repo_tree(REPO)} == {".gitattributes", "a", "config.json"}
    assert {entry.path for entry in api.list_repo_tree(REPO, "a")} == {"a/b", "a/model.safetensors"}
    assert {entry.path for entry in api.list_repo_tree(REPO, "a", recursive=True)} == {
        "a/b",
        "a/b/c.py",
        "a/model.safetensors",
    }


@pytest.mark.usefixtures("sha")
def test_tree_of_a_missing_folder(api):
    """The client's own error says so."""
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(REPO, "absent"))


@pytest.mark.usefixtures("sha")
def test_paths_are_described_and_missing_ones_left_out(api):
    """Files and folders can be asked for by name."""
    entries = api.get_paths_info(REPO, ["a", "a/model.safetensors", "absent"])
    assert {entry.path: getattr(entry, "lfs", None) is not None for entry in entries} == {
        "a": False,
        "a/model.safetensors": True,
    }
    assert api.file_exists(REPO, "config.json")


def test_branches_and_tags_are_listed(hub, api, sha):
    """Refs name the commits they stand for."""
    api.create_branch(REPO, branch="exp/one", revision=sha)
    later = hub.commit(REPO, {"config.json": "later"})
    api.create_tag(REPO, tag="v1")
    api.create_tag(REPO, tag="v0", revision="exp/one")
    refs = api.list_repo_refs(REPO)
    assert {ref.ref: ref.target_commit for ref in refs.branches + refs.tags} == {
        "refs/heads/main": later,
        "refs/heads/exp/one": sha,
        "refs/tags/v1": later,
        "refs/tags/v0": sha,
    }


@pytest.mark.usefixtures("sha")
def test_pull_requests_are_listed_on_demand(api):
    """`include_pull_requests` adds them."""
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.json", repo_id=REPO, create_pr=True)
    assert api.list_repo_refs(REPO).pull_requests is None
    refs = api.list_repo_refs(REPO, include_pull_requests=True)
    assert [ref.ref for ref in refs.pull_requests] == ["refs/pr/1"]


@pytest.mark.usefixtures("sha")
def test_names_that_are_taken_are_conflicts(api):
    """A branch or tag is not moved by creating it again."""
    api.create_branch(REPO, branch="one")
    api.create_tag(REPO, tag="v1")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_branch(REPO, branch="one")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(REPO, tag="v1")
    api.create_branch(REPO, branch="one", exist_ok=True)
    api.create_tag(REPO, tag="v1", exist_ok=True)


@pytest.mark.usefixtures("sha")
def test_branches_and_tags_are_deleted(api):
    """A deleted name stands for nothing."""
    api.create_branch(REPO, branch="exp/one")
    api.create_tag(REPO, tag="v1")
    api.delete_branch(REPO, branch="exp/one")
    api.delete_tag(REPO, tag="v1")
    refs = api.list_repo_refs(REPO)
    assert ([ref.name for ref in refs.branches], refs.tags) == (["main"], [])


@pytest.mark.usefixtures("sha")
def test_main_stays(api):
    """The default branch cannot be deleted."""
    with pytest.raises(HfHubHTTPError, match="403"):
        api.delete_branch(REPO, branch="main")


@pytest.mark.usefixtures("sha")
def test_start_that_does_not_exist(api):
    """A branch or tag needs a commit to stand for."""
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(REPO, branch="one", revision="absent")
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(REPO, tag="v1", revision="absent")


@pytest.mark.usefixtures("sha")
def test_deleting_a_name_that_does_not_exist(api):
    """The client's own error says so."""
    with pytest.raises(RevisionNotFoundError):
        api.delete_branch(REPO, branch="absent")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(REPO, tag="absent")
