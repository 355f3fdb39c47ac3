"""`hub-io trust`, `list` and `revoke`: what was decided, kept in the trust store."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from auto_registry import AutoConfig, AutoModel
from hub_io import HUB_SERVICE, RemoteCodeRefusedError, TrustFile, load_into_registry
from hub_io_command import hub_io, hub_io_at_terminal
from tiny_checkpoints import MODELING, config_json, files, trust, write

at_terminals = pytest.mark.skipif(os.name == "nt", reason="there is no pty")


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files())


def entries():
    """Return the entries that `list` gives machines."""
    return hub_io("list", "--json").values["entries"]


@pytest.mark.usefixtures("places")
def test_trusted_code_runs_without_a_word_and_without_network(hub):
    """The entry is the decision, and pins the commit that was read."""
    hub.create_repo("me/tiny", files())
    assert hub_io("trust", "me/tiny", "--yes", "--note", "read by Ada").exit_code == 0
    hub.commit("me/tiny", {"modeling_tiny.py": "raise SystemExit"})
    AutoModel.from_pretrained("me/tiny")
    hub.clear_requests()
    assert AutoModel.from_pretrained("me/tiny").weights == [1.0, 2.0]
    assert hub.requests == []


@pytest.mark.usefixtures("places")
def test_trusted_code_runs_in_new_processes_offline_until_it_is_revoked(hub):
    """Then it is refused, and the refusal says how it can be trusted."""
    load = "from auto_registry import AutoModel; print(AutoModel.from_pretrained('me/tiny').weights)"

    def loaded():
        environment = os.environ | {"HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            [sys.executable, "-c", load],
            capture_output=True,
            encoding="utf-8",
            env=environment,
            timeout=60,
            check=False,
        )

    commit = hub.create_repo("me/tiny", files())
    snapshot_download("me/tiny")
    hub_io("trust", "me/tiny", "--yes")
    assert loaded().stdout == "[1.0, 2.0]\n"
    hub_io("revoke", "me/tiny")
    assert "RemoteCodeRefusedError" in (refused := loaded().stderr)
    assert f"(`hub-io trust me/tiny --revision {commit}`)" in refused


def test_what_is_trusted_is_shown_with_the_file_that_says_so(folder, places):
    """The same text as `inspect`, then the entry."""
    read = hub_io("inspect", folder).out
    ran = hub_io("trust", folder, "--yes", "--project")
    assert ran.out == f"{read}\nTrusted {folder}, in {places / 'hub-code.lock'}\n"
    (entry,) = TrustFile(places / "hub-code.lock").entries()
    assert (entry.source, entry.commit, set(entry.files)) == (
        str(folder),
        None,
        {"configuration_tiny.py", "modeling_tiny.py"},
    )


def test_file_of_the_user_is_taken_unless_the_project_has_one(folder, places, tmp_path):
    """`--user` and `--project` say which."""
    user, project = tmp_path / "settings" / "hub-io" / "trust.json", places / "hub-code.lock"

    def written(*options):
        return hub_io("trust", folder, "--yes", *options, "--json").values["file"]

    assert [written(), written("--project"), written(), written("--user")] == list(
        map(str, [user, project, project, user])
    )


def test_file_that_the_environment_names_is_the_only_one(folder, tmp_path, monkeypatch):
    """An option that says another is refused."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "mine.json"))
    ran = hub_io("trust", folder, "--yes", "--project")
    assert (ran.exit_code, "HUB_IO_TRUST_STORE" in ran.err) == (2, True)
    hub_io("trust", folder, "--yes")
    assert [entry["file"] for entry in entries()] == [str(tmp_path / "mine.json")]


def test_nobody_is_asked_where_nobody_sits(folder):
    """Without --yes nothing is noted, and nothing waits."""
    for options in ([], ["--json"]):
        ran = hub_io("trust", folder, *options)
        assert (ran.exit_code, "pass --yes" in ran.err + ran.out) == (1, True)
    assert entries() == []


