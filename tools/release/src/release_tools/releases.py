"""What has been released: tags such as `config-core-v0.1.0`, one for each release of a package."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from packaging.version import Version

from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["git", "last_release", "released_versions", "tag_of"]


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder.

    Returns:
        What it printed, without the last line break.

    Raises:
        RuntimeError: It failed; the message says what it printed.
    """
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed in {root}:\n{result.stderr}")
    return result.stdout.rstrip("\n")


def tag_of(package: WorkspacePackage, version: Version) -> str:
    """Return the tag of a release, whether or not it exists."""
    return f"{package.name}-v{version}"


def released_versions(workspace: Workspace, package: WorkspacePackage) -> list[Version]:
    """Return the versions that have a tag, oldest first."""
    tags = git(workspace.root, "tag", "--list", f"{package.name}-v*").splitlines()
    versions = [re.fullmatch(rf"{re.escape(package.name)}-v(\d+(?:\.\d+)*)", tag) for tag in tags]
    return sorted(Version(found[1]) for found in versions if found)


def last_release(workspace: Workspace, package: WorkspacePackage) -> Version | None:
    """Return the newest release that is not newer than the sources, or None before the first.

    On a branch that mends an old version, newer releases are no predecessors.
    """
    return max(
        (version for version in released_versions(workspace, package) if version <= package.version), default=None
    )
