"""Change fragments: `packages/<p>/changes/<slug>.<kind>.md` tells one change; its kind says how much it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from release_tools.workspace import WorkspacePackage

__all__ = ["KINDS", "Fragment", "FragmentError", "fragments_of", "next_breaking_version", "next_version"]

KINDS = ("breaking", "feature", "fix", "misc")
"""Kinds of changes, the greatest first. Users do not notice `misc`: it is in no changelog and needs no release."""


class FragmentError(ValueError):
    """A fragment has a name that says no kind, or no text.

    Attributes:
        paths: The files in question.
        what: What is wrong with them.
        todo: What to do about it.
    """

    def __init__(self, paths: list[Path], what: str, todo: str) -> None:
        names = ", ".join("/".join(path.parts[-4:]) for path in paths)
        super().__init__(f"{names}: {what} {todo}")
        self.paths = paths
        self.what = what
        self.todo = todo


class Fragment(NamedTuple):
    """One change that is not released yet.

    Attributes:
        path: Its file.
        kind: One of `KINDS`.
        text: What users read in the changelog.
    """

    path: Path
    kind: str
    text: str


def fragments_of(package: WorkspacePackage) -> list[Fragment]:
    """Return the fragments of a package, by name.

    Raises:
        FragmentError: Files in its changes/ are none, or have no text; the message says what is allowed.
    """
    paths = sorted(path for path in (package.folder / "changes").glob("*") if path.name != ".gitignore")
    found = [(path, re.fullmatch(rf"[\w-]+\.({'|'.join(KINDS)})\.md", path.name)) for path in paths]
    if strays := [path for path, match in found if match is None]:
        todo = f"Name it <words-and-hyphens>.<kind>.md, where <kind> is one of {', '.join(KINDS)}, or remove it."
        raise FragmentError(strays, "not the name of a change fragment.", todo)
    fragments = [Fragment(path, match[1], path.read_text(encoding="utf-8").strip()) for path, match in found if match]
    if empty := [fragment.path for fragment in fragments if not fragment.text and fragment.kind != "misc"]:
        raise FragmentError(empty, "the change fragment is empty.", "Write what users read in the changelog.")
    return fragments


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
