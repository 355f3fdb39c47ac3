"""What has been released: tags such as `config-core-v0.1.0`, one for each release of a package."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

from packaging.version import Version

from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["changed_files", "git", "last_release", "released_package", "released_versions", "tag_of"]


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


def released_package(
    workspace: Workspace, package: WorkspacePackage, version: Version, folder: Path
) -> WorkspacePackage:
    """Return a package as it was released.

    Args:
        workspace: Where the tags are.
        package: The package as it is now.
        version: One of its `released_versions`.
        folder: Where its files are put, unless they are there already.
    """
    tag = tag_of(package, version)
    if not (folder / tag).exists():
        command = ["git", "archive", "--format=tar", tag, f"packages/{package.name}"]
        archive = subprocess.run(command, cwd=workspace.root, capture_output=True, check=True).stdout  # noqa: S603
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder / tag, filter="data")
    return WorkspacePackage(folder / tag / "packages" / package.name)


def changed_files(workspace: Workspace, since: str, *below: str) -> list[str]:
    """Return the files that differ from a commit, those included that are not committed yet, relative to the root."""
    changed = git(workspace.root, "diff", "--name-only", "--no-renames", since, "--", *below).splitlines()
    return changed + git(workspace.root, "ls-files", "--others", "--exclude-standard", "--", *below).splitlines()
