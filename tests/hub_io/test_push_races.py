"""Two people push to one branch: each commit is one push, whole, and neither loses a file without a word."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import HfApi

from hub_io import HUB_SERVICE, HubError, PushRefusedError
from loopback_hub import WITHOUT_XET
from other_processes import environment, start_program


def save(folder, who, *, weights="model.safetensors"):
    """Write a checkpoint whose config and weights say whose they are."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "tiny", "who": who}), encoding="utf-8")
    (folder / weights).write_text(who, encoding="utf-8")
    return folder


def owners(files):
    """Return whom config and weights of a commit belong to."""
    return json.loads(files["config.json"])["who"], files["model.safetensors"].decode()


def commits_sent(hub):
    return [request for request in hub.requests if request.method == "POST" and "/commit/" in request.path]


def test_push_looks_again_when_the_branch_moves(hub, tmp_path):
    """Somebody's commit arrives between look and commit: theirs stays in the history, ours is whole on top of it."""
    hub.create_repo("me/tiny", {"config.json": json.dumps({"who": "ada"}), "model.safetensors": "ada"})
    theirs = {"config.json": json.dumps({"who": "bob"}), "model.safetensors": "bob", "notes.txt": "bob's"}
    hub.before_next("/commit/", lambda: hub.commit("me/tiny", theirs), method="POST")
    HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert owners(hub.files("me/tiny")) == ("ada", "ada")
    assert hub.files("me/tiny")["notes.txt"] == b"bob's"
    assert len(commits_sent(hub)) == 2


def test_file_that_was_unchanged_at_the_look_is_sent_if_it_is_not_any_more(hub, tmp_path):
    """The client leaves out what the branch has already; when the branch has moved, that is no longer true."""
    hub.create_repo("me/tiny", {"config.json": json.dumps({"who": "old"}), "model.safetensors": "ada"})
    hub.before_next("/commit/", lambda: hub.commit("me/tiny", {"model.safetensors": "bob"}), method="POST")
    HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert owners(hub.files("me/tiny")) == ("ada", "ada")


def test_push_that_changes_nothing_notices_that_the_branch_moved(hub, tmp_path):
    """All was there at the look, so the client sends no commit and names the newest one; which is somebody else's."""
    folder, token = save(tmp_path / "ada", "ada"), hub.token("me")
    HUB_SERVICE.publish(folder, "me/tiny", token=token)
    hub.before_next("/api/models/me/tiny", lambda: None, method="GET")  # the look
    hub.before_next("/api/models/me/tiny", lambda: hub.commit("me/tiny", {"model.safetensors": "bob"}), method="GET")
    commit = HUB_SERVICE.publish(folder, "me/tiny", token=token)
    assert owners(hub.files("me/tiny")) == owners(hub.files("me/tiny", commit.oid)) == ("ada", "ada")


def test_push_that_changes_nothing_makes_no_commit(hub, tmp_path):
    """The answer names the commit that has it all."""
    folder, token = save(tmp_path / "ada", "ada"), hub.token("me")
    first = HUB_SERVICE.publish(folder, "me/tiny", token=token, tags=["a"])
    hub.clear_requests()
    again = HUB_SERVICE.publish(folder, "me/tiny", token=token, tags=["a"])
    assert again.oid == first.oid
    assert commits_sent(hub) == []


def test_stale_file_that_somebody_else_deleted_is_no_failure(hub, tmp_path):
    """The shard to remove is gone when the commit arrives."""
    hub.create_repo("me/tiny", {"model-00001-of-00001.safetensors": "old", "model.safetensors.index.json": "{}"})
    gone = {"model-00001-of-00001.safetensors": None}
    hub.before_next("/commit/", lambda: hub.commit("me/tiny", gone), method="POST")
    HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    names = hub.files("me/tiny").keys()
    assert "model.safetensors" in names
    assert not {"model-00001-of-00001.safetensors", "model.safetensors.index.json"} & names


def test_push_gives_up_on_a_branch_that_never_rests(hub, tmp_path):
    """It says so, and nothing was committed."""
    hub.create_repo("me/tiny", {"config.json": "{}"})
    count = iter(range(1000))
    hub.before_next("/commit/", lambda: hub.commit("me/tiny", {"n.txt": str(next(count))}), method="POST", times=1000)
    with pytest.raises(HubError, match=r"another commit arrived on 'main'.*Nothing was committed") as caught:
        HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert caught.value.status == 412
    assert "model.safetensors" not in hub.files("me/tiny")


