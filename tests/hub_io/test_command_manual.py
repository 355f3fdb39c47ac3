"""The command `hub-io` is what its page in the README and its help say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub_io.command import EXIT_CODES
from hub_io_command import hub_io
from tiny_checkpoints import MODELING, files

EXAMPLE = Path(__file__).parent / "ci_example"
README = Path(__file__).parents[2] / "packages" / "hub-io" / "README.md"
VERBS = ("inspect", "trust", "check", "diff", "verify", "list", "revoke")


def section():
    """Return what the README says of the command."""
    return re.search(r"^## The command\n(.*?)^## ", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


def sessions():
    """Return the commands of the README with what they print, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```$", section(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^\$ hub-io (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks), re.MULTILINE)


def pattern(shown):
    """Return what matches an output as the README shows it: `…` alone are any lines, and within one any text."""
    lines = (r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown.splitlines())
    return "".join(lines)


@pytest.mark.usefixtures("places")
def test_session_of_the_readme_goes_as_it_stands(hub):
    """Each command in turn prints what is shown."""
    hub.create_repo(
        "owner/name", files({"modeling_tiny.py": f'{MODELING}import subprocess\nsubprocess.run(["true"])\n'})
    )
    for command, shown in sessions():
        if command.startswith("diff"):
            hub.commit("owner/name", {"modeling_tiny.py": f"{MODELING}ANSWER = 42\n"})
        ran = hub_io(*shlex.split(command))
        assert re.fullmatch(pattern(shown), ran.out), f"{command}\n{ran.out}{ran.err}"


def test_recipe_of_the_readme_passes(places):
    """The lines for CI, in a project whose lock is committed."""
    (recipe,) = re.findall(r"^```bash\n(export .*?)^```$", section(), re.MULTILINE | re.DOTALL)
    shutil.copytree(EXAMPLE, places, dirs_exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euc", recipe], env={**os.environ, "PATH": path}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trusted by" in done.stdout


def test_trust_file_of_the_readme_is_read(places):
    """A file with the keys that are written by hand; `hub-io list` shows them."""
    (trust_file,) = re.findall(r"^```json\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (places / "hub-code.lock").write_text(trust_file, encoding="utf-8")
    shown = hub_io("list").out
    assert "my-org" in shown
    assert "7" in shown


def test_session_of_the_readme_has_every_verb():
    """Nobody has to guess how one is used."""
    assert {command.split()[0] for command, _ in sessions()} == set(VERBS)


def test_help_names_every_verb_and_exit_code():
    """The overview, of which no line is cut off."""
    told = hub_io("--help").out
    for verb in VERBS:
        assert f"\n  {verb} " in told
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in " ".join(told.split())
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_teaches(verb):
    """What it does, and examples that can be typed as they stand."""
    told = hub_io(verb, "--help").out
    examples = re.findall(r"^ {4}hub-io (.*)$", told.partition("Examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        ran = hub_io(*shlex.split(example.partition(" | ")[0]), "--help")  # an unknown option would be refused first
        assert ran.exit_code == 0, example
