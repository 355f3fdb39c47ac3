"""The command `hub-io`: its verbs and its error handling."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final

import click

from auto_registry.errors import AutoRegistryError
from config_core.errors import ConfigCoreError
from hub_io.command import _check_verb, _diff_verb, _inspect_verb, _trust_verbs, _verify_verb
from hub_io.command._reports import DEFECT, EXIT_CODES, exit_code_of, show_failure
from hub_io.command._screen import printable, wants_colour
from hub_io.errors import HubIoError

__all__ = ["main"]

_ELSEWHERE: Final = {
    "download": "`hf download`",
    "push": "`hf upload`, or push_to_hub() of the model",
    "upload": "`hf upload`, or push_to_hub() of the model",
}
_EXPECTED = (HubIoError, ConfigCoreError, AutoRegistryError, OSError)


class _Program(click.Group):
    """Runs a verb, and turns errors into a message and an exit code."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _escaping():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        ctx.color = wants_colour()
        try:
            with _escaping():
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, EOFError, BrokenPipeError):
            raise
        except _EXPECTED as error:
            code = exit_code_of(error)
            show_failure(error, exit_code=code)
        except Exception as error:  # noqa: BLE001 - a plain traceback would print untrusted text unescaped
            code = DEFECT
            show_failure(_DefectError(error), exit_code=code)
        _drop_unwritten_output()
        return ctx.exit(code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'. {_near_verb(args[0], list(self.commands))}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)  # in the order of use


def _drop_unwritten_output() -> None:
    """Leave nothing for the flush at exit, which would fail again and put Python's exit code in place of ours."""
    try:
        sys.stdout.flush()
    except OSError:  # such as a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _escaping() -> Iterator[None]:
    """Escape the messages of click, which repeat arguments as they are."""
    try:
        yield
    except click.ClickException as error:
        error.message = "\n".join(map(printable, error.message.split("\n")))  # type: ignore[misc]
        raise


def _near_verb(name: str, verbs: list[str]) -> str:
    """Return a sentence with the verb, or the command of another program, that the user may have meant."""
    import difflib

    near = difflib.get_close_matches(name, [*verbs, *_ELSEWHERE], n=1)
    if near and near[0] in _ELSEWHERE:
        return f"To {near[0]} a whole checkpoint, use {_ELSEWHERE[near[0]]}."
    return f"Did you mean {near[0]!r}?" if near else f"Verbs: {', '.join(verbs)}."


class _DefectError(Exception):
    """An unexpected error."""

    def __init__(self, cause: Exception) -> None:
        details = "".join(traceback.format_exception(cause)).rstrip()
        super().__init__(f"This is a bug in hub-io. Nothing was run. Please report it:\n{details}")


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
)
@click.version_option(package_name="pretrained-hub-io", prog_name="hub-io")
def main() -> None:
    """Review the code that checkpoints ship, and manage which of it is trusted.

    Checkpoints of custom models contain Python files. None of it runs unless it is trusted: by the caller of a load, or
    by an entry in the trust store, which this command manages. An entry holds the SHA-256 of every file, so it does not
    trust code that has changed.

    \b
    Typical use:
      hub-io inspect owner/name          show the code that would run
      hub-io trust owner/name            read it, and trust exactly this code
      hub-io check owner/name            check in CI that only trusted code would run
      hub-io diff owner/name             show what has changed since
      hub-io verify                      compare all trusted code with cache and Hub
      hub-io revoke owner/name           remove the trust

    \b
    Trust files:
      hub-code.lock     of the project, in the working directory or a folder above it
      trust.json        of the user, in ~/.config/hub-io (Windows: %APPDATA%\\hub-io)
      HUB_IO_TRUST_STORE names one file to use instead of both.
    HUB_IO_REMOTE_CODE=deny lets no code run; =locked lets only code in the trust store run.

    Every verb prints JSON with --json. The token for the Hub comes from `hf auth login` or HF_TOKEN. NO_COLOR turns
    colour off.
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph


for _verb in (
    _inspect_verb.inspect,
    _trust_verbs.trust,
    _check_verb.check,
    _diff_verb.diff,
    _verify_verb.verify,
    _trust_verbs.list_entries,
    _trust_verbs.revoke,
):
    main.add_command(_verb)
