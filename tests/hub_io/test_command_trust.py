"""`hub-io trust`, `list`, `revoke`, `download` and `push`."""

from __future__ import annotations

import json

import pytest

from auto_registry import AutoConfig, AutoModel
from hub_io import RemoteCodeRefusedError, TrustFile
from hub_io_command import hub_io
from tiny_checkpoints import MODELING, config_json, files, write


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files())


def test_trusted_code_runs_without_a_word_and_without_network(hub, folder):  # noqa: ARG001
    """The entry is the decision, and pins the commit that was read."""
    hub.create_repo("me/tiny", files())
    assert hub_io("trust", "me/tiny", "--yes", "--note", "read by Ada").exit_code == 0
    hub.commit("me/tiny", {"modeling_tiny.py": "raise SystemExit"})
    AutoModel.from_pretrained("me/tiny")
    hub.clear_requests()
    assert AutoModel.from_pretrained("me/tiny").weights == [1.0, 2.0]
    assert hub.requests == []


def test_trust_shows_what_it_trusts_and_where_it_is_noted(folder, places):
    """The same text as `inspect`, then the entry."""
    ran = hub_io("trust", folder, "--yes", "--project")
    assert "sha256:" in ran.out
    assert "no verdict" in ran.out
    assert f"Trusted {folder}, in {places / 'hub-code.lock'}" in ran.out
    (entry,) = TrustFile(places / "hub-code.lock").entries()
    assert (entry.source, entry.commit, set(entry.files)) == (
        str(folder),
        None,
        {"configuration_tiny.py", "modeling_tiny.py"},
    )


def test_nobody_is_asked_where_nobody_sits(folder):
    """Without --yes nothing is noted, and nothing waits."""
    ran = hub_io("trust", folder)
    assert (ran.exit_code, "pass --yes" in ran.err) == (2, True)
    assert hub_io("list", "--json").values["entries"] == []


def test_only_the_digest_that_was_read_is_trusted(folder):
    """What changed between reading and trusting is refused by name of the digest."""
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    (folder / "modeling_tiny.py").write_text(MODELING + "changed = 1\n", encoding="utf-8")
    ran = hub_io("trust", folder, "--yes", "--digest", code["digest"])
    assert (ran.exit_code, "which was not given" in ran.out) == (1, True)
    assert hub_io("list", "--json").values["entries"] == []
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert hub_io("trust", folder, "--yes", "--digest", f"sha256:{code['digest']}").exit_code == 0


def test_file_in_the_checkpoint_itself_is_not_written(folder, monkeypatch):
    """It would not be used: data cannot say that it is trusted."""
    monkeypatch.chdir(folder)
    ran = hub_io("trust", ".", "--yes", "--project")
    assert (ran.exit_code, "lies in the checkpoint itself" in ran.err) == (3, True)
    assert not (folder / "hub-code.lock").exists()


def test_code_of_another_repository_gets_an_entry_of_its_own(hub, folder):  # noqa: ARG001
    """With its own commit, and the load needs no flag for either."""
    code = hub.create_repo("other/code", files())
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig"}
    hub.create_repo("me/tiny", {"config.json": config_json(auto_map)})
    values = hub_io("trust", "me/tiny", "--yes", "--json").values
    assert [(entry["source"], entry["commit"]) for entry in values["entries"]] == [("other/code", code)]
    assert AutoConfig.from_pretrained("me/tiny").size == 2


def test_list_says_who_trusts_what(folder, places):
    """Each entry with its file, digest, time and note; files that are not used with the reason."""
    hub_io("trust", folder, "--yes", "--note", "read by Ada")
    hub_io("trust", folder, "--yes", "--project")
    (places / "hub-code.lock").chmod(0o666)
    ran = hub_io("list")
    assert "read by Ada" in ran.out
    assert f"not used: {places / 'hub-code.lock'}" in ran.out
    assert len(hub_io("list", "--json").values["entries"]) == 1


def test_revoked_code_does_not_run(folder):
    """By its source or by the beginning of its digest."""
    hub_io("trust", folder, "--yes")
    assert hub_io("revoke", folder).exit_code == 0
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder)
    digest = json.loads(hub_io("trust", folder, "--yes", "--json").out)["entries"][0]["digest"]
    assert hub_io("revoke", digest[:12]).exit_code == 0
    assert hub_io("revoke", digest[:12]).exit_code == 3


def test_malformed_store_is_named_and_left_alone(folder, tmp_path, monkeypatch):
    """Nothing is trusted by it, and nothing is written to it."""
    store = tmp_path / "store.json"
    store.write_text("{", encoding="utf-8")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    for arguments in (["list"], ["trust", folder, "--yes"], ["revoke", folder], ["verify"]):
        ran = hub_io(*arguments)
        assert (ran.exit_code, str(store) in ran.err) == (3, True), arguments
    assert store.read_text(encoding="utf-8") == "{"


def test_download_gives_a_folder_that_loads(hub, folder, tmp_path):  # noqa: ARG001
    """At one commit, as files that may be changed; the last line is the path."""
    commit = hub.create_repo("me/tiny", files())
    ran = hub_io("download", "me/tiny", tmp_path / "copy")
    assert commit in ran.out
    assert ran.out.splitlines()[-1] == str(tmp_path / "copy")
    assert AutoModel.from_pretrained(tmp_path / "copy", trust_remote_code=True).weights == [1.0, 2.0]


def test_download_into_the_cache_gives_a_path_that_loads(hub, folder):  # noqa: ARG001
    """A snapshot is made of links into the cache, which are no escape."""
    hub.create_repo("me/tiny", files())
    snapshot = hub_io("download", "me/tiny", "--json").values["folder"]
    assert AutoModel.from_pretrained(snapshot, trust_remote_code=True).weights == [1.0, 2.0]


def test_download_into_a_folder_with_files_is_refused(hub, folder):
    """Nothing is overwritten unasked."""
    hub.create_repo("me/tiny", files({"modeling_tiny.py": "other = 1"}))
    ran = hub_io("download", "me/tiny", folder)
    assert (ran.exit_code, "is not empty" in ran.err) == (2, True)
    assert (folder / "modeling_tiny.py").read_text(encoding="utf-8") == MODELING


def test_push_uploads_a_folder_in_one_commit(hub, folder, monkeypatch):
    """With a model card; the commit is printed."""
    monkeypatch.setenv("HF_TOKEN", hub.token("me"))
    values = hub_io("push", folder, "me/pushed", "--message", "Share it", "--json").values
    assert {"config.json", "modeling_tiny.py", "README.md"} <= set(hub.files("me/pushed"))
    assert values["commit"] in hub_io("inspect", "me/pushed", "--json").out


def test_push_without_a_token_says_what_to_do(hub, folder):  # noqa: ARG001
    """Nobody is logged in on this machine."""
    ran = hub_io("push", folder, "me/pushed")
    assert (ran.exit_code, "hf auth login" in ran.err) == (3, True)
