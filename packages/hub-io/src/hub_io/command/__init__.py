"""The command `hub-io`: read the code that checkpoints ship before it may run, and keep what was decided.

Nothing that it looks at is ever executed or imported, and nothing that it shows can control a terminal.

    _program.py        the command itself, its verbs, and how errors are shown
    _reports.py        what a verb returns: values for machines, lines for people, an exit code
    _screen.py         escaping, colour and progress
    _sources.py        what the user named: options that verbs share, and finding all code of a checkpoint
    _inspecting.py     what a bundle would run, as a value
    _remarks.py        the places in it that deserve a look
    _risky_names.py    what is called there, by full name
    _store_choice.py   which file of trusted code a verb writes
    _reviewed_code.py  content that was reviewed: from the code store, the cache or the Hub
    _inspect_verb.py, _trust_verbs.py, _diff_verb.py, _verify_verb.py
"""

from __future__ import annotations

from hub_io.command._program import main
from hub_io.command._reports import EXIT_CODES

__all__ = ["EXIT_CODES", "main"]
