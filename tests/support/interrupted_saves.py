"""Folders as processes leave them that are killed in the middle of a save."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["interrupt_save"]

_PROGRAM = """
import json, os, sys
from pathlib import Path
from config_core import staged_save

folder, files, moved = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
steps = []

def watch(event, arguments):
    # The journal is linked into its place, and then the files are moved one by one.
    if event == "os.link" or (event == "os.rename" and steps):
        steps.append(event)
        if len(steps) > moved + 1:
            os._exit(0)

with staged_save(folder, stale=lambda name: name.endswith(".bin")) as staging:
    for name, text in files.items():
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text(text, encoding="utf-8")
    sys.addaudithook(watch)
raise SystemExit("the save was not interrupted")
"""


def interrupt_save(folder: Path, files: Mapping[str, str], *, moved: int = 0) -> Path:
    """Save two or more files in a process that ends when the save is decided. Return its staging folder.

    Args:
        folder: The target. What is there and ends in `.bin` is stale.
        files: Name to content.
        moved: Number of files, in the order of their names, that get to their places before.
    """
    import json

    command = [sys.executable, "-c", _PROGRAM, str(folder), json.dumps(dict(files)), str(moved)]
    subprocess.run(command, check=True, timeout=60)
    (staging,) = (path for path in folder.glob(".pretrained-save-*") if path.is_dir())
    return staging
