"""The pages that teach outsiders show files of these projects, and commands that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from readme_blocks import fenced_blocks
from workspace_packages import WORKSPACE_PACKAGES

OUTSIDERS = Path(__file__).parent


def blocks_of(distribution):
    """Return the blocks of a package's page."""
    return fenced_blocks((WORKSPACE_PACKAGES[distribution].folder / "README.md").read_text(encoding="utf-8"))


def shown_files(distribution):
    """Return the files that a page shows, by the names that it gives them."""
    blocks = [block for block in blocks_of(distribution) if block.file not in {None, "README.py"}]
    return {block.file: block.source.partition("\n")[2] for block in blocks}


def file_of(name):
    """Return the file of the outsiders' projects that a README calls by a name: modules without `<project>/src/`."""
    (path,) = [path for path in (OUTSIDERS / name, *OUTSIDERS.glob(f"*/src/{name}")) if path.is_file()]
    return path


@pytest.mark.parametrize("distribution", ["pretrained-config-core", "pretrained-auto-registry", "pretrained-hub-io"])
def test_files_of_a_page_are_those_of_the_projects(distribution):
    """What is shown is what the tests install, to the letter."""
    shown = {
        name: source for name, source in shown_files(distribution).items() if "/" in name or name == "use_trend.py"
    }
    assert shown == {name: file_of(name).read_text(encoding="utf-8").removesuffix("\n") for name in shown}
    assert [name for name in shown if name.endswith("pyproject.toml")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "needed", "output"),
    [
        ("pretrained-config-core", ["acme-config"], ""),
        ("pretrained-auto-registry", ["acme-config", "acme-trend", "use_trend.py"], "7.5"),
        ("pretrained-hub-io", ["folder-hub"], ""),
    ],
)
def test_commands_of_a_page_work_on_the_projects(make_environment, wheels, distribution, needed, output):
    """A reader who has copied the files, and types the lines, gets there."""
    sources = [block.source for block in blocks_of(distribution) if block.language == "bash"]
    (commands,) = (source for source in sources if f"./{needed[0]}" in source)
    told = make_environment(*needed).shell(commands, wheels=wheels)
    assert told.endswith(f"{output}\n")
