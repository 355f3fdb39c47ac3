"""`hub-io download` and `push`: whole folders from and to the Hub."""

from __future__ import annotations

import pytest

from auto_registry import AutoModel
from hub_io_command import hub_io
from tiny_checkpoints import CONFIGURATION, MODELING, files, write

pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "saved", files())


@pytest.fixture
def logged_in(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token("me"))


def commits(hub):
    """Return the requests that have made a commit."""
    return [request for request in hub.requests if "/commit/" in request.path]


def test_download_gives_a_folder_that_loads(hub, tmp_path):
    """At one commit, as files that may be changed; the last line is the path."""
    commit = hub.create_repo("me/tiny", files({"blocks/deep.py": ""}))
    ran = hub_io("download", "me/tiny", tmp_path / "copy")
    assert commit in ran.out
    assert ran.out.splitlines()[-1] == str(tmp_path / "copy")
    assert AutoModel.from_pretrained(tmp_path / "copy", trust_remote_code=True).weights == [1.0, 2.0]
    assert (tmp_path / "copy" / "blocks" / "deep.py").is_file()
    assert not any(path.is_symlink() for path in (tmp_path / "copy").rglob("*"))


def test_download_into_the_cache_gives_a_path_that_loads(hub):
    """A snapshot is made of links into the cache, which are no escape."""
    hub.create_repo("me/tiny", files())
    snapshot = hub_io("download", "me/tiny", "--json").values["folder"]
    assert AutoModel.from_pretrained(snapshot, trust_remote_code=True).weights == [1.0, 2.0]


def test_download_runs_nothing(hub, tmp_path):
    """It is files."""
    hub.create_repo("me/tiny", files(marker=tmp_path / "marker"))
    hub_io("download", "me/tiny", tmp_path / "copy")
    assert not (tmp_path / "marker").exists()


def test_download_takes_the_revision_that_is_named(hub, tmp_path):
    """A branch, a tag or a commit."""
    commit = hub.create_repo("me/tiny", files())
    hub.tag("me/tiny", "v1")
    hub.commit("me/tiny", {"modeling_tiny.py": "newer = 1"})
    values = hub_io("download", "me/tiny", tmp_path / "copy", "--revision", "v1", "--json").values
    assert (values["commit"], values["repo_id"]) == (commit, "me/tiny")
    assert (tmp_path / "copy" / "modeling_tiny.py").read_text(encoding="utf-8") == MODELING


def test_download_offline_copies_what_is_in_the_cache(hub, tmp_path):
    """And says what is not there."""
    hub.create_repo("me/tiny", files())
    assert hub_io("download", "me/tiny", tmp_path / "copy", "--offline").exit_code == 3
    hub_io("download", "me/tiny")
    hub.clear_requests()
    assert hub_io("download", "me/tiny", tmp_path / "copy", "--offline").exit_code == 0
    assert (tmp_path / "copy" / "weights.json").is_file()
    assert hub.requests == []


def test_download_into_a_folder_with_files_is_refused(hub, folder):
    """Nothing is overwritten unasked."""
    hub.create_repo("me/tiny", files({"modeling_tiny.py": "other = 1"}))
    ran = hub_io("download", "me/tiny", folder)
    assert (ran.exit_code, "is not empty" in ran.err) == (2, True)
    assert (folder / "modeling_tiny.py").read_text(encoding="utf-8") == MODELING


def test_download_that_may_overwrite_replaces_links_and_keeps_other_files(hub, folder, tmp_path):
    """What a link points to is somebody else's file."""
    hub.create_repo("me/tiny", files({"modeling_tiny.py": "other = 1"}))
    outside = write(tmp_path / "outside", {"mine.py": "mine = 1"}) / "mine.py"
    (folder / "modeling_tiny.py").unlink()
    (folder / "modeling_tiny.py").symlink_to(outside)
    write(folder, {"notes.txt": "mine"})
    assert hub_io("download", "me/tiny", folder, "--overwrite").exit_code == 0
    assert (folder / "modeling_tiny.py").read_text(encoding="utf-8") == "other = 1"
    assert outside.read_text(encoding="utf-8") == "mine = 1"
    assert (folder / "notes.txt").is_file()


@pytest.mark.parametrize(
    "name", ["../escaped.py", "/tmp/escaped.py", "a/../../escaped.py", "C:\\escaped.py", "a\x1b[2Jb"]
)
def test_download_of_a_name_that_leaves_the_folder_is_refused(hub, tmp_path, name):
    """The Hub is believed no more than a checkpoint, and what it says commands no terminal."""
    hub.create_repo("me/tiny", files({name: "escaped = 1"}))
    ran = hub_io("download", "me/tiny", tmp_path / "deep" / "copy")
    assert ran.exit_code in {1, 3}
    assert "\x1b" not in ran.err
    assert not [path for path in tmp_path.rglob("*") if "escaped" in path.name]


def test_download_of_what_is_not_there_says_so(hub, tmp_path):  # noqa: ARG001 - an empty Hub
    """Exit code 3, and no folder is left."""
    ran = hub_io("download", "me/absent", tmp_path / "copy")
    assert (ran.exit_code, "me/absent" in ran.err, ran.out) == (3, True, "")
    assert not (tmp_path / "copy").exists()


@pytest.mark.usefixtures("logged_in")
def test_push_uploads_a_folder_in_one_commit(hub, folder):
    """With a model card; the commit is printed."""
    values = hub_io("push", folder, "me/pushed", "--message", "Share it", "--json").values
    assert {"config.json", "modeling_tiny.py", "README.md"} <= set(hub.files("me/pushed"))
    assert hub.files("me/pushed")["configuration_tiny.py"].decode() == CONFIGURATION
    assert len(commits(hub)) == 1
    assert values["commit"] == hub_io("inspect", "me/pushed", "--json").values["commit"]
    assert values["repo_id"] == "me/pushed"


@pytest.mark.usefixtures("logged_in")
def test_push_to_a_branch_leaves_main_alone(hub, folder):
    """The branch is made if need be, and tags go into the card."""
    ran = hub_io("push", folder, "me/pushed", "--branch", "draft", "--tag", "tiny")
    assert ran.out.startswith(f"Pushed {folder} as commit ")
    assert "modeling_tiny.py" not in hub.files("me/pushed")
    assert b'"tiny"' in hub.files("me/pushed", revision="draft")["README.md"]


@pytest.mark.usefixtures("logged_in")
def test_push_as_a_pull_request_gives_its_address(hub, folder):
    """For the owner to look at."""
    hub.create_repo("me/pushed", {"README.md": "mine"})
    values = hub_io("push", folder, "me/pushed", "--create-pr", "--json").values
    assert values["pull_request"]
    assert "modeling_tiny.py" not in hub.files("me/pushed")
    assert hub_io("push", folder, "me/pushed", "--create-pr").out.splitlines()[-1].startswith("http")


def test_push_without_a_token_says_what_to_do(hub, folder):
    """Nobody is logged in on this machine."""
    ran = hub_io("push", folder, "me/pushed")
    assert (ran.exit_code, "hf auth login" in ran.err) == (3, True)
    assert commits(hub) == []


@pytest.mark.usefixtures("hub")
def test_push_of_no_folder_is_refused(tmp_path):
    """Before anybody is asked."""
    ran = hub_io("push", tmp_path / "absent", "me/pushed")
    assert (ran.exit_code, "does not exist" in ran.err) == (2, True)
