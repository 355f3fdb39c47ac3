"""`hub-io inspect`: what would run."""

from __future__ import annotations

from typing import Any

import click

from hub_io.command.inspection_view import shipped_code_lines, shipped_code_values
from hub_io.command.options import of_source
from hub_io.command.reports import Report, reporting, wants_json
from hub_io.command.sources import Asked, find_shipped_code
from hub_io.trust_policy import default_policy

__all__ = ["inspect"]


@click.command()
@of_source
@click.option("--source-code", is_flag=True, help="Print the files too, with everything unprintable escaped.")
@reporting
def inspect(*, source_code: bool, **asked: Any) -> Report:
    """Show the code that SOURCE ships and that a load would run.

    SOURCE is a folder or a repository `owner/name`. The files, their digests, the classes, imports and declared
    requirements are listed, and the places that deserve a look, such as subprocess, sockets, eval, ctypes or pickle.
    This is an aid to reading and no verdict. Nothing is executed or imported.

    \b
    Examples:
      hub-io inspect owner/name
      hub-io inspect owner/name --revision v1.2 --source-code | less
      hub-io inspect ./checkpoint --json
    """  # noqa: D301 - click's sign for text that stays as it is
    shipped, policy = find_shipped_code(Asked(**asked)), default_policy()
    values = shipped_code_values(shipped, policy, with_source=source_code) if wants_json() else {}
    return Report(values, [] if values else shipped_code_lines(shipped, policy, with_source=source_code))