@at_terminals
@pytest.mark.parametrize(
    ("answer", "exit_code", "trusted"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("\x04", 1, 0)]
)
def test_who_sits_at_a_terminal_is_asked(folder, answer, exit_code, trusted):
    """After the code was shown; anything but yes is no."""
    ran = hub_io_at_terminal("trust", folder, answer=answer)
    assert ran.exit_code == exit_code
    assert 0 < ran.out.index("modeling_tiny.TinyModel") < ran.out.index("Let this code run from now on")
    assert len(entries()) == trusted


def test_only_the_digest_that_was_read_is_trusted(folder):
    """What changed between reading and trusting is refused by name of the digest."""
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    write(folder, {"modeling_tiny.py": MODELING + "changed = 1\n"})
    ran = hub_io("trust", folder, "--yes", "--digest", code["digest"])
    assert (ran.exit_code, "which --digest does not list" in ran.out) == (1, True)
    assert hub_io("trust", folder, "--yes", "--digest", code["digest"], "--json").values["entries"] == []
    assert entries() == []
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert hub_io("trust", folder, "--yes", "--digest", f"sha256:{code['digest']}").exit_code == 0


def test_checkpoint_without_code_has_nothing_to_trust(folder):
    """Exit code 3, and no entry."""
    write(folder, {"config.json": '{"model_type": "tiny"}'})
    ran = hub_io("trust", folder, "--yes")
    assert (ran.exit_code, "ships no code" in ran.err) == (3, True)
    assert entries() == []


def test_file_in_the_checkpoint_itself_is_not_written(folder, monkeypatch):
    """It would not be used: data cannot declare itself trusted."""
    monkeypatch.chdir(folder)
    ran = hub_io("trust", ".", "--yes", "--project")
    assert (ran.exit_code, "is inside the checkpoint" in ran.err) == (3, True)
    assert not (folder / "hub-code.lock").exists()


def test_file_that_would_not_be_used_is_not_written(folder, places):
    """Others could put entries into it."""
    trust(places / "hub-code.lock", files(), source="me/tiny")
    (places / "hub-code.lock").chmod(0o666)
    before = (places / "hub-code.lock").read_bytes()
    ran = hub_io("trust", folder, "--yes", "--project")
    assert (ran.exit_code, "it is not used" in ran.err) == (3, True)
    assert (places / "hub-code.lock").read_bytes() == before


@pytest.mark.usefixtures("places")
def test_code_of_another_repository_gets_an_entry_of_its_own(hub):
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
    (entry,) = entries()
    for told in (entry["file"], f"  {folder}\n", entry["digest"], entry["trusted_at"], "read by Ada"):
        assert told in ran.out
    assert f"not used: {places / 'hub-code.lock'}" in ran.out


@pytest.mark.usefixtures("places")
def test_list_of_nothing_says_what_to_do():
    """And machines get an empty list."""
    assert "`hub-io trust SOURCE` adds an entry" in hub_io("list").out
    assert hub_io("list", "--json").values == {
        "ok": True,
        "cap": None,
        "entries": [],
        "files": [],
        "publishers": [],
        "cooling_days": 0,
        "not_used": {},
    }


