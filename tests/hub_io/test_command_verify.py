"""`hub-io verify`: is everything still what was trusted, in every place that holds it?"""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from hub_io_command import hub_io
from tiny_checkpoints import CONFIGURATION, MODELING, files, trust, write

pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """A folder whose code was trusted."""
    folder = write(tmp_path / "saved", files())
    assert hub_io("trust", folder, "--yes").exit_code == 0
    return folder


@pytest.fixture
def repository(hub, places):  # noqa: ARG001
    """A repository whose code was trusted."""
    hub.create_repo("me/tiny", files())
    assert hub_io("trust", "me/tiny", "--yes").exit_code == 0
    return "me/tiny"


def findings(*arguments):
    """Return what was found of one entry, by place."""
    (entry,) = hub_io("verify", *arguments, "--json").values["entries"]
    return {finding["place"]: finding for finding in entry["findings"]}


def states(*arguments):
    """Return the state of each place."""
    return {place: finding["state"] for place, finding in findings(*arguments).items()}


@pytest.mark.usefixtures("repository", "folder")
def test_what_was_trusted_is_found():
    """On the Hub, in the cache, in the folder and in the code store."""
    ran = hub_io("verify", "--json")
    found = {(finding["place"], finding["state"]) for entry in ran.values["entries"] for finding in entry["findings"]}
    assert ran.exit_code == 0
    assert found == {(place, "same") for place in ("Hub", "cache", "folder", "code store")}


def test_nothing_is_trusted():
    """Then there is nothing to verify, and nothing is wrong."""
    ran = hub_io("verify")
    assert (ran.exit_code, "No code is trusted" in ran.out) == (0, True)


def test_files_that_changed_are_named(folder):
    """Exit code 1: they would not run any more."""
    (folder / "modeling_tiny.py").write_text("changed = 1", encoding="utf-8")
    (folder / "configuration_tiny.py").unlink()
    ran = hub_io("verify")
    assert ran.exit_code == 1
    assert "changed: modeling_tiny.py" in ran.out
    assert "missing: configuration_tiny.py" in ran.out
    found = findings()["folder"]
    assert (found["changed"], found["missing"]) == (["modeling_tiny.py"], ["configuration_tiny.py"])


def test_file_that_a_load_would_take_as_well_is_named(folder):
    """A package takes the place of the module beside it, though what was trusted is all there."""
    write(folder, {"configuration_tiny/__init__.py": CONFIGURATION})
    ran = hub_io("verify")
    assert (ran.exit_code, "configuration_tiny/__init__.py" in ran.out) == (1, True)
    assert states()["folder"] == "differs"


def test_folder_whose_code_lies_in_a_subfolder_is_the_same(tmp_path):
    """The config says where its code is looked for."""
    folder = write(tmp_path / "saved", {f"small/{name}": text for name, text in files().items()})
    assert hub_io("trust", folder, "--subfolder", "small", "--yes").exit_code == 0
    assert states()["folder"] == "same"
    write(folder, {"small/configuration_tiny/__init__.py": CONFIGURATION})
    assert states()["folder"] == "differs"


@pytest.mark.parametrize("name", ["modeling_tiny.py", "configuration_tiny.py"])
def test_link_that_leaves_the_folder_is_a_change(folder, tmp_path, name):
    """Even to the same content: no load would read it, and the other entries are verified all the same."""
    outside = write(tmp_path / "outside", files()) / name
    (folder / name).unlink()
    (folder / name).symlink_to(outside)
    trust(tmp_path / "settings" / "hub-io" / "trust.json", files(), source=str(tmp_path / "outside"))
    ran = hub_io("verify", "--json")
    found = {Path(entry["source"]).name: entry["findings"][0] for entry in ran.values["entries"]}
    assert (ran.exit_code, found["saved"]["changed"]) == (1, [name])
    assert found["outside"]["state"] == "same"


def test_folder_that_is_gone_runs_nothing(folder):
    """Exit code 0: what is not there does not differ."""
    folder.rename(folder.with_name("moved"))
    ran = hub_io("verify")
    assert (ran.exit_code, "the folder no longer exists" in ran.out) == (0, True)


