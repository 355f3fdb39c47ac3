"""What the unmodified client puts on the Hub arrives: small files, LFS objects, deletions, pull requests."""

from __future__ import annotations

import os

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RevisionNotFoundError

REPO = "me/model"
LARGE = os.urandom(1024) * 1024 * 11


@pytest.fixture
def api(hub):
    return HfApi(token=hub.token("me"))


def test_folder_is_uploaded_in_one_commit(hub, api, tmp_path):
    """Small files and LFS objects of a folder become one commit."""
    api.create_repo(REPO)
    (tmp_path / "code").mkdir()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "code/modeling.py").write_text("X = 1\n", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "large.dat").write_bytes(LARGE)
    done = api.upload_folder(repo_id=REPO, folder_path=tmp_path, commit_message="Save")
    files = hub.files(REPO, done.oid)
    files.pop(".gitattributes")
    assert files == {
        "code/modeling.py": b"X = 1\n",
        "config.json": b"{}",
        "large.dat": LARGE,
        "model.safetensors": b"weights",
    }
    assert [commit.title for commit in api.list_repo_commits(REPO)] == ["Save", "initial commit"]
