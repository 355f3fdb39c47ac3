"""The program `release`: its verbs are modules of their own, which are added here."""

from __future__ import annotations

from pathlib import Path

import click

from release_tools.checks.command import check, record
from release_tools.planning.command import affected, plan, status, verify, wait
from release_tools.programs import Program
from release_tools.workspace import Workspace

__all__ = ["release"]


class _Program(Program, click.Group):
    """The program, with its verbs."""


@click.group(cls=_Program)
@click.option(
    "--workspace",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="A folder of the checkout; the current folder by default.",
)
@click.pass_context
def release(context: click.Context, folder: Path) -> None:
    """Check, plan and record releases of the packages of this workspace."""
    context.obj = Workspace.around(folder)


for verb in (status, plan, check, record, affected, verify, wait):
    release.add_command(verb)
