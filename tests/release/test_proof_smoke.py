"""The short form of the tests, which the quick proof runs on other Pythons."""

from __future__ import annotations

import subprocess
import sys

from workspace_packages import ROOT


def test_smoke_test_is_the_first_test_of_each_file():
    """Every module of tests is imported, and something of each is run."""
    options = ("--smoke", "--collect-only", "--quiet", "-n", "0", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, "tests/auto_registry"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    collected = [line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line]
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/auto_registry").glob("test_*.py"))
    assert collected == files
