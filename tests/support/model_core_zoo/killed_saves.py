"""A process that kills its own saves at random moments and says what a load finds afterwards.

`python -m model_core_zoo.killed_saves FOLDER ROUNDS SEED` kills that many saves of each kind, and prints one JSON line
for each. It has imported everything and made the models, and forks a saver for each, so that a kill hits the save and
not an import.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import torch

from model_core_zoo.versioned_models import found_versions, versioned_model

__all__ = ["KINDS", "NEW", "OLD", "kill_saves"]

OLD, NEW = 1, 2
_SINGLE, _FEW_SHARDS, _MANY_SHARDS = "1GB", "2.2MB", "1MB"
# What lies in the folder, and what is being saved over it; None saves the config alone.
KINDS = {
    "single over sharded": (_MANY_SHARDS, _SINGLE),
    "sharded over single": (_SINGLE, _MANY_SHARDS),
    "sharded over sharded": (_MANY_SHARDS, _FEW_SHARDS),
    "config only": (_SINGLE, None),
}


def _save(model, folder, max_shard_size):
    if max_shard_size is None:
        model.config.save_pretrained(folder)
    else:
        model.save_pretrained(folder, max_shard_size=max_shard_size)


def _killed_after(seconds, save):
    """Run a save in a process that is killed after a while; tell whether it was not through by then."""
    child = os.fork()
    if not child:
        try:
            save()
            os._exit(0)
        finally:
            os._exit(1)  # and never run on as the parent does
    descriptor = os.pidfd_open(child)
    select.select([descriptor], [], [], seconds)  # returns early when the save is through
    os.kill(child, signal.SIGKILL)
    os.close(descriptor)
    status = os.waitpid(child, 0)[1]
    assert status in {0, signal.SIGKILL}
    return status != 0


def kill_saves(folder, kind, rounds, chance):
    """Kill saves of one kind; yield what each left behind."""
    before, after = KINDS[kind]
    old, new = (versioned_model(version, width=512) for version in (OLD, NEW))  # 4 MB each

    def killed_after(seconds):
        """Return whether the save was not through by then, and how long this took."""
        _save(old, folder, before)
        (folder / "README.md").write_text("mine", encoding="utf-8")
        start = time.perf_counter()
        killed = _killed_after(seconds, lambda: _save(new, folder, after))
        return killed, time.perf_counter() - start

    longest = min(killed_after(60)[1] for _ in range(2))
    for _ in range(rounds):
        killed, _ = killed_after(chance.uniform(0, longest))
        config, weights = found_versions(folder)
        readme = (folder / "README.md").read_text(encoding="utf-8")
        yield {"kind": kind, "killed": killed, "config": config, "weights": weights, "readme": readme}
    _save(old, folder, before)
    yield sorted(path.name for path in folder.rglob(".*"))


if __name__ == "__main__":
    torch.set_num_threads(1)  # threads do not survive a fork
    seeded = random.Random(int(sys.argv[3]))
    for each in KINDS:
        for line in kill_saves(Path(sys.argv[1]), each, int(sys.argv[2]), seeded):
            sys.stdout.write(json.dumps(line) + "\n")
