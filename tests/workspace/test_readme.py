"""What the READMEs say holds: their Python runs as it stands, and their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from readme_blocks import Block, headings, python_blocks, relative_links, write_program
from workspace_packages import ROOT, WORKSPACE_PACKAGES

READMES = [
    pytest.param(path, id=path.relative_to(ROOT).as_posix())
    for path in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(package.folder / "README.md" for package in WORKSPACE_PACKAGES.values()),
    ]
]
WORKSPACE_IMPORTS = {package.import_name for package in WORKSPACE_PACKAGES.values()}
EXAMPLE = """\
# Title: with `code`

```python
import math
```

<!-- not run: needs a printer -->

```python
raise SystemExit("no printer")
```

```bash
# [no](link.md)
exit 1
```

```python
# package/answer.py
ANSWER = 42
```

1. In a list:

   ```python
   from package.answer import ANSWER
   assert math.sqrt(ANSWER) < 7
   raise ValueError(ANSWER)
   ```

See [the title](#title-with-code), [a file](docs/file.md "its title") and [a site](https://example.org).
"""


def run(program):
    """Run a program in the folder it lies in."""
    return subprocess.run(
        [sys.executable, program],
        cwd=program.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )


@pytest.mark.parametrize("path", READMES)
def test_python_of_a_readme_runs(path, tmp_path, hub_environ, monkeypatch):
    """A reader who copies the blocks in order, logged in to a Hub, sees no error."""
    for name, value in hub_environ.items():
        monkeypatch.setenv(name, value)
    done = run(write_program(python_blocks(path.read_text(encoding="utf-8")), tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", READMES)
def test_links_of_a_readme_lead_somewhere(path):
    """Files that a README links to exist, and so do the headings that it jumps to."""
    text = path.read_text(encoding="utf-8")
    broken = [
        target
        for target in relative_links(text)
        if (
            target[1:] not in headings(text)
            if target.startswith("#")
            else not (path.parent / target.partition("#")[0]).exists()
        )
    ]
    assert broken == []


def test_ci_runs_the_test_command_that_the_readme_gives():
    """What a newcomer types to run the tests is what decided that the clone was fit to be cloned."""
    command = "uv run --group test --group peers pytest"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    # A change of a few packages runs the same command on their tests: with nothing changed, on all.
    assert f'step {command} "${{tests[@]}}"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(heading):
    """Return the text under a heading of CONTRIBUTING.md."""
    return CONTRIBUTING.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_contributing_names_functions_that_there_are():
    """The call paths of CONTRIBUTING.md name functions and classes that exist."""
    sources = "\n".join(
        path.read_text(encoding="utf-8") for package in WORKSPACE_PACKAGES.values() for _, path in package.modules()
    )
    defined = set(re.findall(r"^\s*(?:def|class) (\w+)", sources, re.MULTILINE)) | WORKSPACE_IMPORTS
    named = {part for name in re.findall(r"`([\w.]+)`", section("Call paths")) for part in name.split(".")}
    assert named - defined == set()


def test_contributing_names_places_that_there_are():
    """Each row of the table says where a new line goes, and that file or folder exists."""
    places = re.findall(r"`(\w+/[\w/.]+)`", section("Where a new line goes"))
    roots = {package.import_name: package.source.parent for package in WORKSPACE_PACKAGES.values()}
    roots["release_tools"] = ROOT / "tools" / "release" / "src"
    assert len(places) > 10
    assert [place for place in places if not (roots[place.partition("/")[0]] / place).exists()] == []


def test_blocks_are_found_with_their_lines_and_reasons():
    """Only blocks marked python count; a comment above one says why it is not run."""
    assert [(block.line, block.file, block.not_run) for block in python_blocks(EXAMPLE)] == [
        (4, "README.py", ""),
        (10, "README.py", "needs a printer"),
        (19, "package/answer.py", ""),
        (26, "README.py", ""),
    ]


def test_blocks_are_one_program_whose_errors_name_the_line(tmp_path):
    """Later blocks see what earlier ones defined and the files among them; a traceback points into the README."""
    done = run(write_program(python_blocks(EXAMPLE), tmp_path))
    assert 'README.py", line 28' in done.stderr
    assert done.stderr.endswith("ValueError: 42\n")


def test_a_readme_without_python_is_an_empty_program(tmp_path):
    """A page on which nothing is run passes."""
    assert run(write_program([Block(1, "exit(1)", not_run="it fails")], tmp_path)).returncode == 0


def test_links_and_headings_are_found():
    """Links to other sites and what looks like a link in a block of code are left out."""
    assert relative_links(EXAMPLE) == ["#title-with-code", "docs/file.md"]
    assert headings(EXAMPLE) == {"title-with-code"}
