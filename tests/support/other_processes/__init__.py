"""Programs that tests run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["environment", "run_program", "start_program"]

_SECONDS = 240


def environment(cache: Path, **changed: str) -> dict[str, str]:
    """Return the environment of a process that nobody has granted anything.

    Args:
        cache: What the process takes for its place for caches.
        **changed: Further variables.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUB_IO_")}
    return {**inherited, "HUB_IO_CACHE": str(cache), **changed}


def start_program(path: Path, source: str, *arguments: object, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Write a program to a file and start it. It can be written to, and what it prints be read."""
    path.write_text(source, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(path), *map(str, arguments)],
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run_program(path: Path, source: str, *arguments: object, environ: Mapping[str, str]) -> str:
    """Write a program to a file, run it to its end, and return what it prints.

    Raises:
        AssertionError: It failed; holds what it said.
    """
    with start_program(path, source, *arguments, environ=environ) as process:
        try:
            printed, said = process.communicate(timeout=_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, said
    return printed
