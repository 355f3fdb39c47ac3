"""What must hold before a package is released, which `release check` looks at without installing anything.

_api_record.py        api.json: what each package offers, and since which version
_breaking_changes.py  what an old version offered and a new one does not
_sibling_use.py       what a package uses and its oldest siblings lack
_requirements.py      bounds, undeclared imports, entry points that nobody reads
_change_notes.py      changes that users are not told of
_history.py           tags that are missing, and changelogs that were rewritten
_failures.py          what a check finds
command.py            the verbs `check` and `record`
"""

from __future__ import annotations

from release_tools.checks._api_record import public_names, write_records, wrong_record
from release_tools.checks._breaking_changes import breaking_changes
from release_tools.checks._change_notes import missing_note
from release_tools.checks._failures import Failure
from release_tools.checks._history import require_tags, rewritten_entries
from release_tools.checks._requirements import unknown_texts
from release_tools.checks._sibling_use import uses_of_newer_siblings

__all__ = [
    "Failure",
    "breaking_changes",
    "missing_note",
    "public_names",
    "require_tags",
    "rewritten_entries",
    "unknown_texts",
    "uses_of_newer_siblings",
    "write_records",
    "wrong_record",
]
