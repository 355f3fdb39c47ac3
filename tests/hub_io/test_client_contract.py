"""What hub_io takes for granted of `huggingface_hub` without its documentation saying so: each breaks loudly here."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_cached_repo_tree, snapshot_download
from huggingface_hub.utils import get_session


@pytest.fixture
def api(hub):
    api = HfApi(token=hub.token("me"))
    api.create_repo("me/tiny")
    return api


def test_preupload_marks_what_the_hub_ignores(hub, api):
    """`_should_ignore`: without it, a push could not tell that a `.gitignore` leaves its weights out."""
    hub.commit("me/tiny", {".gitignore": "*.safetensors\n"})
    additions = [CommitOperationAdd(name, b"x") for name in ("model.safetensors", "config.json")]
    api.preupload_lfs_files("me/tiny", additions, free_memory=False)
    assert [addition._should_ignore for addition in additions] == [True, False]


@pytest.mark.usefixtures("hub")
def test_commit_marks_what_was_sent(api):
    """`_is_committed`: without it, a push that changed nothing could not be told from one that was sent."""
    sent, unchanged = (CommitOperationAdd("config.json", b"{}") for _ in range(2))
    for addition in (sent, unchanged):
        api.create_commit("me/tiny", [addition], commit_message="Save")
    assert (sent._is_committed, unchanged._is_committed) == (True, False)


@pytest.mark.usefixtures("hub", "api")
def test_session_calls_hooks_before_each_request():
    """Hooks are added to the session's own list, and may set the time limits of a request."""
    seen = []

    def hook(request):
        seen.append(str(request.url))
        request.extensions["timeout"] = {**request.extensions["timeout"], "read": 7.0}

    hooks = get_session().event_hooks["request"]
    hooks.append(hook)
    try:
        info = HfApi().model_info("me/tiny")
    finally:
        hooks.remove(hook)
    assert info.id == "me/tiny"
    assert len(seen) == 1


def test_listing_has_gits_id_of_an_lfs_pointer(hub):
    """The id by which `check_arrived` knows that an ETag is a SHA-256."""
    commit = hub.create_repo("me/other", {"model.safetensors": b"weights", "config.json": "{}"})
    folder = snapshot_download("me/other")
    listed = {file.path: file for file in get_cached_repo_tree("me/other", revision=commit)}
    assert listed["model.safetensors"].lfs is None  # the client's cache drops it; hence the way round
    assert len(listed["model.safetensors"].blob_id) == 40
    assert folder.endswith(commit)
