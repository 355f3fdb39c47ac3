"""The program `hub-io`: exit codes, what reaches a terminal or a pipe, and what it brings along."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from hub_io import TrustFile
from hub_io_command import PROGRAM, hub_io, hub_io_at_terminal, hub_io_process
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json, files, write

at_terminals = pytest.mark.skipif(os.name == "nt", reason="there is no pty")
EVIL = "\x1b[2J\x1b]0;title\x07\x9b1m\u202e"
VERBS_OF_A_FOLDER = ("inspect", "diff", "trust")


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files())


@pytest.fixture
def evil(tmp_path, places):  # noqa: ARG001
    """A checkpoint that would like to command a terminal, wherever it has a word."""
    return write(
        tmp_path / "saved",
        files({
            "config.json": config_json({**AUTO_MAP, f"Other{EVIL}": f"other.{EVIL}"}),
            "configuration_tiny.py": f"# {EVIL}\nNAMES = __file__, 'tables/one.txt'\n{CONFIGURATION}",
            "requirements.txt": f"x{EVIL}\nx==1; '{EVIL}' == os_name\nx==={EVIL}\n",
            "tables/one.txt": f"{EVIL}\r{EVIL}",
        }),
    )  # fmt: skip


@pytest.mark.usefixtures("hub", "places")
@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["inspect", "absent/repo"], 3, "absent/repo"),
        (["inspect", "./nowhere/at/all"], 3, "nowhere"),
        (["trust", "absent/repo", "--yes"], 3, "absent/repo"),
        (["diff", "absent/repo"], 3, "absent/repo"),
        (["inspect", "no/name/of/one"], 3, "no/name/of/one"),
        (["download", "owner/name"], 2, "No such command"),
        (["push", ".", "owner/name"], 2, "No such command"),
        (["inspect"], 2, "Missing argument"),
        (["inspekt", "x"], 2, "No such command"),
        (["inspect", "x", "--colour"], 2, "No such option"),
        (["verify", "x"], 2, "unexpected extra argument"),
        (["inspect", "x", "--subfolder", "../y"], 1, "../y"),
    ],
)
def test_what_cannot_be_done_says_why(arguments, exit_code, told):
    """On stderr; exit codes tell a wrong command from a thing that is not there."""
    ran = hub_io(*arguments)
    assert ran.exit_code == exit_code
    assert told in ran.err
    assert ran.out == ""


@pytest.mark.usefixtures("hub", "places")
def test_machines_get_errors_as_an_object():
    """With the exit code, so that one object is all that they need to read."""
    ran = hub_io("inspect", "absent/repo", "--json")
    assert (ran.exit_code, ran.err, ran.values["ok"]) == (3, "", False)
    assert (ran.values["error"]["type"], ran.values["error"]["exit_code"]) == ("RepositoryNotFoundError", 3)


@pytest.mark.parametrize("verb", VERBS_OF_A_FOLDER)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_control_characters_of_strangers_are_escaped(evil, verb, options):
    """Those of source code, references, requirements and data: in text and in JSON."""
    assert hub_io("trust", evil, "--yes", "--note", EVIL).exit_code == 0
    write(evil, {"tables/one.txt": f"{EVIL}{EVIL}", "tables/two.txt": EVIL, "modeling_tiny.py": f"# {EVIL}{MODELING}"})
    more = {"inspect": ["--source-code"], "trust": ["--source-code", "--yes"], "diff": []}[verb]
    ran = hub_io(verb, evil, *more, *options)
    assert "2J" in ran.out
    assert not [character for character in ran.out + ran.err if not character.isprintable() and character != "\n"]


def test_control_characters_in_errors_are_escaped(folder):
    """An error tells what stood there, and stays an error."""
    write(folder, {"config.json": config_json({"AutoConfig": f"configuration_tiny.{EVIL}"})})
    ran = hub_io("inspect", folder)
    assert ran.exit_code == 1
    assert "x1b[2J" in ran.err
    assert not [character for character in ran.err if not character.isprintable() and character != "\n"]


@pytest.mark.parametrize("verb", VERBS_OF_A_FOLDER)
def test_offline_holds_for_code_elsewhere_of_a_folder(hub, folder, verb):
    """The repository that the folder names is not asked for; the code is unavailable."""
    hub.create_repo("maker/code", files())
    elsewhere = {name: f"maker/code--{reference}" for name, reference in AUTO_MAP.items()}
    write(folder, {"config.json": config_json(elsewhere)})
    hub.clear_requests()
    ran = hub_io(verb, folder, "--offline", *(["--yes"] if verb == "trust" else []))
    assert (ran.exit_code, hub.requests) == (3, [])


@at_terminals
def test_terminal_gets_colour_and_nothing_of_strangers(evil):
    """The only sequences are those of the program: styles, and the end of a line of progress."""
    ran = hub_io_at_terminal("inspect", evil, "--source-code")
    assert "\x1b[1m" in ran.out
    assert re.findall(r"\x1b(?!\[\d*[mK])", ran.out) == []
    assert "\\x1b[2J" in ran.out


@at_terminals
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminal_without_colour_gets_none(folder, monkeypatch, name, value):
    """Who says so is heard."""
    monkeypatch.setenv(name, value)
    assert "\x1b" not in hub_io_at_terminal("inspect", folder).out


def test_pipe_gets_neither_colour_nor_progress(folder):
    """Nothing but the text."""
    ran = hub_io_process("inspect", folder)
    assert (ran.exit_code, ran.err) == (0, "")
    assert "\x1b" not in ran.out


def test_output_that_knows_ascii_only_gets_escapes(folder, monkeypatch):
    """A log of an old machine is no reason to fail."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    write(folder, {"modeling_tiny.py": f"# größer{MODELING}"})
    ran = hub_io_process("inspect", folder, "--source-code")
    assert ran.exit_code == 0
    assert "gr\\xf6\\xdfer" in ran.out


