"""A process that loads and saves for days: what it uses levels out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NUM_CODES, NUM_LOADS = 600, 2_000


@pytest.fixture(scope="module")
def soaked(tmp_path_factory):
    """What a process used: while it loaded 600 codes, of which some fail, and while it loaded and saved 2,000 times."""
    folder = tmp_path_factory.mktemp("soak")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HUB_IO_CACHE": str(folder / "cache")}
    command = [sys.executable, "-W", "ignore", "-m", "soaking", str(folder), str(NUM_CODES), str(NUM_LOADS)]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=3_000)
    assert done.returncode == 0, done.stderr[-2_000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {phase: [line for line in lines if line["phase"] == phase] for phase in ("new", "again")}


# /proc says what a process uses.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3_000),
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc"),
]


def test_known_code_weights_and_configs_use_up_nothing(soaked):
    """After a warm-up of a fifth, neither loads and saves nor those that fail leave anything behind."""
    _, warm, *_, last = soaked["again"]
    assert last["count"] == NUM_LOADS
    assert last["memory"] - warm["memory"] < 4_096, soaked["again"]
    others = warm.keys() - {"phase", "memory", "count"}
    assert {name: last[name] - warm[name] for name in others} == dict.fromkeys(others, 0)


def test_new_code_costs_its_modules_and_no_more(soaked):
    """Its classes can be pickled for as long as the process runs, so that its modules stay; its files do not."""
    first, *_, last = soaked["new"]
    num_new = last["count"] - first["count"]
    assert last["count"] == NUM_CODES
    # A package and three modules of each code that works: a third of those that fail do so after their config.
    assert last["modules"] - first["modules"] <= 4 * num_new * 5 / 6 + 3 * num_new / 18 + 4
    assert last["linecache"] - first["linecache"] <= last["modules"] - first["modules"]
    assert last["memory"] - first["memory"] < 100 * num_new
    assert last["mappings"] - first["mappings"] < 20  # of the allocator
    assert {name: last[name] - first[name] for name in ("files", "threads", "finders", "importers")} == {
        "files": 0,
        "threads": 0,
        "finders": 0,
        "importers": 0,
    }
