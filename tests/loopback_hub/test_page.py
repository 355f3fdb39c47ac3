"""The page of the loopback Hub tells the truth: the tests that it points at exist, and every switch is on it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import loopback_hub
from loopback_hub.hub import LoopbackHub

PAGE = (Path(loopback_hub.__file__).parent / "README.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent


def names_of_tests(file):
    """Return the names of the tests of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_points_at_tests():
    """A row of what the Hub speaks without a test behind it would be a promise."""
    table = PAGE.partition("## What it speaks")[2].partition("## What it does not speak")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert [row for row in rows if "::test_" not in row] == []
    assert len(rows) > 30


def test_tests_on_the_page_exist():
    """Each is a function of the file that is named."""
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE))
    assert {(file, test) for file, test in named if test not in names_of_tests(HERE / file)} == set()
    assert PAGE.count("::") == len(re.findall(r"`test_\w+\.py::test_\w+`", PAGE))


def test_every_file_of_tests_is_on_the_page():
    """What is tested is told."""
    files = {file.name for file in HERE.glob("test_*.py")} - {Path(__file__).name, "test_fixture.py"}
    assert {file for file in files if f"`{file}::" not in PAGE} == set()


def test_every_switch_is_on_the_page():
    """A test finds there what the Hub can do for it."""
    public = {name for name in dir(LoopbackHub) if not name.startswith("_")}
    assert {name for name in public if not re.search(rf"`hub\.{name}\b", PAGE)} == set()
