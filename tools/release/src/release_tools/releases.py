"""What has been released, by tags such as `config-core-v0.1.0`, and what has changed since."""

from __future__ import annotations

import atexit
import re
import shutil
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from release_tools.environments import CommandError, run_command
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = [
    "ReleaseError",
    "admitted_releases",
    "affected_packages",
    "branch_start",
    "changed_files",
    "folders_to_test",
    "git",
    "last_release",
    "released_package",
    "released_versions",
    "tag_of",
]


class ReleaseError(RuntimeError):
    """A release cannot be read or built again from its tag; the message says why, and what to do."""

    def __init__(self, package: WorkspacePackage, version: Version, why: str) -> None:
        tag = tag_of(package, version)
        super().__init__(
            f"{tag} {why}\n"
            f"If the tag is on a wrong commit, remove it (git tag --delete {tag}), and tag the commit that "
            f"released {version}. If it is right, let the dependents of {package.distribution} exclude {version}."
        )


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder, and return what it printed, without the last line break.

    Raises:
        CommandError: It failed; the message has what it printed.
    """
    return run_command(["git", *arguments], cwd=root).rstrip("\n")


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

    Raises:
        ValueError: All releases are newer.
    """
    versions = released_versions(workspace, package)
    if versions and package.version < versions[0]:
        raise ValueError(
            f"{package.distribution} {package.version} is older than its first release, {versions[0]}: set its version "
            "to that of its last release, or to a newer one."
        )
    return max((version for version in versions if version <= package.version), default=None)


def admitted_releases(workspace: Workspace, bounds: Requirement, sibling: WorkspacePackage) -> list[Version]:
    """Return the releases of a sibling that the bounds of a package admit, oldest first."""
    return [version for version in released_versions(workspace, sibling) if version in bounds.specifier]


def released_package(workspace: Workspace, package: WorkspacePackage, version: Version) -> WorkspacePackage:
    """Return a package as it was released, in a folder that lasts as long as this process.

    Raises:
        ReleaseError: The tag has no such package, or has it in another version.
    """
    tag, path = tag_of(package, version), f"packages/{package.name}"
    try:
        folder = _unpacked() / git(workspace.root, "rev-parse", f"{tag}:{path}")
        if not folder.exists():
            archive = folder.with_suffix(".tar")
            git(workspace.root, "archive", f"--output={archive}", tag, path)
            with tarfile.open(archive) as files:
                files.extractall(folder, filter="data")
        released = WorkspacePackage(folder / path)
        found = released.version
    except (CommandError, OSError, ValueError, tarfile.TarError) as error:
        raise ReleaseError(package, version, f"cannot be read: {str(error).splitlines()[-1]}") from error
    if found != version:
        raise ReleaseError(package, version, f"is on a commit in which {package.distribution} is {found}.")
    return released


@cache
def _unpacked() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="releases-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def branch_start(workspace: Workspace, since: str) -> str:
    """Return the commit at which this branch left another one.

    Raises:
        ValueError: This clone does not have it.
    """
    try:
        return git(workspace.root, "merge-base", since, "HEAD")
    except CommandError as error:
        raise ValueError(
            f"This clone has no commit at which this branch left {since}. Check the name, and fetch what is missing: "
            "git fetch origin, in a shallow clone with --unshallow."
        ) from error


def changed_files(workspace: Workspace, since: str, *below: str) -> list[str]:
    """Return the files that differ from a commit, those included that are not committed yet, relative to the root."""
    changed = git(workspace.root, "diff", "--name-only", "--no-renames", since, "--", *below).splitlines()
    return changed + git(workspace.root, "ls-files", "--others", "--exclude-standard", "--", *below).splitlines()


def affected_packages(workspace: Workspace, since: str) -> set[str]:
    """Return the folders' names of the packages that changes since a branch's start concern: theirs and dependents'.

    Files of no package (the lock, tests of several packages, the tools) concern all.
    """
    owners = {}
    for package in workspace.packages.values():
        owners[f"packages/{package.name}/"] = owners[f"tests/{package.import_name}/"] = package.name
    changed = [
        next((owners[each] for each in owners if path.startswith(each)), None)
        for path in changed_files(workspace, branch_start(workspace, since))
    ]
    if None in changed:
        return {package.name for package in workspace.packages.values()}
    return workspace.with_dependents({name for name in changed if name})


def folders_to_test(workspace: Workspace, affected: set[str]) -> list[str]:
    """Return the folders of tests that concern some packages: their own, and those of several packages."""
    others = {package.import_name for package in workspace.packages.values() if package.name not in affected}
    tests = workspace.root / "tests"
    folders = {path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")}
    return [f"tests/{folder}" for folder in sorted(folders - others)] if affected else []
