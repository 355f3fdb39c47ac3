"""The result of a verb, how it is printed, and the exit codes."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import click

from config_core.errors import (
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigFileError,
    MissingServiceError,
)
from hub_io.command._screen import show, show_error
from hub_io.errors import CodeStoreError, HubError, NoRemoteCodeError, TrustStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "DEFECT",
    "EXIT_CODES",
    "NO",
    "OK",
    "UNAVAILABLE",
    "USAGE",
    "Report",
    "exit_code_of",
    "reporting",
    "show_failure",
    "wants_json",
]

OK, NO, USAGE, UNAVAILABLE, DEFECT = 0, 1, 2, 3, 70
EXIT_CODES: Final = {
    OK: "success, or no difference from the trusted code",
    NO: "the code differs, is refused, malformed or still trusted, or was not confirmed",
    USAGE: "invalid arguments",
    UNAVAILABLE: "something cannot be found, reached, read or written",
    DEFECT: "a bug in hub-io",
}

_AS_JSON = "hub_io.command.as_json"
_UNAVAILABLE = (
    HubError, TrustStoreError, CodeStoreError, NoRemoteCodeError, CheckpointNotFoundError, CheckpointFileNotFoundError,
    MissingServiceError,
)  # fmt: skip

_Given = ParamSpec("_Given")


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a verb.

    Attributes:
        values: The result as JSON.
        lines: The result as text, escaped and styled.
        exit_code: One of the constants of this module.
    """

    values: Mapping[str, Any]
    lines: Sequence[str]
    exit_code: int = OK


def reporting(verb: Callable[_Given, Report]) -> Callable[_Given, None]:
    """Turn a function that returns a report into a click callback with the option `--json`."""

    def note_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
        context.meta[_AS_JSON] = value

    @click.option(
        "--json", is_flag=True, is_eager=True, expose_value=False, callback=note_json,
        help="Print one JSON object to stdout instead of text.",
    )  # fmt: skip
    @functools.wraps(verb)
    def callback(*args: _Given.args, **kwargs: _Given.kwargs) -> None:
        report = verb(*args, **kwargs)
        if wants_json():
            _show_json({"ok": report.exit_code == OK, **report.values})
        else:
            for line in report.lines:
                show(line)
        click.get_current_context().exit(report.exit_code)

    return callback


def wants_json() -> bool:
    """Return whether the current verb was called with `--json`."""
    return bool(click.get_current_context().meta.get(_AS_JSON))


def exit_code_of(error: Exception) -> int:
    """Return the exit code of an expected error: UNAVAILABLE or NO."""
    if isinstance(error, _UNAVAILABLE):
        return UNAVAILABLE
    return UNAVAILABLE if isinstance(error, OSError) and not isinstance(error, ConfigFileError) else NO


def show_failure(error: Exception, *, exit_code: int) -> None:
    """Print an error: as text to stderr, or as JSON to stdout."""
    message = str(error) or type(error).__name__
    if wants_json():
        with suppress(OSError):  # if stdout cannot be written, use stderr
            details = {"type": type(error).__name__, "message": message, "exit_code": exit_code}
            _show_json({"ok": False, "error": details})
            return
    show_error(message)


def _show_json(values: Mapping[str, Any]) -> None:
    # ASCII only, so it cannot control a terminal.
    show(json.dumps(_as_json(values), indent=2, allow_nan=False))


def _as_json(value: Any) -> Any:
    """Return a value with text for the numbers that JSON does not have, such as a NaN that a config file holds."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, (list, tuple)) else value