def test_pull_request_starts_where_the_push_looked(hub, tmp_path):
    """A branch that moves meanwhile is no reason to try again."""
    hub.create_repo("me/tiny", {"config.json": "{}"})
    hub.before_next("/commit/", lambda: hub.commit("me/tiny", {"notes.txt": "new"}), method="POST")
    HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"), create_pr=True)
    assert owners(hub.files("me/tiny", "refs/pr/1")) == ("ada", "ada")


PUSH = """
import sys
from pathlib import Path
from hub_io import HUB_SERVICE
sys.stdin.readline()
for _ in range(7):
    HUB_SERVICE.publish(Path(sys.argv[1]), "me/tiny", token=sys.argv[2])
"""


@pytest.mark.parametrize("settings", [{}, WITHOUT_XET], ids=["xet", "lfs"])
def test_two_processes_that_race_never_mix(hub, tmp_path, settings):
    """Fourteen pushes of two processes: every commit has config and weights of one of them."""
    hub.create_repo("me/tiny", {"config.json": json.dumps({"who": "ada"}), "model.safetensors": "ada"})
    token, environ = hub.token("me"), environment(tmp_path / "cache", **settings)
    racers = [
        start_program(tmp_path / f"{who}.py", PUSH, save(tmp_path / who, who), token, environ=environ)
        for who in ("ada", "bob")
    ]
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(racer.communicate, "go\n", 120) for racer in racers]
        said = [end.result()[1] for end in ends]
    assert [racer.returncode for racer in racers] == [0, 0], said
    history = [hub.files("me/tiny", commit.commit_id) for commit in HfApi().list_repo_commits("me/tiny")]
    assert [owners(files) for files in history if "config.json" in files and len(set(owners(files))) > 1] == []
    assert len(history) > 2


IGNORED = ["*.safetensors", "model.*", "/model.safetensors", "*\n!config.json"]


@pytest.mark.parametrize("rules", IGNORED)
def test_file_that_a_gitignore_leaves_out_is_an_error(hub, tmp_path, rules):
    """The Hub would drop the weights and take the deletions; nothing is committed, and the line is named."""
    hub.create_repo("me/tiny", {".gitignore": f"# rules\n{rules}\n", "model-00001-of-00001.safetensors": "old"})
    before = hub.files("me/tiny")
    with pytest.raises(PushRefusedError, match=r"'model\.safetensors' \(line 2: ") as caught:
        HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert caught.value.ignored["model.safetensors"] == f"line 2: {rules.splitlines()[0]}"
    assert hub.files("me/tiny") == before


def test_rules_that_would_take_for_ever_to_match_are_not_tried(hub, tmp_path):
    """They were written by somebody else who may push there. The file is named all the same."""
    hub.create_repo("me/tiny", {".gitignore": "*.safetensors\n"})
    endless = "*[!x]" * 8 + "x\n"
    hub.answer_next(".gitignore", content=endless * 100_000)
    with pytest.raises(PushRefusedError, match=r"'model\.safetensors'") as caught:
        HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert caught.value.ignored == {"model.safetensors": None}


def test_gitignore_of_the_folder_stays_at_home(hub, tmp_path):
    """It is a hidden file, and says nothing about what a save has written."""
    folder = save(tmp_path / "ada", "ada")
    (folder / ".gitignore").write_text("*.safetensors\n", encoding="utf-8")
    HUB_SERVICE.publish(folder, "me/tiny", token=hub.token("me"))
    assert owners(hub.files("me/tiny")) == ("ada", "ada")
    assert ".gitignore" not in hub.files("me/tiny")


def test_gitignore_that_names_nothing_of_the_save_is_no_obstacle(hub, tmp_path):
    """Most repositories with one are pushed to as ever."""
    hub.create_repo("me/tiny", {".gitignore": "*.log\n"})
    HUB_SERVICE.publish(save(tmp_path / "ada", "ada"), "me/tiny", token=hub.token("me"))
    assert owners(hub.files("me/tiny")) == ("ada", "ada")
