"""A process whose saves fail: at a limit for the size of files, on a full disk, on a disk that cannot be written.

`python -m model_core_zoo.failed_saves FOLDER` prints one JSON line for each save. Where users may mount, run it as
`unshare --user --map-root-user --mount python -m …`: it then mounts a disk of its own, so small that a save fails.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from model_core_zoo.versioned_models import found_versions, versioned_model

__all__ = ["fail", "limited_files", "mounted"]

OLD, NEW = 1, 2
_SINGLE, _SHARDS = "1GB", "300KB"


@contextmanager
def limited_files(size):
    """Let no file grow beyond a size."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def mounted(folder, *options):
    """Mount a disk in memory; tell whether that was allowed."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True).returncode == 0  # noqa: PLW1510


def fail(save, folder, reason):
    """Save, and say how it failed and what the folder holds then."""
    try:
        save()
    except OSError as error:
        failure = [type(error).__name__, str(error)]
    else:
        failure = None
    return {
        "reason": reason,
        "failure": failure,
        "found": found_versions(folder),
        "files": sorted(path.name for path in folder.iterdir()),
    }


def _failures(folder):
    old, new = (versioned_model(version, width=256) for version in (OLD, NEW))  # 1 MB each
    limited, full = folder / "limited", folder / "full"

    for before in (_SINGLE, _SHARDS):
        old.save_pretrained(limited, max_shard_size=before)
        for after in (_SINGLE, _SHARDS):
            for size in (50, 100_000):  # less than the config, and less than any weights
                with limited_files(size):
                    yield fail(lambda after=after: new.save_pretrained(limited, max_shard_size=after), limited, "limit")

    if not mounted(full, "-o", "size=1800k"):
        return
    for before in (_SINGLE, _SHARDS):
        for path in full.iterdir():
            path.unlink()
        old.save_pretrained(full, max_shard_size=before)
        for after in (_SINGLE, _SHARDS):
            yield fail(lambda after=after: new.save_pretrained(full, max_shard_size=after), full, "full disk")
    mounted(full, "-o", "remount,ro")
    yield fail(lambda: new.save_pretrained(full), full, "read-only disk")


if __name__ == "__main__":
    for line in _failures(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(line) + "\n")
