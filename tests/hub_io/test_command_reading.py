"""`hub-io inspect`, `diff` and `verify`: reading code before it may run, and afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub_io_command import hub_io
from tiny_checkpoints import CONFIGURATION, MODELING, config_json, files, write

pytestmark = pytest.mark.usefixtures("places")

RISKY = """
import ctypes, pickle, socket, subprocess

subprocess.run(["true"])


def later(data):
    eval("1")
    ctypes.CDLL(None), socket.socket()
    return pickle.loads(data)
"""


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "saved", files(marker=tmp_path / "marker"))


def test_inspect_lists_files_with_digests_classes_and_imports(folder):
    """What a reader needs to find the code and to know it again."""
    ran = hub_io("inspect", folder)
    assert ran.exit_code == 0
    for text in ("configuration_tiny.py", "modeling_tiny.py", "sha256:", "AutoModel", "modeling_tiny.TinyModel"):
        assert text in ran.out
    assert "config_core" in ran.out
    assert "not trusted: nobody has said that it is trusted" in ran.out


def test_inspect_runs_nothing(folder, tmp_path):
    """Neither the text nor the JSON comes from executing the code."""
    hub_io("inspect", folder)
    hub_io("inspect", folder, "--json", "--source-code")
    assert not (tmp_path / "marker").exists()


def test_inspect_gives_machines_the_same(folder):
    """One JSON object, with the digest that `trust --digest` takes."""
    values = hub_io("inspect", folder, "--json").values
    (code,) = values["code"]
    assert values["ok"] is True
    assert [file["name"] for file in code["files"]] == ["configuration_tiny.py", "modeling_tiny.py"]
    assert code["classes"]["AutoConfig"] == "configuration_tiny.TinyConfig"
    assert code["trusted"] is False
    assert len(code["digest"]) == 64


def test_inspect_notes_calls_that_deserve_a_look(tmp_path):
    """With file and line, and whether they run on import; and it says that this is no verdict."""
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": RISKY + MODELING}))
    ran = hub_io("inspect", folder)
    assert "modeling_tiny.py:4  starts programs: subprocess.run (on import)" in ran.out
    assert "modeling_tiny.py:8  runs text as code: eval (when called)" in ran.out
    for kind in ("runs native code", "talks to the network", "unpickles"):
        assert kind in hub_io("inspect", folder, "--json").out
    assert "an aid to reading and no verdict" in ran.out


def test_inspect_shows_declared_requirements_and_what_is_not_installed(tmp_path):
    """Before anything is trusted, a reader sees what it needs."""
    folder = write(
        tmp_path / "saved",
        files(
            {"hub-code.toml": 'requires = ["absent-thing>=2"]', "modeling_tiny.py": f"import absent_thing\n{MODELING}"}
        ),
    )
    out = hub_io("inspect", folder).out
    assert "absent-thing>=2" in out
    assert "absent_thing  not installed" in out


def test_control_characters_of_strangers_reach_no_terminal(tmp_path):
    """Escape sequences and characters that change the direction of text are shown as escapes, and noted."""
    evil = "# \x1b[2J\x1b]0;title\x07 \u202e reversed\n"
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": evil + CONFIGURATION}))
    ran = hub_io("inspect", folder, "--source-code")
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
    assert "\\x1b[2J" in ran.out
    assert "the character U+202E" in ran.out


def test_inspect_of_a_repository_names_the_commit(hub):
    """It is what is there now that is read, at one commit."""
    commit = hub.create_repo("me/tiny", files())
    assert hub_io("inspect", "me/tiny", "--json").values["commit"] == commit


def test_inspect_shows_code_of_another_repository_by_itself(hub):
    """It has its own commit and digest, since it gets its own entry."""
    other = hub.create_repo("other/code", files())
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    hub.create_repo("me/tiny", files({"config.json": config_json(auto_map)}))
    codes = hub_io("inspect", "me/tiny", "--json").values["code"]
    assert {code["source"] for code in codes} == {"me/tiny", "other/code"}
    assert other in {code["commit"] for code in codes}


def test_checkpoint_without_code_says_so(tmp_path):
    """There is nothing to read then."""
    folder = write(tmp_path / "saved", {"config.json": '{"model_type": "tiny"}'})
    ran = hub_io("inspect", folder)
    assert (ran.exit_code, "ships no code" in ran.out) == (0, True)
    assert hub_io("diff", folder).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["inspect", "absent/repo"], 3, "absent/repo"),
        (["inspect", "./nowhere/at/all"], 3, "nowhere"),
        (["inspect"], 2, "Missing argument"),
        (["inspekt", "x"], 2, "No such command"),
        (["inspect", "x", "--colour"], 2, "No such option"),
        (["diff", "absent/repo"], 3, "absent/repo"),
    ],
)
def test_what_cannot_be_done_says_why(hub, arguments, exit_code, told):  # noqa: ARG001 - an empty Hub
    """Exit codes tell a wrong command from a thing that is not there."""
    ran = hub_io(*arguments)
    assert ran.exit_code == exit_code
    assert told in ran.err
    assert ran.out == ""


def test_malformed_code_is_an_answer(tmp_path):
    """A reference or a file that no load would take ends with 1, in JSON too."""
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": "def ("}))
    ran = hub_io("inspect", folder, "--json")
    assert ran.exit_code == 1
    assert ran.values["error"]["type"] == "SourceCodeError"
    assert "configuration_tiny.py, line 1" in ran.values["error"]["message"]


def test_revision_of_a_folder_is_refused(folder):
    """Folders have none."""
    ran = hub_io("inspect", folder, "--revision", "main")
    assert (ran.exit_code, "has no revisions" in ran.err) == (2, True)


def test_diff_shows_the_lines_that_changed_since_the_review(hub):
    """As a unified diff against the text that was trusted, which is kept on this machine."""
    hub.create_repo("me/tiny", files())
    assert hub_io("trust", "me/tiny", "--yes").exit_code == 0
    hub.commit("me/tiny", {"modeling_tiny.py": MODELING + "EXTRA = 1\n", "more.py": "unused"})
    ran = hub_io("diff", "me/tiny")
    assert ran.exit_code == 1
    assert "+EXTRA = 1" in ran.out
    assert "reviewed/modeling_tiny.py" in ran.out
    values = hub_io("diff", "me/tiny", "--json").values["code"][0]
    assert (values["changed"], values["added"], values["removed"]) == (["modeling_tiny.py"], [], [])


def test_diff_of_the_same_code_is_none(folder):
    """Exit code 0 says that what was reviewed is what is there."""
    hub_io("trust", folder, "--yes")
    ran = hub_io("diff", folder)
    assert (ran.exit_code, "the same code" in ran.out) == (0, True)


def test_diff_without_a_review_says_so(folder):
    """Nothing can be compared then."""
    ran = hub_io("diff", folder)
    assert (ran.exit_code, "nothing of it was reviewed" in ran.out) == (3, True)


def test_diff_takes_the_text_from_the_hub_where_this_machine_has_none(hub, tmp_path, monkeypatch):
    """A colleague who has only the lock file sees the same diff."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes", "--project")
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "another machine"))
    hub.commit("me/tiny", {"modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    assert "+EXTRA = 1" in hub_io("diff", "me/tiny").out


def test_verify_finds_what_was_trusted(hub, folder):
    """On the Hub, in the cache, in the folder and in the code store."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    hub_io("trust", folder, "--yes")
    ran = hub_io("verify", "--json")
    found = {(finding["place"], finding["state"]) for entry in ran.values["entries"] for finding in entry["findings"]}
    assert ran.exit_code == 0
    assert found == {(place, "same") for place in ("Hub", "cache", "folder", "code store")}


def test_verify_names_the_file_that_changed(folder):
    """Exit code 1: it would not run any more."""
    hub_io("trust", folder, "--yes")
    (folder / "modeling_tiny.py").write_text("changed = 1", encoding="utf-8")
    (folder / "configuration_tiny.py").unlink()
    ran = hub_io("verify")
    assert ran.exit_code == 1
    assert "changed: modeling_tiny.py" in ran.out
    assert "missing: configuration_tiny.py" in ran.out


def test_verify_offline_asks_no_hub(hub):
    """What was downloaded is compared all the same."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    hub.clear_requests()
    assert hub_io("verify", "--offline").exit_code == 0
    assert hub.requests == []


def test_verify_of_a_hub_that_does_not_answer(hub):
    """Exit code 3: nothing differs, and not everything could be looked at."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    hub.reset()
    ran = hub_io("verify")
    assert (ran.exit_code, "unreachable" in ran.out) == (3, True)


def test_cap_of_an_administrator_is_shown(folder, monkeypatch):
    """`inspect` says why nothing would run."""
    hub_io("trust", folder, "--yes")
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    assert "not trusted: remote code is switched off here" in hub_io("inspect", folder).out


def test_help_teaches_each_verb():
    """What it does, with examples, and the exit codes once."""
    told = hub_io("--help").out
    assert "Exit codes: 0" in told
    for verb in ("inspect", "trust", "diff", "verify", "list", "revoke", "download", "push"):
        assert f"  {verb}" in told
        assert "Examples:" in hub_io(verb, "--help").out


def test_program_is_installed_and_is_a_module_too(tmp_path):
    """`hub-io` and `python -m hub_io` are the same program, and a closed pipe is no traceback."""
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": MODELING + "# more\n" * 20_000}))
    program = [sys.executable, "-P", "-m", "hub_io", "inspect", str(folder), "--source-code"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        process.wait(timeout=60)
    assert b"Traceback" not in told
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="hub-io")
    assert script.value == "hub_io.command.program:main"


def test_import_of_the_package_brings_no_command_line():
    """Only the program needs it."""
    told = "import sys, hub_io; print('click' in sys.modules, 'hub_io.command' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"
