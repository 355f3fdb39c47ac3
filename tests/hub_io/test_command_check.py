"""`hub-io check`: what CI asks before it lets a change through."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from auto_registry import AutoConfig
from hub_io import RemoteCodeRefusedError
from hub_io_command import PROGRAM, hub_io, hub_io_process
from tiny_checkpoints import MODELING, config_json, files, trust, write

EXAMPLE = Path(__file__).parent / "ci_example"


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files())


@pytest.mark.usefixtures("places")
def test_trusted_code_passes_at_the_commit_in_the_store_although_the_branch_has_moved(hub):
    """A load without a revision opens that commit, too."""
    commit = hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    hub.commit("me/tiny", {"modeling_tiny.py": f"{MODELING}changed = 1\n"})
    ran = hub_io("check", "me/tiny", "--json")
    (checked,) = ran.values["checked"]
    assert (ran.exit_code, ran.values["ok"], checked["ok"], checked["commit"]) == (0, True, True, commit)
    assert [(code["source"], code["trusted"]) for code in checked["code"]] == [("me/tiny", True)]


@pytest.mark.usefixtures("places")
def test_revision_with_other_code_fails_and_says_what_changed_and_which_commands_review_it(hub):
    """The commands can be run as they stand, and the check passes after them."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    commit = hub.commit("me/tiny", {"modeling_tiny.py": f"{MODELING}changed = 1\n"})
    ran = hub_io("check", "me/tiny@main")
    assert (ran.exit_code, "    changed: modeling_tiny.py\n" in ran.out) == (1, True)
    commands = [line.removeprefix("    $ hub-io ") for line in ran.out.splitlines() if line.startswith("    $ ")]
    assert commands == [f"diff me/tiny --revision {commit}", f"trust me/tiny --revision {commit}"]
    assert hub_io(*commands[0].split()).exit_code == 1
    assert hub_io(*commands[1].split(), "--yes").exit_code == 0
    assert hub_io("check", "me/tiny@main").exit_code == 0


def test_code_without_an_entry_fails_with_the_command_that_shows_it(folder):
    """A folder is treated like a repository."""
    ran = hub_io("check", folder, "--json")
    (code,) = ran.values["checked"][0]["code"]
    assert (ran.exit_code, code["trusted"], code["because"]) == (1, False, "it has no entry in the trust store")
    assert code["commands"] == [f"hub-io inspect {folder}", f"hub-io trust {folder}"]


def test_checkpoint_without_code_passes(folder):
    """Nothing of it would run."""
    write(folder, {"config.json": config_json({})})
    ran = hub_io("check", folder)
    assert (ran.exit_code, ran.out) == (0, f"{folder}\n  no code\n")


def test_every_source_is_checked_and_code_that_is_not_trusted_outweighs_a_missing_source(folder, tmp_path):
    """Exit code 1, and 3 only if everything else passes."""
    absent = tmp_path / "absent"
    other = write(tmp_path / "other", files({"config.json": config_json({})}))
    ran = hub_io("check", absent, folder, other, "--json")
    assert [checked["ok"] for checked in ran.values["checked"]] == [False, False, True]
    assert ran.exit_code == 1
    ran = hub_io("check", absent, other)
    assert (ran.exit_code, "does not exist" in ran.out) == (3, True)


@pytest.mark.usefixtures("places")
def test_code_of_another_repository_is_checked_too(hub):
    """It has its own entry, and its own revision in the command."""
    code = hub.create_repo("other/code", files())
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig"}
    commit = hub.create_repo("me/tiny", {"config.json": config_json(auto_map)})
    ran = hub_io("check", "me/tiny", "--json")
    assert ran.exit_code == 1
    trusting = ran.values["checked"][0]["code"][0]["commands"][1]
    assert trusting == f"hub-io trust me/tiny --revision {commit} --code-revision {code}"
    hub_io(*trusting.split()[1:], "--yes")
    assert hub_io("check", "me/tiny").exit_code == 0


TOKENIZER = {
    "tokenization_tiny.py": "class TinyTokenizer:\n    pass\n",
    "tokenizer_config.json": json.dumps({"auto_map": {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]}}),
}


