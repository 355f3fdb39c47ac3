"""The command `hub-io`: its verbs, and what becomes of errors."""

from __future__ import annotations

import traceback
from typing import Any

import click

from auto_registry.errors import AutoRegistryError
from config_core.errors import ConfigCoreError
from hub_io.command import _diff_verb, _inspect_verb, _trust_verbs, _verify_verb
from hub_io.command._reports import DEFECT, EXIT_CODES, exit_code_of, show_failure
from hub_io.command._screen import wants_colour
from hub_io.errors import HubIoError

__all__ = ["main"]

_EXPECTED = (HubIoError, ConfigCoreError, AutoRegistryError, OSError)


class _Program(click.Group):
    """Runs a verb, and turns what goes wrong into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        ctx.color = wants_colour()
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, EOFError, BrokenPipeError):
            raise
        except _EXPECTED as error:
            code = exit_code_of(error)
            show_failure(error, exit_code=code)
        except Exception as error:  # noqa: BLE001 - a plain traceback would show a stranger's text to the terminal as it is
            code = DEFECT
            show_failure(_DefectError(error), exit_code=code)
        return ctx.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)  # in the order of use


class _DefectError(Exception):
    """Something that this command did not expect."""

    def __init__(self, cause: Exception) -> None:
        told = "".join(traceback.format_exception(cause)).rstrip()
        super().__init__(f"This is a defect of hub-io itself. Nothing was run. Please report it:\n{told}")


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
)
@click.version_option(package_name="pretrained-hub-io", prog_name="hub-io")
def main() -> None:
    """Read the code that checkpoints ship before it may run, and keep what you decided.

    Checkpoints of custom models bring Python files. None of them runs unless it was trusted: by the caller of a load,
    or by an entry of the trust store, which this command keeps. An entry holds the SHA-256 of every file; changed
    code is not trusted by it.

    \b
    The usual way:
      hub-io inspect owner/name          what would run?
      hub-io trust owner/name            read it, then let exactly this run
      hub-io diff owner/name             what has changed since?
      hub-io verify                      is everything still what was trusted?
      hub-io revoke owner/name           no longer

    \b
    Where entries lie:
      hub-code.lock     of the project: the working directory's, or that of a folder above it
      trust.json        of the user: ~/.config/hub-io (Windows: %APPDATA%\\hub-io)
      HUB_IO_TRUST_STORE names one file to use instead of both.
    HUB_IO_REMOTE_CODE=deny|locked lets nothing run, or only what the store holds.

    Every verb prints JSON with --json. A token for the Hub is taken from `hf auth login` or HF_TOKEN. NO_COLOR
    switches colour off.
    """  # noqa: D301 - click's sign for text that stays as it is


for _verb in (
    _inspect_verb.inspect,
    _trust_verbs.trust,
    _diff_verb.diff,
    _verify_verb.verify,
    _trust_verbs.list_entries,
    _trust_verbs.revoke,
):
    main.add_command(_verb)
