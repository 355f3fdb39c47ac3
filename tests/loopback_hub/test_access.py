"""Who may see, download and change what: tokens, private and gated repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

REPO = "me/model"
FILES = {"config.json": "{}", "model.safetensors": b"weights"}


@pytest.fixture
def private(hub):
    hub.create_repo(REPO, FILES, private=True)
    return hub


@pytest.fixture
def gated(hub):
    hub.create_repo(REPO, FILES, gated=True)
    return hub


def test_whoami_describes_the_bearer(hub):
    """Name, organizations and role belong to the token."""
    answer = HfApi(token=hub.token("me", write=False, organizations=("lab",))).whoami()
    assert answer["name"] == "me"
    assert [organization["name"] for organization in answer["orgs"]] == ["lab"]
    assert answer["auth"]["accessToken"]["role"] == "read"


@pytest.mark.usefixtures("hub")
def test_whoami_refuses_a_token_never_given_out():
    """A made-up token is nobody."""
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(token="hf_made_up").whoami()


@pytest.mark.parametrize("path", FILES)
def test_private_files_are_there_for_the_owner(private, path):
    """The owner's token opens the files, small or LFS."""
    assert Path(hf_hub_download(REPO, path, token=private.token("me"))).is_file()


def test_private_repository_is_there_for_the_organization(hub):
    """A member's token opens what belongs to the organization."""
    hub.create_repo("lab/model", FILES, private=True)
    assert HfApi(token=hub.token("you", organizations=("lab",))).model_info("lab/model").private


def test_private_repository_does_not_exist_for_others(private):
    """Neither an anonymous caller nor a stranger can tell it from a missing one."""
    for token in (False, private.token("you")):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(token=token).model_info(REPO)
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download(REPO, "config.json", token=token)


def test_made_up_token_is_refused_even_for_public_files(hub):
    """A wrong token is an error of its own, not an anonymous caller."""
    hub.create_repo(REPO, FILES)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as raised:
        hf_hub_download(REPO, "config.json", token="hf_made_up")
    assert not isinstance(raised.value, RepositoryNotFoundError)


@pytest.mark.usefixtures("gated")
def test_gated_repository_is_described_to_everybody():
    """Only the files are behind the gate."""
    info = HfApi(token=False).model_info(REPO)
    assert (info.gated, "config.json" in [file.rfilename for file in info.siblings]) == ("auto", True)


@pytest.mark.parametrize("path", FILES)
def test_gated_files_are_refused_without_a_grant(gated, path):
    """The client raises its error for the gate, for anonymous callers and for strangers."""
    for token in (False, gated.token("you")):
        with pytest.raises(GatedRepoError):
            hf_hub_download(REPO, path, token=token)


def test_gated_files_are_there_for_the_owner_and_with_a_grant(gated):
    """A grant opens the gate for one user; the owner needs none."""
    gated.grant(REPO, "you")
    for user in ("me", "you"):
        assert Path(hf_hub_download(REPO, "config.json", token=gated.token(user), force_download=True)).is_file()


def test_auth_check_tells_reading_from_writing(gated):
    """A stranger may do neither, a user with a grant read, the owner both."""
    with pytest.raises(GatedRepoError):
        HfApi(token=gated.token("you")).auth_check(REPO)
    gated.grant(REPO, "you")
    HfApi(token=gated.token("you")).auth_check(REPO)
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(token=gated.token("you")).auth_check(REPO, write=True)
    HfApi(token=gated.token("me")).auth_check(REPO, write=True)


@pytest.mark.parametrize(("user", "write"), [("me", False), ("you", True)])
def test_writing_needs_the_right(hub, user, write):
    """A read token and a stranger's token change nothing."""
    hub.create_repo(REPO, FILES)
    before = hub.files(REPO)
    api = HfApi(token=hub.token(user, write=write))
    with pytest.raises(HfHubHTTPError, match="403"):
        api.upload_file(path_or_fileobj=b"2", path_in_repo="a.json", repo_id=REPO)
    assert hub.files(REPO) == before


def test_creating_needs_a_token(hub):
    """An anonymous caller creates nothing."""
    with pytest.raises(HfHubHTTPError, match="401"):
        HfApi(token=False).create_repo(REPO)
    with pytest.raises(KeyError):
        hub.files(REPO)


def test_creating_under_a_foreign_name_is_refused(hub):
    """A namespace belongs to its user."""
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(token=hub.token("you")).create_repo(REPO)