def test_code_that_only_transformers_loads_is_checked_for_those_who_load_it_there(folder):
    """`load_into_transformers` runs the code of tokenizers as well as that of config and models."""
    write(folder, TOKENIZER)
    hub_io("trust", folder, "--yes")
    assert hub_io("check", folder).exit_code == 0
    ran = hub_io("check", folder, "--for-transformers")
    assert (ran.exit_code, ran.out.count("  trusted"), ran.out.count("not trusted")) == (1, 1, 1)
    assert f"not trusted {folder} (tokenizers and processors): it has no entry in the trust store" in ran.out
    commands = [line.removeprefix("    $ hub-io ") for line in ran.out.splitlines() if line.startswith("    $ ")]
    assert commands == [f"{verb} {folder} --for-transformers" for verb in ("inspect", "trust")]
    assert hub_io(*commands[1].split(), "--yes").exit_code == 0
    ran = hub_io("check", folder, "--for-transformers", "--json")
    assert ran.exit_code == 0
    assert [code["for_transformers"] for code in ran.values["checked"][0]["code"]] == [False, True]


def test_tokenizer_alone_is_checked_too(folder):
    """Its model may be one of transformers' own."""
    write(folder, {"config.json": config_json({}), **TOKENIZER})
    assert (hub_io("check", folder).exit_code, hub_io("check", folder, "--for-transformers").exit_code) == (0, 1)
    hub_io("trust", folder, "--for-transformers", "--yes")
    assert hub_io("check", folder, "--for-transformers").exit_code == 0
    write(folder, {"tokenizer_config.json": "{"})
    assert (hub_io("check", folder).exit_code, hub_io("check", folder, "--for-transformers").exit_code) == (0, 1)


def test_requirements_file_names_one_source_on_each_line(folder, tmp_path):
    """Comments and empty lines are skipped, and a source that is named twice is checked once."""
    requirements = tmp_path / "models.txt"
    requirements.write_text(f"# models\n\n{folder}  # read by Ada\r\n{folder}\n", encoding="utf-8-sig")
    ran = hub_io("check", "--requirements", requirements, folder, "--json")
    assert [checked["name"] for checked in ran.values["checked"]] == [str(folder)]


def test_comment_of_a_requirements_file_begins_after_a_space(folder, tmp_path):
    """A folder may have the sign in its name: the one without what follows is another one, and may be trusted."""
    hub_io("trust", folder, "--yes")
    other = write(folder.with_name(f"{folder.name}#2"), files({"modeling_tiny.py": f"{MODELING}changed = 1\n"}))
    requirements = tmp_path / "models.txt"
    requirements.write_text(f"#{folder}\n{other}\n", encoding="utf-8")
    ran = hub_io("check", "--requirements", requirements, "--json")
    assert (ran.exit_code, [checked["name"] for checked in ran.values["checked"]]) == (1, [str(other)])


