"""The command `hub-io`: reading the code that checkpoints ship before it may run, and keeping what was decided.

Nothing that it looks at is ever executed or imported, and nothing that it shows can command a terminal.

    program.py          the command itself, its verbs, and what becomes of errors
    reports.py          what a verb gives back: values for machines, lines for people, an exit code
    screen.py           escaping, colour and progress
    options.py          options that several verbs share
    sources.py          opening what is named, and finding all code that it ships
    inspecting.py       what a bundle would run, as a value
    remarks.py          the calls in it that deserve a look
    inspection_view.py  an inspection, for people and for machines
    store_choice.py     which file of trusted code a verb writes
    reviewed_code.py    content that was reviewed: from the code store, the cache or the Hub
    comparing.py        two versions of code, as a value and as a diff
    verifying.py        entries against every place that holds their code
    inspect_verbs.py, trust_verbs.py, diff_verbs.py, verify_verbs.py, folder_verbs.py
"""

from __future__ import annotations

__all__: list[str] = []