def test_reader_that_goes_away_is_no_traceback(folder):
    """As with `| head`."""
    write(folder, {"modeling_tiny.py": MODELING + "# more\n" * 20_000})
    with subprocess.Popen(
        [*PROGRAM, "inspect", str(folder), "--source-code"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_code_that_nobody_could_see_is_not_trusted(folder, tmp_path):
    """The reader is gone before the code was shown."""
    ours, theirs = os.pipe()
    os.close(ours)
    ran = hub_io_process("trust", folder, "--yes", stdout=theirs)
    os.close(theirs)
    assert (ran.exit_code, ran.err) == (1, "")
    assert TrustFile(tmp_path / "settings" / "hub-io" / "trust.json").entries() == ()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_full_disk_is_an_error_in_words(folder, options):
    """And not a success with half of the output."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = hub_io_process("inspect", folder, *options, stdout=full)
    assert (ran.exit_code, ran.err) == (3, "Error: [Errno 28] No space left on device\n")


def test_modules_in_the_working_directory_are_not_imported(folder, tmp_path):
    """A checkpoint may have files that are named like what the program imports."""
    marker = tmp_path / "marker"
    evil = f"open({str(marker)!r}, 'w')\n"
    write(
        folder, dict.fromkeys(("click.py", "json.py", "hub_io/__init__.py", "packaging.py", "sitecustomize.py"), evil)
    )
    script = Path(sys.executable).with_name("hub-io")
    for program in ([str(script)], PROGRAM):
        done = subprocess.run([*program, "inspect", "."], cwd=folder, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert not marker.exists()


@pytest.mark.usefixtures("places")
def test_module_is_not_run_in_a_way_that_imports_from_the_working_directory():
    """Without -P, Python looks there first; the command says what to use instead."""
    program = [sys.executable, "-m", "hub_io", "list"]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`python -P -m hub_io`" in done.stderr


def test_program_is_installed():
    """Under its name, and it knows its version."""
    (script,) = entry_points(group="console_scripts", name="hub-io")
    assert script.value == "hub_io.command:main"
    assert hub_io("--version").out == f"hub-io, version {version('pretrained-hub-io')}\n"


def test_import_of_the_package_brings_no_command_line():
    """Only the program needs it, and the Hub's client only where there is something to ask."""
    told = "import sys, hub_io; print('click' in sys.modules, 'hub_io.command' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"


def test_reading_a_folder_loads_neither_torch_nor_the_client(folder):
    """It is fast enough to be used often."""
    told = (
        "import sys; from hub_io.command import main\n"
        f"main(['inspect', {str(folder)!r}], standalone_mode=False)\n"
        "print(sorted({'torch', 'numpy', 'huggingface_hub'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("inspct", "Did you mean 'inspect'?"),
        ("chek", "Did you mean 'check'?"),
        ("downlod", "use `hf download`"),
        ("download", "use `hf download`"),
        ("push", "use `hf upload`, or push_to_hub()"),
        ("upload", "use `hf upload`, or push_to_hub()"),
        ("zzz", "Verbs: inspect, trust, check,"),
        ("\x1b[2J", "Verbs: inspect, trust, check,"),
    ],
)
def test_unknown_verb_is_answered_with_a_near_one_or_the_program_that_has_it(name, told):
    """Newcomers look for what another program does."""
    ran = hub_io(name, "me/tiny")
    assert (ran.exit_code, told in ran.err, "\x1b" in ran.err) == (2, True, False)


@pytest.mark.parametrize("verb", [["--help"], ["list"]])
@pytest.mark.usefixtures("places")
def test_what_is_asked_often_starts_without_what_it_does_not_need(verb):
    """Neither the client, nor what reads the metadata of packages, nor what compares and downloads."""
    heavy = {"asyncio", "difflib", "email", "http.client", "huggingface_hub", "importlib.metadata", "numpy", "torch"}
    told = (
        "import sys; from hub_io.command import main\n"
        f"main({verb!r}, standalone_mode=False)\n"
        f"print(sorted({heavy!r} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[]\n"
