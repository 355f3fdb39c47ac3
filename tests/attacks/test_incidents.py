"""The table of incidents in README.md names tests that exist, and leaves no file of attacks out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
README = (HERE / "README.md").read_text(encoding="utf-8")
ROWS = [
    line for line in README.split("## Incidents")[1].splitlines() if line.startswith("| ") and "tests |" not in line
]
# What this year and the last have brought.
CVES = [
    "CVE-2024-11392", "CVE-2024-11393", "CVE-2024-11394", "CVE-2025-10155", "CVE-2025-10156", "CVE-2025-10157",
    "CVE-2025-32434", "CVE-2025-66448", "CVE-2026-1839", "CVE-2026-22807", "CVE-2026-4372", "CVE-2026-44513",
    "CVE-2026-4944", "CVE-2026-5241", "CVE-2026-5843",
]  # fmt: skip


@cache
def names_in(path):
    """Return the names of the tests of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def names_here():
    """Return the names of the tests of this folder, each with its file."""
    return {name: path for path in sorted(HERE.glob("test_*.py")) for name in names_in(path)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_incident_has_tests_that_exist(row):
    """Each row names at least one, by its name or with its file."""
    _, incident, tests, _ = row.split("|")
    names = re.findall(r"`([^`]+)`", tests)
    assert incident.strip()
    assert names
    for name in names:
        file, _, test = name.rpartition("::")
        assert test in (names_in(ROOT / file) if file else names_here()), name


@pytest.mark.parametrize("number", CVES)
def test_vulnerability_has_a_row(number):
    """A number that others had to publish stands in the table."""
    assert sum(number in row for row in ROWS) == 1


def test_every_file_of_attacks_is_described():
    """The list of files is the list of files."""
    described = set(re.findall(r"^\| `(test_\w+\.py)` \|", README, flags=re.MULTILINE))
    assert described == {path.name for path in HERE.glob("test_*_attacks.py")}


def test_no_two_attacks_have_one_name():
    """A name in the table means one test."""
    names = [name for path in HERE.glob("test_*.py") for name in names_in(path)]
    assert len(names) == len(set(names))


def test_suite_is_as_large_as_it_claims():
    """At least sixty behaviours, each a test of its own; the cases of each are more."""
    assert len(names_here()) - len(names_in(Path(__file__))) >= 60
