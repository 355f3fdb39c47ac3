"""Two who write at once: what happens between a client's look at a branch and its commit."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

REPO = "me/model"


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, {"config.json": "{}", "model.safetensors": b"weights"})


@pytest.fixture
def api(hub):
    return HfApi(token=hub.token("me"))


def save(api, config, **options):
    return api.create_commit(REPO, [CommitOperationAdd("config.json", config)], commit_message="Save", **options)


@pytest.mark.usefixtures("sha")
def test_commit_of_somebody_else_comes_first(hub, api):
    """What is planned for a request has happened when it is handled, and happens once."""
    hub.before_next("/commit/", lambda: hub.commit(REPO, {"theirs.json": "1"}), method="POST")
    save(api, b"1")
    save(api, b"2")
    titles = [commit.title for commit in api.list_repo_commits(REPO)]
    assert titles == ["Save", "Save", "Change files", "Change files", "initial commit"]
    assert hub.files(REPO)["theirs.json"] == b"1"


def test_commit_on_the_parent_it_looked_at_is_refused(hub, api, sha):
    """Who names the parent learns that the branch moved while it uploaded."""
    hub.before_next("/commit/", lambda: hub.commit(REPO, {"theirs.json": "1"}))
    with pytest.raises(HfHubHTTPError, match="412"):
        save(api, b"1", parent_commit=sha)
    assert hub.files(REPO)["config.json"] == b"{}"


@pytest.mark.usefixtures("sha")
def test_commit_without_a_parent_mixes(hub, api):
    """Who names none keeps what somebody else wrote in between, as on the real Hub."""
    hub.before_next("/commit/", lambda: hub.commit(REPO, {"model.safetensors": b"theirs"}))
    save(api, b"mine")
    files = hub.files(REPO)
    assert (files["config.json"], files["model.safetensors"]) == (b"mine", b"theirs")


@pytest.mark.usefixtures("sha")
def test_unchanged_file_is_decided_on_before_the_commit(hub, api):
    """The client leaves out a file that was the same when it asked, though somebody else has changed it since."""
    hub.before_next("/commit/", lambda: hub.commit(REPO, {"model.safetensors": b"theirs"}))
    both = [CommitOperationAdd("config.json", b"mine"), CommitOperationAdd("model.safetensors", b"weights")]
    api.create_commit(REPO, both, commit_message="Save")
    assert hub.files(REPO)["model.safetensors"] == b"theirs"


@pytest.mark.usefixtures("sha")
def test_file_that_somebody_else_deleted_cannot_be_deleted(hub, api):
    """The whole commit is refused with 404."""
    hub.before_next("/commit/", lambda: hub.commit(REPO, {"model.safetensors": None}))
    both = [CommitOperationAdd("config.json", b"mine"), CommitOperationDelete("model.safetensors")]
    with pytest.raises(EntryNotFoundError, match="404"):
        api.create_commit(REPO, both, commit_message="Save")
    assert hub.files(REPO)["config.json"] == b"{}"


@pytest.mark.usefixtures("sha")
def test_branch_that_somebody_else_made_is_a_conflict(hub, api):
    """Two cannot make one branch."""
    hub.before_next("/branch/", lambda: hub.branch(REPO, "one"))
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_branch(REPO, branch="one")


@pytest.mark.usefixtures("sha")
def test_somebody_else_may_use_the_client(hub, api):
    """What happens may itself ask the Hub, and be followed by a fault."""
    hub.before_next("/revision/main", lambda: save(api, b"theirs"))
    hub.fail_next("/revision/main", status=500)
    with pytest.raises(HfHubHTTPError, match="500"):
        api.model_info(REPO, revision="main")
    assert hub.files(REPO)["config.json"] == b"theirs"


def test_error_in_what_happens_belongs_to_the_test(hub, api, sha):
    """The client gets its answer, and the end of the test raises the error."""
    hub.before_next("/api/models/", lambda: hub.files("me/absent"))
    assert api.model_info(REPO).sha == sha
    with pytest.raises(ExceptionGroup, match="before_next"):
        hub.end_test()
