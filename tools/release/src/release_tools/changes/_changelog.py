"""Changelogs: towncrier writes a release's entry from the fragments; what was written by hand before it stays."""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path

from packaging.version import Version

from release_tools.changes._fragments import fragments_of
from release_tools.environments import run_command
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["changelog_of", "entries_of", "needs_entry", "sections_of", "write_entry"]

UNRELEASED = "Unreleased"


def changelog_of(package: WorkspacePackage) -> Path:
    """Return the path of a package's changelog."""
    return package.folder / "CHANGELOG.md"


def entries_of(text: str) -> dict[str, str]:
    """Return the entries of a changelog, newest first: the version, or `Unreleased`, and what is below its heading."""
    return {_name(section): _body(section) for section in sections_of(text)}


def needs_entry(package: WorkspacePackage, version: Version) -> bool:
    """Return whether the entry of a version lacks something: it does not exist, or there is more to say in it."""
    entries = entries_of(changelog_of(package).read_text(encoding="utf-8"))
    return bool(fragments_of(package)) or UNRELEASED in entries or str(version) not in entries


def write_entry(workspace: Workspace, package: WorkspacePackage, version: Version, last: Version | None) -> None:
    """Turn the fragments of a package into the entry of its coming version, and remove them.

    Lines of entries that are newer than the last release, such as `Unreleased`, stay at the end of this one.

    Raises:
        CommandError: towncrier refused; the message has its words.
    """
    path = changelog_of(package)
    head, *entries = _split(path.read_text(encoding="utf-8"))
    unreleased = list(takewhile(lambda entry: _name(entry) != str(last), entries))
    path.write_text(head + "".join(entries[len(unreleased) :]), encoding="utf-8")
    towncrier = (sys.executable, "-m", "towncrier", "build", "--config", workspace.root / "towncrier.toml")
    run_command([*towncrier, "--dir", package.folder, "--version", str(version), "--yes"], cwd=workspace.root)
    head, entry, *older = _split(path.read_text(encoding="utf-8"))
    lines = _body(entry)
    for body in map(_body, unreleased):
        # A paragraph needs an empty line before it, or it would go on with the last item of the list.
        lines += f"\n{body}" if body.startswith("- ") else f"\n\n{body}"
    parts = (head, entry.partition("\n")[0], lines.strip() or "- Nothing that users notice.", *older)
    path.write_text("\n\n".join(part.rstrip() for part in parts) + "\n", encoding="utf-8")


def sections_of(text: str) -> list[str]:
    """Return the entries of a changelog with their headings, newest first."""
    return [section.strip() for section in _split(text)[1:]]


def _split(text: str) -> list[str]:
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)


def _name(section: str) -> str:
    return section.split()[1]


def _body(section: str) -> str:
    return section.partition("\n")[2].strip()
