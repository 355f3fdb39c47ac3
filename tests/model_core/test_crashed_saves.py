"""Saves that are killed at random moments. That each step may be the last is tested with config_core's staged_save."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from model_core_zoo.killed_saves import KINDS, NEW, OLD

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs fork and descriptors of processes")


def kill_saves(folder, rounds, seed):
    """Kill saves in a process of their own; return what each left behind, and the hidden files that stayed."""
    command = [sys.executable, "-m", "model_core_zoo.killed_saves", str(folder), str(rounds), str(seed)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if isinstance(line, dict)], [line for line in lines if isinstance(line, list)]


def check_whole(found):
    """Each is the old checkpoint or the new one, and files of others are there."""
    for one in found:
        weights = OLD if KINDS[one["kind"]][1] is None else one["config"]
        assert one["weights"] == [weights]
        assert one["config"] in {OLD, NEW}
        assert one["config"] == NEW or one["killed"]
        assert one["readme"] == "mine"


@pytest.mark.parametrize(("rounds", "seed"), [(3, 4), pytest.param(50, 11, marks=pytest.mark.slow)])
def test_save_that_is_killed_leaves_the_old_or_the_new(tmp_path, rounds, seed):
    """At random moments of each kind of save, and the next save leaves nothing behind of the killed ones."""
    found, left = kill_saves(tmp_path, rounds, seed)
    check_whole(found)
    assert len(found) == rounds * len(KINDS)
    assert left == [[]] * len(KINDS)
