"""The command `hub-io`, run in this process by click's own runner, in one of its own, or in one at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROGRAM", "Ran", "hub_io", "hub_io_at_terminal", "hub_io_process"]

PROGRAM = (sys.executable, "-P", "-m", "hub_io")


@dataclass(frozen=True)
class Ran:
    """What came of a command.

    Attributes:
        exit_code: Its exit code.
        out: What it printed. Of a terminal: everything.
        err: What it said aside.
    """

    exit_code: int
    out: str
    err: str

    @property
    def values(self) -> Mapping[str, Any]:
        """What it printed, as JSON."""
        values: Mapping[str, Any] = json.loads(self.out)
        return values


def hub_io(*arguments: object) -> Ran:
    """Run `hub-io` with these arguments."""
    from hub_io.command import main

    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="hub-io")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return Ran(result.exit_code, result.stdout, result.stderr)


def hub_io_process(*arguments: object, **options: Any) -> Ran:
    """Run it in a process of its own, where nobody sits.

    Args:
        *arguments: Its arguments.
        **options: Options of `subprocess.run`, such as `stdout` and `cwd`.
    """
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    done = subprocess.run([*PROGRAM, *map(str, arguments)], encoding="utf-8", timeout=60, check=False, **options)
    return Ran(done.returncode, done.stdout or "", done.stderr)


def hub_io_at_terminal(*arguments: object, answer: str = "") -> Ran:
    """Run it in a process of its own, at a terminal on which somebody has typed an answer already."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen([*PROGRAM, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        told = b""
        with suppress(OSError):  # which is how a terminal ends
            while read := os.read(ours, 65536):
                told += read
        os.close(ours)
        return Ran(process.wait(timeout=60), told.decode().replace("\r\n", "\n"), "")
