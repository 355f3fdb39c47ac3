"""`python -P -m hub_io`, for where the command `hub-io` is not on the path."""

from __future__ import annotations

import sys

if not sys.flags.safe_path:
    sys.stderr.write(
        "Error: `python -m` imports from the working directory first, which may be that of a checkpoint. Use the "
        "command `hub-io`, or `python -P -m hub_io`.\n"
    )
    sys.exit(2)

from hub_io.command import main

main(prog_name="hub-io")
