"""The benchmark of remote code as a program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_later_loads_of_the_same_code_cost_less_than_to_compile_it():
    """Nothing of it is parsed again. The bound is ten times what was measured."""
    program = Path(__file__).with_name("code_costs.py")
    done = subprocess.run(
        [sys.executable, program, "--rounds", "3"], capture_output=True, encoding="utf-8", timeout=120, check=True
    )
    ratios = dict(re.findall(r"^\| (\S.*?) +\| +([\d.]+) \|", done.stdout, re.MULTILINE))
    assert float(ratios["later load of AutoConfig"]) < 0.5, done.stdout
    assert float(ratios["later load of AutoModel"]) < 0.8, done.stdout