@pytest.mark.parametrize(
    ("content", "told"), [(b"# nothing\n", "There is nothing to check"), (b"\xff\xfe", "is not UTF-8")]
)
@pytest.mark.usefixtures("places")
def test_requirements_file_that_names_nothing_is_an_error(tmp_path, content, told):
    """A check of nothing must not pass in CI."""
    (tmp_path / "models.txt").write_bytes(content)
    ran = hub_io("check", "--requirements", tmp_path / "models.txt")
    assert (ran.exit_code, told in ran.err) == (2, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_requirements_come_through_a_pipe_too(folder, tmp_path):
    """A pipe has no size that could be asked for, so it is read to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(f"{folder}\n",))
    writer.start()
    ran = hub_io("check", "--requirements", pipe, "--json")
    writer.join()
    assert [checked["name"] for checked in ran.values["checked"]] == [str(folder)]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs an endless file")
@pytest.mark.usefixtures("places")
def test_requirements_file_without_an_end_is_an_error():
    """It is not read into memory."""
    ran = hub_io("check", "--requirements", "/dev/zero")
    assert (ran.exit_code, "larger than" in ran.err) == (2, True)


def test_folder_with_an_empty_revision_is_not_taken_for_the_folder(folder):
    """An empty variable of a script would otherwise check something else than what the script loads."""
    hub_io("trust", folder, "--yes")
    ran = hub_io("check", f"{folder}@")
    assert (ran.exit_code, "names no revision after the '@'" in ran.out) == (3, True)


@pytest.mark.usefixtures("places")
def test_check_of_nothing_is_an_error():
    """No names, or a file that does not exist."""
    assert hub_io("check").exit_code == 2
    assert hub_io("check", "--requirements", "none.txt").exit_code == 2


@pytest.mark.parametrize(
    "name", ["", "@", "@main", "me/tiny@", "me//tiny", "\x1b[2J", "a\nb", "~/none", "me/tiny@../../x"]
)
@pytest.mark.usefixtures("places", "hub")
def test_malformed_name_fails_without_a_traceback(name):
    """Whatever somebody puts into the requirements file."""
    ran = hub_io("check", name)
    assert ran.exit_code in {1, 3}
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    "changed",
    [
        {"config.json": "{"},
        {"config.json": config_json({"AutoModel": "../x.Model"})},
        {"config.json": config_json({"AutoModel": 3})},
        {"modeling_tiny.py": "def ("},
        {"modeling_tiny.py": None},
    ],
    ids=["no JSON", "escaping", "number", "no Python", "missing"],
)
def test_malformed_checkpoint_fails(tmp_path, places, changed):  # noqa: ARG001
    """It would not run either."""
    assert hub_io("check", write(tmp_path / "saved", files(changed))).exit_code in {1, 3}


def test_folder_whose_name_has_an_at_sign_is_a_folder(tmp_path, places):
    """An existing path is one, whatever is in its name."""
    folder = write(tmp_path / "tiny@v1", files())
    trust(places / "hub-code.lock", files(), source=str(folder.resolve()))
    assert hub_io("check", folder).exit_code == 0


def test_revision_of_a_folder_is_an_error(folder):
    """It would be taken for a check of that revision."""
    ran = hub_io("check", f"{folder}@main")
    assert (ran.exit_code, "Leave '@main' out" in ran.err) == (2, True)


@pytest.mark.usefixtures("places")
def test_malformed_trust_file_and_cap_fail_the_check(folder, tmp_path, monkeypatch):
    """Neither is taken for an empty one."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "sure")
    assert hub_io("check", folder).exit_code == 1
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    assert hub_io("check", folder, "--json").values["checked"][0]["code"][0]["commands"] == []
    monkeypatch.delenv("HUB_IO_REMOTE_CODE")
    (tmp_path / "store.json").write_text("{", encoding="utf-8")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    assert hub_io("check", folder).exit_code == 3


def test_check_runs_none_of_the_code(folder, tmp_path):
    """It is trusted, and still only read."""
    marker = tmp_path / "marker"
    write(folder, files(marker=marker))
    hub_io("trust", folder, "--yes")
    assert hub_io("check", folder).exit_code == 0
    assert not marker.exists()


def example(tmp_path):
    """Copy the example project, as CI checks it out."""
    content = {
        str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8")
        for path in EXAMPLE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    return write(tmp_path / "checkout", content)


@pytest.mark.usefixtures("places")
def test_example_project_passes_as_ci_runs_it_and_then_loads_under_locked(tmp_path, monkeypatch):
    """Its lock was committed with it, and trusts the folder wherever it is checked out."""
    project = example(tmp_path)
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    ran = hub_io_process("check", "--requirements", "models.txt", cwd=project)
    assert ran.exit_code == 0, ran.out + ran.err
    done = subprocess.run([sys.executable, "serve.py"], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout == "[1.0, 2.0]\n"


@pytest.mark.usefixtures("places")
def test_example_project_fails_once_somebody_has_changed_its_code(tmp_path):
    """The change is named before anything runs."""
    project = example(tmp_path)
    write(project, {"models/tiny/modeling_tiny.py": f"{MODELING}print('changed')\n"})
    done = subprocess.run(
        [*PROGRAM, "check", "--requirements", "models.txt"], cwd=project, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "changed: modeling_tiny.py" in done.stdout) == (1, True)


SHELL_NAMES = [
    "a b",
    "$(touch ran)",
    "`touch ran`",
    "; touch ran",
    "a' ; touch ran ; '",
    "--yes",
    "-h",
    "a&touch ran",
    "~root",
    "#a",
]


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell and its names")
@pytest.mark.parametrize("name", SHELL_NAMES)
def test_commands_can_be_pasted_into_a_shell(places, name):
    """Whatever the folder is called, which may come out of an archive: they name it, and nothing else happens."""
    write(places / name, files())
    given = f"./{name}" if name.startswith("~") else name  # a `~` in front is somebody's home, as in a shell
    with pytest.raises(RemoteCodeRefusedError) as refused:
        AutoConfig.from_pretrained(given)
    (line,) = re.findall(r"`hub-io (trust .*)`\)", str(refused.value))
    checked = hub_io("check", "--json", "--", given).values["checked"][0]
    (code,) = checked["code"]
    assert f"hub-io {line}" == code["commands"][1]
    program = shlex.join(PROGRAM)
    for command in code["commands"]:
        shell = f"{command.replace('hub-io', program, 1)}{' --yes' if command.startswith('hub-io trust') else ''}"
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert hub_io("check", "--", given).exit_code == 0
    assert os.listdir(places) == [name]  # noqa: PTH208 - the names
