"""The command `hub-io`, run in this process by click's own runner, or in one of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Ran", "hub_io"]


@dataclass(frozen=True)
class Ran:
    """What came of a command.

    Attributes:
        exit_code: Its exit code.
        out: What it printed.
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
    from hub_io.command.program import main

    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="hub-io")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return Ran(result.exit_code, result.stdout, result.stderr)
