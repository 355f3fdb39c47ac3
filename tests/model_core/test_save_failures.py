"""Saves that cannot succeed: a clear error, and the old checkpoint as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs limits and mounts of Linux")

UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


def may_mount():
    return shutil.which("unshare") is not None and subprocess.run([*UNSHARE, "true"], check=False).returncode == 0


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What each save of the process in model_core_zoo.failed_saves left behind, by the reason that it failed for."""
    command = [sys.executable, "-m", "model_core_zoo.failed_saves", str(tmp_path_factory.mktemp("failed"))]
    done = subprocess.run(
        [*UNSHARE, *command] if may_mount() else command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        found.setdefault(json.loads(line)["reason"], []).append(json.loads(line))
    return found


@pytest.mark.parametrize(
    ("reason", "count", "message"),
    [
        ("limit", 8, "File too large. What was there before is unchanged."),
        ("full disk", 4, "No space left on device. What was there before is unchanged."),
        ("read-only disk", 1, "Read-only file system. What was there before is unchanged."),
    ],
)
def test_save_that_fails_says_why_and_leaves_the_old_checkpoint(failures, reason, count, message):
    """Whichever file did not fit, in whichever layout; nothing is left of the new one."""
    if reason not in failures:
        pytest.skip("users may not mount here")
    assert len(failures[reason]) == count
    for failure in failures[reason]:
        kind, text = failure["failure"]
        assert kind == "SaveError"
        assert text.startswith("Cannot save to ")
        assert text.endswith(message)
        assert failure["found"] == [1, [1.0]]
        assert [name for name in failure["files"] if name.startswith(".")] == []
