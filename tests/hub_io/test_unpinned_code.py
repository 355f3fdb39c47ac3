"""The warning of code that is trusted without a commit: once, with what to write instead."""

from __future__ import annotations

import warnings

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from hub_io import RemoteCodeRefusedError, UnpinnedCodeWarning, load_into_registry
from tiny_checkpoints import AUTO_MAP, config_json, files, trust, write

pytestmark = pytest.mark.usefixtures("places")

LOADERS = {
    "config": AutoConfig.from_pretrained,
    "model": AutoModel.from_pretrained,
    "registry": lambda source, **options: load_into_registry(source, registry=Registry(), **options),
}


# Warnings are counted for a whole process, so each test has a repository of its own name.


@pytest.mark.parametrize("name", LOADERS)
def test_first_load_warns_with_the_revision_to_pin(hub, name):
    """With the very text to write, which then does not warn."""
    commit = hub.create_repo(f"me/first-{name}", files())
    with pytest.warns(UnpinnedCodeWarning) as caught:
        LOADERS[name](f"me/first-{name}", trust_remote_code=True)
    (told,) = [str(warning.message) for warning in caught]
    assert told.endswith(f" pin what you have read: revision='{commit}'.")


def test_warning_stands_at_the_line_of_the_caller(hub):
    """Whoever reads it finds the call to change."""
    hub.create_repo("me/line", files())
    with pytest.warns(UnpinnedCodeWarning) as caught:
        AutoModel.from_pretrained("me/line", trust_remote_code=True)
    assert [warning.filename for warning in caught] == [__file__]


def test_later_loads_do_not_warn(hub):
    """Once for a source and process, whichever loader it is."""
    hub.create_repo("me/later", files())
    with pytest.warns(UnpinnedCodeWarning):
        AutoConfig.from_pretrained("me/later", trust_remote_code=True)
    for load in LOADERS.values():
        load("me/later", trust_remote_code=True)  # a warning would be an error


@pytest.mark.parametrize("revision", ["main", "v1", "short"])
def test_revision_that_can_move_warns(hub, revision):
    """A branch, a tag and the start of a commit are no pins."""
    commit = hub.create_repo(f"me/moves-{revision}", files())
    hub.tag(f"me/moves-{revision}", "v1")
    if revision == "short":
        hub.branch(f"me/moves-{revision}", commit[:12])  # nobody keeps others from naming a branch so
    with pytest.warns(UnpinnedCodeWarning, match=commit):
        AutoModel.from_pretrained(
            f"me/moves-{revision}",
            revision=commit[:12] if revision == "short" else revision,
            trust_remote_code=True,
        )


def test_code_of_another_repository_warns_with_code_revision(hub):
    """Its commit is pinned by another option, and that of the config does not pin it."""
    code = hub.create_repo("other/unpinned", files())
    elsewhere = {name: f"other/unpinned--{reference}" for name, reference in AUTO_MAP.items()}
    commit = hub.create_repo("me/pinned", {"config.json": config_json(elsewhere), "weights.json": "[1.0, 2.0]"})
    with pytest.warns(UnpinnedCodeWarning, match=f"other/unpinned.* code_revision='{code}'"):
        AutoModel.from_pretrained("me/pinned", revision=commit, trust_remote_code=True)


def test_code_of_another_repository_that_is_pinned_does_not_warn(hub):
    """Both commits are said."""
    code = hub.create_repo("other/pinned", files())
    elsewhere = {name: f"other/pinned--{reference}" for name, reference in AUTO_MAP.items()}
    commit = hub.create_repo("me/pinned", {"config.json": config_json(elsewhere), "weights.json": "[1.0, 2.0]"})
    AutoModel.from_pretrained("me/pinned", revision=commit, code_revision=code, trust_remote_code=True)


def test_warning_that_is_an_error_lets_nothing_run(hub, tmp_path):
    """And counts as not given: the next load does not get through either."""
    hub.create_repo("me/strict", files(marker=tmp_path / "marker"))
    for _ in range(2):
        with warnings.catch_warnings(action="error"), pytest.raises(UnpinnedCodeWarning):
            AutoModel.from_pretrained("me/strict", trust_remote_code=True)
    assert not (tmp_path / "marker").exists()


def test_refused_load_does_not_warn(hub):
    """Nothing was trusted, so there is nothing to warn of."""
    hub.create_repo("me/refused", files())
    for said in (None, False):
        with pytest.raises(RemoteCodeRefusedError):
            AutoModel.from_pretrained("me/refused", trust_remote_code=said)


def test_pinned_load_does_not_warn(hub):
    """A full commit is what was read, with the network and without."""
    commit = hub.create_repo("me/commit", files())
    AutoModel.from_pretrained("me/commit", revision=commit, trust_remote_code=True)
    AutoModel.from_pretrained("me/commit", revision=commit, local_files_only=True, trust_remote_code=True)


@pytest.mark.parametrize("revision", [None, "main"])
def test_load_that_the_store_trusts_does_not_warn(hub, places, revision):
    """Its content was read, whichever way it was found."""
    commit = hub.create_repo("me/stored", files())
    trust(places / "hub-code.lock", files(), source="me/stored", commit=commit)
    AutoModel.from_pretrained("me/stored", revision=revision, trust_remote_code=True)


def test_folder_does_not_warn(tmp_path):
    """It has no commits."""
    AutoModel.from_pretrained(write(tmp_path / "saved", files()), trust_remote_code=True)
