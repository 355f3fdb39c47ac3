"""The table of costs in README is one that the program prints. Its numbers are measured, and decide nothing here."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from workspace_packages import ROOT, WORKSPACE_PACKAGES

PROGRAM = runpy.run_path(str(Path(__file__).with_name("package_costs.py")))


@pytest.fixture
def rows():
    """The rows of README's table, the titles first, cell by cell."""
    lines = re.findall(r"^\| (.*) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    cells = [tuple(line.split(" | ")) for line in lines]
    return [row for row in cells[cells.index(PROGRAM["TITLES"]) :] if len(row) == len(PROGRAM["TITLES"])]


def test_table_has_every_package_extra_and_peer(rows):
    """Also those that joined since it was made: `package_costs.py --write` makes it again."""
    expected = {
        (f"`{package.distribution}{extra}`", f"`{line}`")
        for package in WORKSPACE_PACKAGES.values()
        for extra in ("", *(f"[{extra}]" for extra in package.extras))
        for line in PROGRAM["LINES"][package.import_name]
    }
    expected |= {(f"`{' '.join(names)}`", f"`{line}`") for names, lines in PROGRAM["PEERS"].items() for line in lines}
    assert {(row[0], row[5]) for row in rows[2:]} == expected


def test_table_is_what_the_program_prints(rows):
    """Every cell has the form that the program gives it."""
    cost = PROGRAM["Cost"]("name", "line", 2, 30_000, 2_000_000, 0, 1_234, 1.25, 0.012)
    printed = [
        re.sub(r"\d[\d.,]*", "0", cell) for cell in PROGRAM["table"]([cost]).splitlines()[2].strip("| ").split(" | ")
    ]
    for row in rows[2:]:
        shape = [re.sub(r"\d[\d.,]*", "0", cell) for cell in row]
        assert shape[1] in {printed[1], "itself"}
        assert (shape[2:5], shape[6:]) == (printed[2:5], printed[6:])


def test_peers_have_a_size_to_download():
    """It is that of the wheel which this Python takes."""
    version = next(version for name, version in PROGRAM["locked_wheels"]() if name == "transformers")
    assert PROGRAM["download_size"]("transformers", version) > 1_000_000
