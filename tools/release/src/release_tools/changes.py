"""What users are told: change fragments in `packages/<p>/changes/`, and the changelogs that towncrier makes of them.

`<slug>.<kind>.md` tells one change; its kind says which version it asks for. What was written into a changelog by hand
stays.
"""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from release_tools.environments import run_command
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = [
    "KINDS",
    "UNRELEASED",
    "Fragment",
    "FragmentError",
    "changelog_of",
    "changelog_text",
    "entries_of",
    "fragments_of",
    "needs_entry",
    "next_breaking_version",
    "next_version",
    "sections_of",
    "write_entry",
]

KINDS = ("breaking", "feature", "fix", "misc")
"""Kinds of changes, the greatest first. Users do not notice `misc`: it is in no changelog and needs no release."""

UNRELEASED = "Unreleased"
"""Heading of what was written into a changelog by hand since the last release."""

_CONFLICT = re.compile(r"^(<{7}|>{7})( |$)", re.MULTILINE)
# Below this line towncrier writes; without it, above all else.
_START = "<!-- towncrier release notes start -->"


class FragmentError(ValueError):
    """A fragment has a name that says no kind, or no text: `what` is wrong with the file `path`, and what `todo`."""

    def __init__(self, path: Path, what: str, todo: str) -> None:
        super().__init__(f"{'/'.join(path.parts[-4:])}: {what} {todo}")
        self.path, self.what, self.todo = path, what, todo


class Fragment(NamedTuple):
    """One change that is not released yet: its file, its kind, and what users read in the changelog."""

    path: Path
    kind: str
    text: str


def fragments_of(package: WorkspacePackage) -> list[Fragment]:
    """Return the fragments of a package, by name.

    Raises:
        FragmentError: A file in its changes/ is not a fragment, or is empty; the message says what is allowed.
        ValueError: Users could not read one.
    """
    found = []
    for path in sorted(path for path in (package.folder / "changes").glob("*") if path.name != ".gitignore"):
        name = re.fullmatch(rf"[\w-]+\.({'|'.join(KINDS)})\.md", path.name)
        if name is None:
            todo = f"Name it <words-and-hyphens>.<kind>.md, where <kind> is one of {', '.join(KINDS)}, or remove it."
            raise FragmentError(path, "not the name of a change fragment.", todo)
        text = _read(path).strip()
        if not text and name[1] != "misc":
            raise FragmentError(path, "the change fragment is empty.", "Write what users read in the changelog.")
        found.append(Fragment(path, name[1], text))
    return found


def next_version(version: Version, kind: str) -> Version:
    """Return the version that a change of some kind asks for.

    Before 1.0, a breaking change moves the second number, and everything else the third.
    """
    if kind == "breaking":
        return next_breaking_version(version)
    if kind == "feature" and version.major:
        return Version(f"{version.major}.{version.minor + 1}.0")
    return Version(f"{version.major}.{version.minor}.{version.micro + 1}")


def next_breaking_version(version: Version) -> Version:
    """Return the first version that may break what a version promises: the upper bound of those who need it."""
    return Version(f"{version.major + 1}.0.0") if version.major else Version(f"0.{version.minor + 1}.0")


def changelog_of(package: WorkspacePackage) -> Path:
    """Return the path of a package's changelog."""
    return package.folder / "CHANGELOG.md"


def changelog_text(package: WorkspacePackage) -> str:
    """Return a package's changelog.

    Raises:
        FileNotFoundError: It has none.
        ValueError: Users could not read it.
    """
    path = changelog_of(package)
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. Add one that begins with: # Changelog")
    return _read(path)


def sections_of(text: str) -> list[str]:
    """Return the entries of a changelog with their headings, newest first."""
    return [section.strip() for section in _split(text)[1:]]


def entries_of(package: WorkspacePackage) -> dict[str, str]:
    """Return the entries of a changelog, newest first: the version, or `Unreleased`, and what is below its heading."""
    return {_name(section): _body(section) for section in sections_of(changelog_text(package))}


def needs_entry(package: WorkspacePackage, version: Version) -> bool:
    """Return whether the entry of a version lacks something: it does not exist, or there is more to say in it."""
    entries = entries_of(package)
    return bool(fragments_of(package)) or UNRELEASED in entries or str(version) not in entries


def write_entry(workspace: Workspace, package: WorkspacePackage, version: Version, last: Version | None) -> None:
    """Turn the fragments of a package into the entry of its coming version, and remove them.

    Lines of entries that are newer than the last release, such as `Unreleased`, stay at the end of this one.

    Raises:
        CommandError: towncrier refused; the message has its words.
    """
    path = changelog_of(package)
    head, *entries = _split(changelog_text(package))
    if _START not in head:
        head = f"{head.rstrip()}\n\n{_START}\n\n"
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


def _read(path: Path) -> str:
    """Return the text of a file that users will read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error}") from error
    if _CONFLICT.search(text):
        raise ValueError(f"{path} has marks of a merge conflict: resolve it.")
    return text


def _split(text: str) -> list[str]:
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)


def _name(section: str) -> str:
    return section.partition("\n")[0].removeprefix("## ").partition(" ")[0]


def _body(section: str) -> str:
    return section.partition("\n")[2].strip()
