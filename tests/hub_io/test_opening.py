"""Opening a repository: one commit for all files, few requests, and what is left without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from config_core.errors import CheckpointFileNotFoundError, CheckpointNotFoundError, UnsafeNameError
from hub_io.errors import NotDownloadedError, RepositoryNotFoundError, RevisionNotFoundError
from hub_io.hub_service import HUB_SERVICE

CONFIG = '{"model_type": "tiny"}'


def text(checkpoint, name):
    return checkpoint.read_bytes(name, limit=1000).decode()


def test_open_repository_gives_its_files(hub):
    """Name, commit, listing and contents are those of the Hub."""
    sha = hub.create_repo("me/tiny", {"config.json": CONFIG, "sub/note.txt": "hello"})
    opened = HUB_SERVICE.open("me/tiny")
    assert (opened.name, opened.commit, opened.subfolder) == ("me/tiny", sha, "")
    assert {"config.json", "sub/note.txt"} <= opened.filenames()
    assert (text(opened, "config.json"), text(opened, "sub/note.txt")) == (CONFIG, "hello")


def test_large_file_comes_from_the_content_network(hub):
    """A file kept as an LFS object arrives whole."""
    weights = bytes(range(256)) * 1000
    hub.create_repo("me/tiny", {"config.json": CONFIG, "model.safetensors": weights})
    assert HUB_SERVICE.open("me/tiny").local_path("model.safetensors").read_bytes() == weights


def test_branch_that_moves_during_a_load_changes_nothing(hub):
    """Config and code come from the commit that the branch named when the repository was opened."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, "modeling_x.py": "old"})
    opened = HUB_SERVICE.open("me/tiny")
    hub.commit("me/tiny", {"config.json": "{}", "modeling_x.py": "new", "extra.py": "new"})
    assert text(opened, "modeling_x.py") == "old"
    assert not opened.has("extra.py")
    assert text(HUB_SERVICE.open("me/tiny"), "modeling_x.py") == "new"


@pytest.mark.parametrize("name", ["branch", "exp/branch", "tag", "commit"])
def test_revision_is_a_branch_a_tag_or_a_commit(hub, name):
    """Each of the three names the old commit."""
    old = hub.create_repo("me/tiny", {"config.json": "old"})
    hub.branch("me/tiny", "branch")
    hub.branch("me/tiny", "exp/branch")
    hub.tag("me/tiny", "tag")
    hub.commit("me/tiny", {"config.json": "new"})
    opened = HUB_SERVICE.open("me/tiny", revision=old if name == "commit" else name)
    assert (opened.commit, text(opened, "config.json")) == (old, "old")


def test_subfolder_is_the_checkpoint(hub):
    """Names are relative to the subfolder, and at_root sees the whole repository at the same commit."""
    sha = hub.create_repo("me/tiny", {"small/config.json": "small", "config.json": "root", "small/deep/a.txt": "a"})
    opened = HUB_SERVICE.open("me/tiny", subfolder="small")
    assert opened.filenames() == {"config.json", "deep/a.txt"}
    assert (text(opened, "config.json"), text(opened.at_root(), "config.json")) == ("small", "root")
    assert (opened.at_root().commit, opened.at_root().subfolder) == (sha, "")


def test_subfolder_that_is_missing_is_named(hub):
    """The error shows which folders there are."""
    hub.create_repo("me/tiny", {"small/config.json": CONFIG})
    with pytest.raises(CheckpointNotFoundError, match=r"no folder 'large'.*small"):
        HUB_SERVICE.open("me/tiny", subfolder="large")


def test_file_that_is_missing_is_named_without_a_request(hub):
    """The listing is known, so that optional files cost nothing."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    opened = HUB_SERVICE.open("me/tiny")
    hub.clear_requests()
    with pytest.raises(CheckpointFileNotFoundError, match=r"has no file 'model.safetensors'.*config.json"):
        opened.local_path("model.safetensors")
    assert hub.requests == []


def test_name_that_leaves_the_repository_is_refused(hub):
    """A hostile name never reaches the client."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    with pytest.raises(UnsafeNameError):
        HUB_SERVICE.open("me/tiny").local_path("../../token")


def test_several_files_come_with_one_call(hub):
    """Shards are fetched side by side, and only those that were asked for."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, **{f"shard-{number}.bin": str(number) for number in range(9)}})
    wanted = [f"shard-{number}.bin" for number in range(8)]
    paths = HUB_SERVICE.open("me/tiny").local_paths(wanted)
    assert {name: path.read_text(encoding="utf-8") for name, path in paths.items()} == {
        f"shard-{number}.bin": str(number) for number in range(8)
    }
    assert not any("shard-8" in request.path for request in hub.requests)


def test_name_with_brackets_is_no_pattern(hub):
    """What the client reads as a pattern is only a name here."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, "a[1].txt": "brackets", "a1.txt": "plain"})
    paths = HUB_SERVICE.open("me/tiny").local_paths(["a[1].txt", "config.json"])
    assert paths["a[1].txt"].read_text(encoding="utf-8") == "brackets"


