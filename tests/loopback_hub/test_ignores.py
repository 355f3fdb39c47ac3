"""Files that a `.gitignore` names are left out of an upload by the client, because the Hub says so."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.utils import get_session

REPO = "me/model"
FILES = {"config.json": "{}", "model.safetensors": "weights", "build/cache.txt": "1"}
# (lines of a .gitignore, files of FILES or others that it ignores and does not)
RULES = [
    ("*.safetensors", ["model.safetensors", "a/b.safetensors"], ["model.safetensors.json"]),
    ("*.safetensors\n!model.safetensors", ["other.safetensors"], ["model.safetensors", "a/model.safetensors"]),
    ("/model.safetensors", ["model.safetensors"], ["a/model.safetensors"]),
    ("build/", ["build/cache.txt", "a/build/cache.txt"], ["build"]),
    ("build/\n!build/cache.txt", ["build/cache.txt"], []),
    ("build/*\n!build/cache.txt", ["build/other.txt"], ["build/cache.txt"]),
    ("a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["c", "b/a/c"]),
    ("# *.json\n\\#x\n \ny ", ["#x", "y"], ["config.json", "x"]),
    ("[a-c].bin\n?.txt", ["b.bin", "z.txt"], ["d.bin", "zz.txt"]),
]


@pytest.fixture
def api(hub):
    api = HfApi(token=hub.token("me"))
    api.create_repo(REPO)
    return api


@pytest.fixture
def folder(tmp_path):
    for path, content in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return tmp_path


def saved(hub):
    """Return the files on the Hub, without those that say what belongs there."""
    return sorted(set(hub.files(REPO)) - {".gitattributes", ".gitignore"})


def ignored(hub, api, paths, *, sent):
    """Return what the Hub answers for these paths, by the rules that are sent."""
    wanted = {"files": [{"path": path, "sample": "", "size": 1} for path in paths], "gitIgnore": sent}
    answer = get_session().post(
        f"{hub.url}/api/models/{REPO}/preupload/main", json=wanted, headers={"authorization": f"Bearer {api.token}"}
    )
    return [file["path"] for file in answer.json()["files"] if file["shouldIgnore"]]


def test_file_that_the_repository_ignores_is_left_out(hub, api, folder):
    """The client says nothing and commits the rest."""
    hub.commit(REPO, {".gitignore": "*.safetensors\nbuild/\n"})
    api.upload_folder(repo_id=REPO, folder_path=folder)
    assert saved(hub) == ["config.json"]


def test_file_that_the_uploaded_folder_ignores_is_left_out(hub, api, folder):
    """A `.gitignore` of the upload counts, and takes the place of the one in the repository."""
    hub.commit(REPO, {".gitignore": "*.json\n"})
    (folder / ".gitignore").write_text("*.safetensors\n", encoding="utf-8")
    api.upload_folder(repo_id=REPO, folder_path=folder)
    assert saved(hub) == ["build/cache.txt", "config.json"]


def test_rules_of_the_revision_count(hub, api, folder):
    """Every branch has its own."""
    hub.branch(REPO, "strict")
    hub.commit(REPO, {".gitignore": "*\n"}, branch="strict")
    api.upload_folder(repo_id=REPO, folder_path=folder, revision="strict")
    api.upload_folder(repo_id=REPO, folder_path=folder)
    assert sorted(hub.files(REPO, "strict")) == [".gitattributes", ".gitignore"]
    assert saved(hub) == sorted(FILES)


def test_single_file_is_left_out(hub, api):
    """The client makes an empty commit of one ignored file, and raises nothing."""
    hub.commit(REPO, {".gitignore": "*.safetensors\n"})
    api.create_commit(REPO, [CommitOperationAdd("model.safetensors", b"weights")], commit_message="Save")
    assert [commit.title for commit in api.list_repo_commits(REPO)][:1] == ["Save"]
    assert saved(hub) == []


@pytest.mark.parametrize(("rules", "named", "others"), RULES)
def test_rules_are_those_of_git(hub, api, rules, named, others):
    """Anchors, folders, exceptions and stars mean what they mean to git."""
    assert ignored(hub, api, named + others, sent=rules) == named


@pytest.mark.skipif(not shutil.which("git"), reason="compares with git itself")
@pytest.mark.parametrize(("rules", "named", "others"), RULES)
def test_git_agrees(tmp_path, rules, named, others):
    """The examples of the other test are not of our own making."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(rules, encoding="utf-8")
    asked = subprocess.run(
        ["git", "-c", "core.quotePath=false", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(named + others),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert asked.stdout.splitlines() == named
