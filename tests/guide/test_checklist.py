"""CHECKLIST.md: every feature that users of transformers must find is there, with a state and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS / "guide" / "CHECKLIST.md").read_text(encoding="utf-8")
# Configuration, models, auto classes, remote code, the Hub. Missing numbers are of features that no user needs.
MUST = {
    *(f"C{number}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 16, 18, 19, 20, 22, 23, 24, 25, 31, 33)),
    *(f"M{number}" for number in (1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 15, 16, 17, 18, 19, 20, 21, 23, 24, 27, 30, 31, 32)),
    *(f"M{number}" for number in (42, 44, 46, 47)),
    *(f"A{number}" for number in (1, 2, 3, 4, 6, 7, 8, 10, 11, 12)),
    *(f"R{number}" for number in (1, 2, 5, 6, 7, 8, 10, 11, 12, 14, 19, 20, 21, 22)),
    *(f"H{number}" for number in (1, 2, 4, 6, 8, 10, 11, 12, 16)),
}


class Row(NamedTuple):
    """One line of the table."""

    key: str
    feature: str
    state: str
    tests: str


ROWS = [
    Row(*(cell.strip() for cell in line.strip("|").split(" | ")))
    for line in PAGE.splitlines()
    if re.match(r"\| [A-Z]\d+ \|", line)
]


def test_every_feature_has_one_row():
    """Nothing is left out, and nothing stands twice."""
    assert sorted(row.key for row in ROWS) == sorted(MUST)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row_has_a_state_and_its_reason(row):
    """Done, done differently and why, or open and where."""
    assert re.fullmatch(r"done|differently: .+|open: .+", row.state)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row_names_tests_that_exist(row):
    """A row without tests, or with tests that are gone, shows nothing."""
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row.tests)
    assert named
    for file, name in named:
        assert re.search(rf"^def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), (file, name)
