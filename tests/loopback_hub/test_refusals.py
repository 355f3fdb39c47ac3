"""The Hub's errors as the real one has them: repositories that moved or are closed, refused names, old addresses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    BadRequestError,
    DisabledRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session

REPO, NEW = "me/model", "me/renamed"
FILES = {"config.json": b"{}", "model.safetensors": b"weights"}
NO_BRANCHES = [
    *("a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a//b", "a@{b"),
    *(".a", "a/.b", "a.lock", "a.", "-a", "HEAD"),
]
BRANCHES = {"exp/one": True, "v1.0": True, "größer": True, "a-b_c@d": True} | dict.fromkeys(NO_BRANCHES, False)


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, FILES)


@pytest.fixture
def api(hub):
    return HfApi(token=hub.token("me"))


@pytest.fixture
def renamed(hub, sha):
    hub.rename(REPO, NEW)
    return sha


def test_renamed_repository_is_read_under_its_old_name(renamed):
    """Info, files of both kinds and snapshots are found where the redirect leads."""
    assert HfApi().model_info(REPO).id == NEW
    assert {path: Path(hf_hub_download(REPO, path)).read_bytes() for path in FILES} == FILES
    assert Path(snapshot_download(REPO)).name == renamed


@pytest.mark.usefixtures("renamed")
def test_renamed_repository_is_written_under_its_old_name(hub, api, tmp_path):
    """The client follows with its token and its body."""
    (tmp_path / "model.safetensors").write_bytes(b"more")
    api.upload_folder(repo_id=REPO, folder_path=tmp_path)
    api.upload_file(repo_id=REPO, path_or_fileobj=b"1", path_in_repo="a.json")
    files = hub.files(NEW)
    assert (files["model.safetensors"], files["a.json"]) == (b"more", b"1")


@pytest.mark.usefixtures("renamed")
def test_redirect_keeps_path_and_query(hub):
    """It is a temporary one to the same origin."""
    answer = get_session().get(f"{hub.url}/api/models/{REPO}/tree/main?recursive=true", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"/api/models/{NEW}/tree/main?recursive=true")


def test_renamed_private_repository_stays_hidden(hub):
    """The redirect does not tell a stranger the new name."""
    hub.create_repo(REPO, private=True)
    hub.rename(REPO, NEW)
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=hub.token("you")).model_info(REPO)


@pytest.mark.usefixtures("sha")
def test_client_renames_a_repository(hub, api):
    """A repository that is made under the old name takes the redirect's place."""
    api.move_repo(REPO, NEW)
    assert api.model_info(REPO).id == NEW
    hub.create_repo(REPO)
    assert api.model_info(REPO).id == REPO


@pytest.mark.usefixtures("sha")
def test_disabled_repository_is_closed(hub, api):
    """Its owner cannot read it either."""
    hub.disable(REPO)
    with pytest.raises(DisabledRepoError, match="Access to this resource is disabled"):
        api.model_info(REPO)
    with pytest.raises(LocalEntryNotFoundError, match="Access to this resource is disabled"):
        snapshot_download(REPO, token=api.token)


@pytest.mark.parametrize("length", [7, 39])
def test_start_of_a_sha_is_a_revision(hub, sha, length):
    """A short sha leads to its commit."""
    hub.commit(REPO, {"config.json": "later"})
    assert HfApi().model_info(REPO, revision=sha[:length]).sha == sha
    assert Path(hf_hub_download(REPO, "config.json", revision=sha[:length])).read_bytes() == b"{}"


def test_start_that_is_too_short_is_unknown(sha):
    """Six digits are no revision."""
    with pytest.raises(RevisionNotFoundError):
        HfApi().model_info(REPO, revision=sha[:6])


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("name", [*NO_BRANCHES, "refs/pr/1"])
def test_name_that_no_branch_can_have_is_refused(api, name):
    """Branches and tags are refused alike, with 400."""
    with pytest.raises(BadRequestError, match="Invalid reference for a branch"):
        api.create_branch(REPO, branch=name)
    with pytest.raises(BadRequestError, match="Invalid reference for a tag"):
        api.create_tag(REPO, tag=name)


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("name", [name for name, fine in BRANCHES.items() if fine])
def test_name_that_a_branch_can_have_is_not_refused(hub, api, name):
    """Slashes, dots and letters beyond ASCII are fine."""
    api.create_branch(REPO, branch=name)
    assert hub.files(REPO, name)["config.json"] == b"{}"


@pytest.mark.skipif(not shutil.which("git"), reason="compares with git itself")
@pytest.mark.parametrize(("name", "fine"), BRANCHES.items())
def test_git_agrees(name, fine):
    """The names of the other tests are not of our own making."""
    asked = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    assert (asked.returncode == 0) == fine


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize("path", ["a//b", "a/./b", "a/../b", ".git/config", "a/.GIT/b", "a\\b", "a\nb", "a/"])
def test_file_name_that_git_does_not_keep_is_refused(hub, api, path):
    """The commit is refused with 400."""
    before = hub.files(REPO)
    operation = CommitOperationAdd("fine", b"1")
    operation.path_in_repo = path  # the client refuses some of them itself
    with pytest.raises(BadRequestError, match="Invalid file path"):
        api.create_commit(REPO, [operation], commit_message="Save")
    assert hub.files(REPO) == before


@pytest.mark.parametrize("name", ["a b", "-a", "a.", "a--b", "a..b", "a.git", "a" * 97, "ä"])
def test_repository_name_is_refused(hub, api, name):
    """The rule is the real Hub's own, and its client's."""
    answer = get_session().post(
        f"{hub.url}/api/repos/create", json={"name": name}, headers={"authorization": f"Bearer {api.token}"}
    )
    assert (answer.status_code, "'--' and '..' are forbidden" in answer.text) == (400, True)


@pytest.mark.usefixtures("sha")
def test_address_of_the_cdn_expires(hub):
    """The CDN's 403 knows nothing of the Hub's errors."""
    hub.offer_xet(offer=False)
    hub.expire_addresses(expire=True)
    with pytest.raises(HfHubHTTPError, match="403") as raised:
        hf_hub_download(REPO, "model.safetensors")
    assert "Request has expired" in raised.value.response.text
    assert "X-Error-Message" not in raised.value.response.headers
    hub.expire_addresses(expire=False)
    assert Path(hf_hub_download(REPO, "model.safetensors")).read_bytes() == b"weights"


@pytest.mark.usefixtures("sha")
def test_anonymous_401_can_lack_its_code(hub):
    """Without TLS the client cannot tell then that a repository is missing."""
    hub.code_missing_repositories(code=False)
    with pytest.raises(HfHubHTTPError, match="401") as raised:
        HfApi(token=False).model_info("me/absent")
    assert type(raised.value) is HfHubHTTPError
    hub.code_missing_repositories(code=True)
    with pytest.raises(RepositoryNotFoundError):
        HfApi(token=False).model_info("me/absent")
