"""The command `hub-io`: review the code that checkpoints ship, and manage which of it is trusted.

It never executes or imports the code that it shows, and its output cannot control a terminal.

    _program.py        the command, its verbs and its error handling
    _reports.py        the result of a verb: JSON, text and an exit code
    _screen.py         escaping, colour and progress
    _sources.py        shared options, and finding all code of a checkpoint
    _remarks.py        the lines of code that deserve a look
    _reviewed_code.py  reviewed files: from the code store, the cache or the Hub
    _inspect_verb.py, _trust_verbs.py, _check_verb.py, _diff_verb.py, _verify_verb.py
"""

from __future__ import annotations

from hub_io.command._program import main
from hub_io.command._reports import EXIT_CODES

__all__ = ["EXIT_CODES", "main"]