def test_second_load_asks_only_for_the_commit(hub):
    """One request resolves the branch, none fetches what is there."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, "a.txt": "a"})
    HUB_SERVICE.open("me/tiny").local_paths(["config.json", "a.txt"])
    hub.clear_requests()
    HUB_SERVICE.open("me/tiny").local_paths(["config.json", "a.txt"])
    assert len(hub.requests) == 1


def test_second_load_of_a_commit_asks_for_nothing(hub):
    """What a commit holds never changes."""
    sha = hub.create_repo("me/tiny", {"config.json": CONFIG, "a.txt": "a"})
    HUB_SERVICE.open("me/tiny").local_paths(["config.json", "a.txt"])
    hub.clear_requests()
    HUB_SERVICE.open("me/tiny", revision=sha).local_paths(["config.json", "a.txt"])
    assert hub.requests == []


def test_local_files_only_uses_no_network(hub):
    """The branch is what it was at the last look, and the files are those that were downloaded."""
    sha = hub.create_repo("me/tiny", {"config.json": CONFIG, "a.txt": "a", "b.txt": "b"})
    HUB_SERVICE.open("me/tiny").local_path("a.txt")
    hub.commit("me/tiny", {"a.txt": "new"})
    hub.clear_requests()
    opened = HUB_SERVICE.open("me/tiny", local_files_only=True)
    assert (opened.commit, text(opened, "a.txt"), hub.requests) == (sha, "a", [])
    with pytest.raises(NotDownloadedError, match="not downloaded before"):
        opened.local_path("b.txt")
    assert hub.requests == []


def test_local_files_only_without_download_says_so(hub):
    """What was never downloaded cannot be had without the network."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    with pytest.raises(NotDownloadedError, match="Load it once with the network") as caught:
        HUB_SERVICE.open("me/tiny", local_files_only=True)
    assert isinstance(caught.value, FileNotFoundError)
    assert hub.requests == []


def test_cache_that_another_library_filled_serves_without_network(hub):
    """A cache without the client's listing still has its snapshot."""
    from huggingface_hub import hf_hub_download

    hub.create_repo("me/tiny", {"config.json": CONFIG, "a.txt": "a"})
    hf_hub_download("me/tiny", "config.json")
    hub.clear_requests()
    opened = HUB_SERVICE.open("me/tiny", local_files_only=True)
    assert (opened.filenames(), text(opened, "config.json"), hub.requests) == ({"config.json"}, CONFIG, [])


def test_force_download_fetches_again(hub):
    """A damaged download is replaced, once a load."""
    sha = hub.create_repo("me/tiny", {"config.json": CONFIG})
    path = HUB_SERVICE.open("me/tiny").local_path("config.json")
    path.resolve().write_text("damaged", encoding="utf-8")
    opened = HUB_SERVICE.open("me/tiny", revision=sha, force_download=True)
    assert text(opened, "config.json") == CONFIG
    hub.clear_requests()
    assert (text(opened, "config.json"), hub.requests) == (CONFIG, [])


def test_force_download_without_network_is_a_contradiction(hub):
    """Neither of the two wins silently."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    with pytest.raises(ValueError, match="contradict"):
        HUB_SERVICE.open("me/tiny", force_download=True, local_files_only=True)


def test_cache_dir_holds_the_downloads(hub, tmp_path):
    """Nothing is written elsewhere."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    path = HUB_SERVICE.open("me/tiny", cache_dir=tmp_path).local_path("config.json")
    assert path.is_relative_to(tmp_path.resolve())


def test_offline_process_loads_from_the_cache(hub):
    """HF_HUB_OFFLINE loads what is there, and names what is not."""
    sha = hub.create_repo("me/tiny", {"config.json": CONFIG})
    HUB_SERVICE.open("me/tiny").local_path("config.json")
    hub.create_repo("me/other", {"config.json": CONFIG})
    program = """
import json, sys
from hub_io.hub_service import HUB_SERVICE
opened = HUB_SERVICE.open("me/tiny")
content = opened.read_bytes("config.json", limit=1000).decode()
try:
    HUB_SERVICE.open("me/other")
except FileNotFoundError as error:
    print(json.dumps([opened.commit, content, type(error).__name__, str(error)]))
"""
    hub.clear_requests()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    commit, content, kind, message = json.loads(done.stdout)
    assert (commit, content, kind) == (sha, CONFIG, "NotDownloadedError")
    assert "HF_HUB_OFFLINE" in message
    assert hub.requests == []


def test_downloads_show_progress(hub):
    """The client's bars show, unless it was told not to."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, "a.safetensors": bytes(1000), "b.safetensors": bytes(1000)})
    program = "import hub_io; hub_io.HUB_SERVICE.open('me/tiny').local_paths(['a.safetensors', 'b.safetensors'])"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_PROGRESS_BARS"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "Fetching 2 files: 100%" in done.stderr


@pytest.mark.usefixtures("hub")
def test_unknown_repository_is_named():
    """The error says that it may be private, too."""
    with pytest.raises(RepositoryNotFoundError, match=r"no repository 'me/nothing'.*private.*hf auth login") as caught:
        HUB_SERVICE.open("me/nothing")
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.source == "me/nothing"


@pytest.mark.parametrize("revision", ["nowhere", "0" * 40])
def test_unknown_revision_is_named(hub, revision):
    """A branch and a commit that do not exist are told apart from a missing repository."""
    hub.create_repo("me/tiny", {"config.json": CONFIG})
    with pytest.raises(RevisionNotFoundError, match=revision) as caught:
        HUB_SERVICE.open("me/tiny", revision=revision)
    assert caught.value.revision == revision
