"""What users are told of changes: the fragments in `packages/<p>/changes/`, and the changelog that they become.

_fragments.py  the fragments, and the version that they ask for
_changelog.py  the entries of a changelog, which towncrier writes by the template changelog.md
"""

from __future__ import annotations

from release_tools.changes._changelog import (
    UNRELEASED,
    changelog_of,
    entries_of,
    needs_entry,
    sections_of,
    write_entry,
)
from release_tools.changes._fragments import (
    KINDS,
    Fragment,
    FragmentError,
    fragments_of,
    next_breaking_version,
    next_version,
)

__all__ = [
    "KINDS",
    "UNRELEASED",
    "Fragment",
    "FragmentError",
    "changelog_of",
    "entries_of",
    "fragments_of",
    "needs_entry",
    "next_breaking_version",
    "next_version",
    "sections_of",
    "write_entry",
]
