"""How many mutants are tried, and what came of them at the end of the run."""

from __future__ import annotations

import pytest

FEW = {"config": 120, "index": 120, "header": 120, "trust": 60, "hub": 30}


def pytest_addoption(parser):
    """Let a run try more mutants than CI does."""
    group = parser.getgroup("fuzz")
    group.addoption("--mutants", type=int, default=None, help="mutants of each target; a few if omitted")
    group.addoption("--first-mutant", type=int, default=0, help="number of the first one, to make one again alone")
    group.addoption("--fuzz-seed", type=int, default=0, help="another seed makes other mutants")


@pytest.fixture
def mutants(request):
    """Return how many mutants of a target are tried, from which, and with which seed."""
    option = request.config.getoption

    def chosen(target):
        count = option("mutants", default=None)
        return {
            "count": FEW[target] if count is None else count,
            "first": option("first_mutant", default=0),
            "seed": option("fuzz_seed", default=0),
        }

    return chosen


@pytest.fixture(autouse=True)
def _nobody_trusts_anything(tmp_path, monkeypatch):
    """Neither this machine's settings and stores nor a file of the working directory have a say."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "trusted.json"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def pytest_terminal_summary(terminalreporter):
    """Print the counts of each target."""
    counts = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, text in getattr(report, "user_properties", ())
        if name == "fuzz" and report.when == "call"
    ]
    if counts:
        terminalreporter.section("mutants")
        for text in sorted(counts):
            terminalreporter.write_line(text)
