"""The command `hub-io`: reading the code that checkpoints ship before it may run, and keeping what was decided.

Nothing that it looks at is ever executed or imported, and nothing that it shows can command a terminal.

    program.py        the command itself, its verbs, and what becomes of errors
    reports.py        what a verb gives back: values for machines, lines for people, an exit code
    screen.py         escaping, colour and progress
    sources.py        what is named and how: options that verbs share, and finding all code of a checkpoint
    inspecting.py     what a bundle would run, as a value
    remarks.py        the places in it that deserve a look
    risky_names.py    what is called there, by full name
    store_choice.py   which file of trusted code a verb writes
    reviewed_code.py  content that was reviewed: from the code store, the cache or the Hub
    inspect_verb.py, trust_verbs.py, diff_verb.py, verify_verb.py, folder_verbs.py
"""

from __future__ import annotations

__all__: list[str] = []
