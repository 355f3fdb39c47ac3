"""`python -m hub_io`, for where the command `hub-io` is not on the path."""

from __future__ import annotations

from hub_io.command.program import main

main(prog_name="hub-io")