@pytest.mark.parametrize("cap", ["deny", "locked"])
def test_cap_of_an_administrator_is_shown(folder, monkeypatch, cap):
    """Whoever adds an entry, or looks at them, learns that it is not all that counts."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    assert f"HUB_IO_REMOTE_CODE={cap}" in hub_io("trust", folder, "--yes").out.splitlines()[-1]
    assert f"HUB_IO_REMOTE_CODE={cap}" in hub_io("list").out.splitlines()[-1]
    assert hub_io("list", "--json").values["cap"] == cap


def test_cap_that_is_none_stops_no_revoking(folder, monkeypatch):
    """What cannot be understood is an error, except where trust is taken away."""
    hub_io("trust", folder, "--yes")
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "sure")
    for arguments in (["inspect", folder], ["trust", folder, "--yes"], ["list"]):
        ran = hub_io(*arguments)
        assert (ran.exit_code, "got 'sure'" in ran.err) == (1, True), arguments
    assert hub_io("revoke", folder).exit_code == 0


def test_revoked_code_does_not_run(folder):
    """It is refused as if nobody had ever read it."""
    hub_io("trust", folder, "--yes")
    AutoConfig.from_pretrained(folder)
    assert hub_io("revoke", folder).out == f"Revoked {folder}, in {folder.parent / 'settings/hub-io/trust.json'}\n"
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry in the trust store"):
        AutoConfig.from_pretrained(folder)


def test_revoke_takes_a_source_or_the_beginning_of_a_digest(folder, monkeypatch):
    """A folder may be named in any way, and of a digest twelve digits are enough."""
    monkeypatch.chdir(folder.parent)
    for name in ("saved", "./saved/", folder):
        hub_io("trust", folder, "--yes")
        assert (hub_io("revoke", name).exit_code, entries()) == (0, [])
    hub_io("trust", folder, "--yes")
    digest = entries()[0]["digest"]
    assert hub_io("revoke", digest[:11]).exit_code == 3
    assert hub_io("revoke", f"sha256:{digest[:12]}").exit_code == 0
    assert entries() == []


def test_revoke_takes_every_file_unless_one_is_named(folder):
    """No copy of an entry is forgotten."""
    hub_io("trust", folder, "--yes", "--user")
    hub_io("trust", folder, "--yes", "--project")
    assert len(hub_io("revoke", folder, "--project", "--json").values["removed"]) == 1
    hub_io("trust", folder, "--yes", "--project")
    assert len(hub_io("revoke", folder, "--json").values["removed"]) == 2


def test_revoke_that_leaves_the_same_code_trusted_fails_and_names_the_other_entry(folder, tmp_path):
    """Revoking is about code: another source with the same files still lets it run."""
    copy = write(tmp_path / "copy", files())
    hub_io("trust", folder, "--yes")
    hub_io("trust", copy, "--yes")
    ran = hub_io("revoke", folder)
    assert (ran.exit_code, f"Still trusted: the same code, as {copy}, in " in ran.out) == (1, True)
    ran = hub_io("revoke", copy, "--json")
    assert (ran.exit_code, len(ran.values["removed"]), ran.values["still_trusted_by"]) == (0, 1, [])


@pytest.mark.parametrize("in_user_file", [True, False])
def test_revoke_in_one_file_says_that_another_file_still_trusts_the_code(folder, places, in_user_file):
    """Whether or not the chosen file had an entry."""
    hub_io("trust", folder, "--yes", "--project")
    if in_user_file:
        hub_io("trust", folder, "--yes", "--user")
    ran = hub_io("revoke", folder, "--user", "--json")
    assert (ran.exit_code, len(ran.values["removed"])) == (1, int(in_user_file))
    assert [left["file"] for left in ran.values["still_trusted_by"]] == [str(places / "hub-code.lock")]


def test_revoke_all_empties_every_file_in_use(folder, tmp_path):
    """Afterwards nothing is trusted, which is no error."""
    hub_io("trust", folder, "--yes", "--user")
    hub_io("trust", write(tmp_path / "other", files({"modeling_tiny.py": MODELING + "a = 1\n"})), "--yes", "--project")
    ran = hub_io("revoke", "--all", "--json")
    assert (ran.exit_code, len(ran.values["removed"]), entries()) == (0, 2, [])
    assert hub_io("revoke", "--all").out == "There are no entries. `hub-io list` shows all entries.\n"


@pytest.mark.usefixtures("places")
def test_revoke_all_writes_a_file_once_however_many_entries_it_has(folder, tmp_path, monkeypatch):
    """One write for each of some ten thousand entries would take hours."""
    hub_io("trust", folder, "--yes", "--user")
    (entry,) = entries()
    many = [{**{key: entry[key] for key in entry if key != "file"}, "source": f"/x/{n}"} for n in range(20_000)]
    store = tmp_path / "many.json"
    store.write_text(json.dumps({"version": 1, "trusted": many}), encoding="utf-8")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    assert len(hub_io("revoke", "--all", "--json").values["removed"]) == 20_000
    assert entries() == []


@pytest.mark.parametrize("arguments", [(), ("me/tiny", "--all")])
@pytest.mark.usefixtures("places")
def test_revoke_of_nothing_or_of_two_things_is_an_error(arguments):
    """Nobody revokes everything by leaving a name out."""
    assert hub_io("revoke", *arguments).exit_code == 2


def test_project_file_serves_wherever_the_project_is_checked_out(tmp_path, places, monkeypatch):
    """It holds the folder relative to itself; a file of the user holds the full path."""
    folder = write(places / "models" / "tiny", files())
    monkeypatch.chdir(places)
    hub_io("trust", "models/tiny", "--yes", "--project")
    hub_io("trust", "models/tiny", "--yes", "--user")
    assert '"source": "./models/tiny"' in (places / "hub-code.lock").read_text(encoding="utf-8")
    assert [entry["source"] for entry in entries()] == [str(folder)] * 2
    elsewhere = tmp_path / "elsewhere"
    places.rename(elsewhere)
    monkeypatch.chdir(elsewhere)
    assert AutoModel.from_pretrained("models/tiny").weights == [1.0, 2.0]
    assert hub_io("revoke", "models/tiny", "--project", "--json").values["removed"][0]["source"] == str(
        elsewhere / "models" / "tiny"
    )


def test_project_file_names_a_folder_beside_the_project(tmp_path, places, monkeypatch):
    """Its path leads upwards, and a file that is reached through a link is relative to where it lies."""
    folder = write(tmp_path / "models", files())
    hub_io("trust", folder, "--yes", "--project")
    assert '"source": "../models"' in (places / "hub-code.lock").read_text(encoding="utf-8")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "hub-code.lock").symlink_to(places / "hub-code.lock")
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert [entry["source"] for entry in entries()] == [str(folder)]
    hub_io("trust", folder, "--yes", "--note", "again")
    assert '"source": "../models"' in (places / "hub-code.lock").read_text(encoding="utf-8")


def test_trusting_again_keeps_who_trusted_the_code_when_and_why(folder):
    """The latest is the entry, and `list` shows the earlier ones under it."""
    for name in ("Ada", "Grace", "Mary"):
        hub_io("trust", folder, "--yes", "--by", name, "--note", f"ticket of {name}")
    (entry,) = entries()
    assert (entry["by"], [earlier["by"] for earlier in entry["history"]]) == ("Mary", ["Grace", "Ada"])
    assert entry["history"][1].keys() == {"trusted_at", "by", "commit", "note"}
    lines = hub_io("list").out.splitlines()
    assert [line.partition("by ")[2] for line in lines if "by " in line] == [
        f"{name}  ticket of {name}" for name in ("Mary", "Grace", "Ada")
    ]


@pytest.mark.parametrize("trusted_at", [None, "2099-01-01T00:00:00Z", "2099-01-01T00:00:00.5Z"])
def test_code_that_was_trusted_last_is_what_loads_open(hub, places, trusted_at):
    """Also if several were trusted within a second, or the clock was set back since."""
    lock = places / "hub-code.lock"
    for number in range(6):
        commit = hub.create_repo("me/tiny", files()) if not number else hub.commit("me/tiny", {
            "modeling_tiny.py": f"{MODELING}NUMBER = {number}\n"
        })  # fmt: skip
        assert hub_io("trust", "me/tiny", "--project", "--yes").exit_code == 0
        if trusted_at and not number:
            values = json.loads(lock.read_text(encoding="utf-8"))
            values["trusted"][0]["trusted_at"] = trusted_at
            lock.write_text(json.dumps(values), encoding="utf-8")
        assert HUB_SERVICE.open("me/tiny").commit == commit
        assert hub_io("check", "me/tiny").out.startswith(f"me/tiny at commit {commit}\n")


def test_entry_of_the_last_year_that_there_is_keeps_its_time(folder, places):
    """Nothing is later; the next entry has the time of the clock."""
    lock = places / "hub-code.lock"
    hub_io("trust", folder, "--project", "--yes")
    lock.write_text(re.sub(r'"20[^"]*Z"', '"9999-12-31T23:59:59Z"', lock.read_text(encoding="utf-8")), encoding="utf-8")
    write(folder, {"modeling_tiny.py": f"{MODELING}changed = 1\n"})
    assert hub_io("trust", folder, "--project", "--yes").exit_code == 0
    assert sorted(entry["trusted_at"][:2] for entry in entries()) == ["20", "99"]


def test_entry_names_the_user_who_trusts(folder):
    """Unless it says who has read the code."""
    hub_io("trust", folder, "--yes")
    assert entries()[0]["by"] == getpass.getuser()


@pytest.mark.usefixtures("places")
def test_commit_that_comes_from_a_trust_file_is_named_as_such(hub):
    """Nobody who passes no revision is told only of a commit that they never named."""
    hub.create_repo("me/tiny", files())
    trust(Path("hub-code.lock").absolute(), files(), source="me/tiny", commit="f" * 40)
    told = f"The commit {'f' * 40} is from {Path('hub-code.lock').absolute()}"
    with pytest.raises(FileNotFoundError, match=told):
        AutoConfig.from_pretrained("me/tiny")
    with pytest.raises(FileNotFoundError, match=told):
        load_into_registry("me/tiny")
    assert told in hub_io("check", "me/tiny").out
    with pytest.raises(FileNotFoundError) as caught:
        AutoConfig.from_pretrained("me/tiny", revision="f" * 40)
    assert "hub-code.lock" not in str(caught.value)


def test_revoke_of_what_nobody_trusts_says_so(folder):
    """Exit code 3, so that a script does not go on in good faith."""
    hub_io("trust", folder, "--yes")
    ran = hub_io("revoke", "me/other")
    assert (ran.exit_code, "There is no entry for me/other" in ran.out) == (3, True)
    assert len(entries()) == 1


def test_malformed_store_is_named_and_left_alone(folder, tmp_path, monkeypatch):
    """Nothing is trusted by it, and nothing is written to it."""
    store = tmp_path / "store.json"
    store.write_text("{", encoding="utf-8")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    for arguments in (["list"], ["trust", folder, "--yes"], ["revoke", folder], ["verify"], ["diff", folder]):
        ran = hub_io(*arguments)
        assert (ran.exit_code, str(store) in ran.err) == (3, True), arguments
    assert store.read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize("verb", ["trust", "revoke"])
def test_store_that_cannot_be_written_is_named(folder, tmp_path, monkeypatch, verb):
    """Here a folder stands in its place."""
    (tmp_path / "store.json").mkdir()
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    ran = hub_io(verb, folder, *(["--yes"] if verb == "trust" else []))
    assert (ran.exit_code, str(tmp_path / "store.json") in ran.err) == (3, True)


@pytest.mark.skipif(os.name != "posix", reason="such names cannot be elsewhere")
@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"\xff")], ids=["two lines", "no UTF-8"])
def test_folder_that_no_entry_can_name_is_an_error(tmp_path, name):
    """It says which file could not take the entry, and why; nothing is written."""
    folder = write(tmp_path / name, files())
    ran = hub_io("trust", folder, "--user", "--yes")
    assert (ran.exit_code, "trust.json" in ran.err, "'source' must be" in ran.err) == (3, True, True)
    assert not (tmp_path / "settings" / "hub-io" / "trust.json").exists()
