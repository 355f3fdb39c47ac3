"""The benchmark of weights as a program: what it measures is for whoever runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs the dependency group `peers`: uv sync --group peers")


@pytest.mark.slow
def test_tables_are_printed_at_a_tiny_scale():
    """Every way of loading and saving runs, and each table says so in a row."""
    program = Path(__file__).with_name("weight_costs.py")
    options = ["--scale", "0.0001", "--rounds", "1", "--only", "huge"]
    done = subprocess.run(
        [sys.executable, program, *options], capture_output=True, encoding="utf-8", timeout=280, check=True
    )
    rows = [line for line in done.stdout.splitlines() if " huge layers |" in line]
    assert len(rows) == 6
    assert "| ours | ours, copied | floor A | transformers | torch.load mmap | HubMixin | plain read |" in done.stdout