def test_entry_about_a_path_that_cannot_be_stops_no_other(folder, tmp_path):  # noqa: ARG001
    """A file of entries may come from another system."""
    store = tmp_path / "settings" / "hub-io" / "trust.json"
    for source in ("C:\\Users\\ada\\model", f"/{'long' * 2000}"):
        trust(store, files(), source=source)
    ran = hub_io("verify", "--json")
    assert ran.exit_code == 0
    assert [entry["findings"][0]["state"] for entry in ran.values["entries"]].count("absent") == 2


def test_copy_of_the_code_in_another_folder_does_not_hide_a_change(folder):
    """The folder that has most of the files right is the one that is named."""
    write(folder / "old", {"configuration_tiny.py": CONFIGURATION})
    write(folder, {"modeling_tiny.py": MODELING + "\n"})
    assert findings()["folder"]["changed"] == ["modeling_tiny.py"]


def test_code_in_a_subfolder_is_found(hub):
    """An entry does not say in which folder its files lie."""
    hub.create_repo("me/tiny", {f"some/where/{name}": text for name, text in files().items()})
    hub_io("trust", "me/tiny", "--subfolder", "some/where", "--yes")
    assert set(states().values()) == {"same"}


def test_offline_asks_no_hub(hub, repository):  # noqa: ARG001
    """What was downloaded is compared all the same."""
    hub.clear_requests()
    assert states("--offline") == {"cache": "same", "code store": "same"}
    assert hub.requests == []


def test_hub_that_does_not_answer_is_not_taken_for_a_change(hub, repository):  # noqa: ARG001
    """Exit code 3: nothing differs, and not everything could be looked at."""
    hub.reset()
    ran = hub_io("verify")
    assert (ran.exit_code, "unreachable" in ran.out) == (3, True)
    assert states()["cache"] == "same"


def test_hub_that_gives_something_else_at_the_commit_differs(hub, repository, places):  # noqa: ARG001
    """The Hub is asked anew, whatever the cache holds."""
    commit = hub.commit("me/tiny", {"modeling_tiny.py": "swapped = 1"})
    trust(places / "hub-code.lock", files(), source="me/tiny", commit=commit)
    ran = hub_io("verify", "--json")
    found = {entry["commit"]: entry["findings"] for entry in ran.values["entries"]}[commit]
    hub_finding = next(finding for finding in found if finding["place"] == "Hub")
    assert (ran.exit_code, hub_finding["changed"]) == (1, ["modeling_tiny.py"])


def test_cache_that_was_tampered_with_differs(hub):
    """Somebody has written into a snapshot after it was downloaded."""
    hub.create_repo("me/poisoned", files({"modeling_tiny.py": MODELING + "# to be poisoned\n"}))
    hub_io("trust", "me/poisoned", "--yes")
    snapshot = Path(snapshot_download("me/poisoned"))
    (snapshot / "modeling_tiny.py").write_text("poisoned = 1", encoding="utf-8")
    ran = hub_io("verify")
    assert (ran.exit_code, "  cache       differs\n              changed: modeling_tiny.py\n" in ran.out) == (1, True)
    assert states()["Hub"] == "same"


@pytest.mark.usefixtures("folder")
def test_code_store_that_was_tampered_with_differs(tmp_path):
    """It would not be read from either."""
    (kept,) = (tmp_path / "cache" / "code").rglob("modeling_tiny.py")
    kept.write_text("poisoned = 1", encoding="utf-8")
    assert hub_io("verify").exit_code == 1
    assert states() == {"folder": "same", "code store": "differs"}


@pytest.mark.usefixtures("repository")
def test_machine_that_has_only_the_entry_can_verify(tmp_path, monkeypatch):
    """The code store holds nothing then, which is no difference."""
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "another machine"))
    assert hub_io("verify").exit_code == 0
    assert states() == {"cache": "same", "Hub": "same", "code store": "absent"}
