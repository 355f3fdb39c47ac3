"""Folders as processes leave them that are killed in the middle of a save."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["interrupt_save", "stopped_saves"]

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
    command = [sys.executable, "-c", _PROGRAM, str(folder), json.dumps(dict(files)), str(moved)]
    subprocess.run(command, check=True, timeout=60)
    (staging,) = (path for path in folder.glob(".pretrained-save-*") if path.is_dir())
    return staging


_STEPS = """
import json, os, signal, sys
from pathlib import Path
from config_core import staged_save

root, old, new, is_killed = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4] == "killed"
os.fsync = lambda descriptor: None

def save(folder, files):
    with staged_save(folder, stale=lambda name: name.endswith(".bin")) as staging:
        for name, text in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_text(text, encoding="utf-8")

def save_up_to(folder, step):
    steps = 0
    def count(event, arguments):
        nonlocal steps
        if event == "open" or event.startswith("os."):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL if is_killed else signal.SIGSTOP)
    sys.addaudithook(count)
    save(folder, new)
    os._exit(0)

for step in range(1, 10_000):
    folder = root / str(step)
    save(folder, old)
    child = os.fork()
    if not child:
        save_up_to(folder, step)
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFEXITED(status):
        break
    print(folder, flush=True)
    sys.stdin.readline()
    if not is_killed:
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)
"""


def stopped_saves(root: Path, old: Mapping[str, str], new: Mapping[str, str], *, killed: bool) -> Iterator[Path]:
    """Yield a folder for each step on the file system that a save makes, in which the save stands before that step.

    Args:
        root: Where the folders are made.
        old: Name to content of what each holds before.
        new: What is saved. What is there and ends in `.bin` is stale.
        killed: Whether the save was killed there, or goes on when the next folder is asked for.
    """
    arguments = [str(root), json.dumps(dict(old)), json.dumps(dict(new)), "killed" if killed else "stopped"]
    command = [sys.executable, "-c", _STEPS, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while folder := process.stdout.readline().rstrip("\n"):
            yield Path(folder)
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
