"""What changed since a commit or a release, package by package, and what must be tested for it."""

from __future__ import annotations

from release_tools.changelog import changelog_of
from release_tools.fragments import fragments_of
from release_tools.planning import dependents_of
from release_tools.releases import git, last_release, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["affected_packages", "changed_files", "folders_to_test", "missing_notes"]

UNSHIPPED = ("CHANGELOG.md", "api.json", "changes/")
"""What changes in a package's folder without a change for its users."""


def changed_files(workspace: Workspace, since: str, *below: str) -> list[str]:
    """Return the files that differ from a commit, those included that are not committed yet, relative to the root."""
    changed = git(workspace.root, "diff", "--name-only", "--no-renames", since, "--", *below).splitlines()
    return changed + git(workspace.root, "ls-files", "--others", "--exclude-standard", "--", *below).splitlines()


def missing_notes(workspace: Workspace, since: str | None = None) -> list[str]:
    """Return what to tell about packages that changed, and whose changes nobody wrote down for their users.

    Args:
        workspace: The checkout.
        since: Commit to compare with, from the branch's start on; without it, each package is compared with its last
            release, and one without a release passes.
    """
    start = since and git(workspace.root, "merge-base", since, "HEAD")
    problems = []
    for package in workspace.packages.values():
        last = last_release(workspace, package)
        base = start or (tag_of(package, last) if last else None)
        if base is None:
            continue
        folder = f"packages/{package.name}/"
        changed = [path.removeprefix(folder) for path in changed_files(workspace, base, folder)]
        shipped = [path for path in changed if not path.startswith(UNSHIPPED)]
        if shipped and not _has_note(package, changed, every_fragment=since is None):
            problems.append(
                f"{folder}{shipped[0]}{f' and {len(shipped) - 1} more' if shipped[1:] else ''} changed since "
                f"{since or base}, and nothing tells the users of {package.name}. Add "
                f"{folder}changes/<words-and-hyphens>.<kind>.md, where <kind> is breaking, feature, fix, or misc for "
                "what they do not notice."
            )
    return problems


def affected_packages(workspace: Workspace, since: str) -> set[str]:
    """Return the folders' names of the packages that changes since a branch's start concern: theirs and dependents'.

    Files of no package (the lock, tests of several packages, the tools) concern all.
    """
    start = git(workspace.root, "merge-base", since, "HEAD")
    owners = {}
    for package in workspace.packages.values():
        owners[f"packages/{package.name}/"] = owners[f"tests/{package.import_name}/"] = package.name
    changed = [
        next((owners[each] for each in owners if path.startswith(each)), None)
        for path in changed_files(workspace, start)
    ]
    if None in changed:
        return {package.name for package in workspace.packages.values()}
    return dependents_of(workspace, {name for name in changed if name})


def folders_to_test(workspace: Workspace, affected: set[str]) -> list[str]:
    """Return the folders of tests that concern some packages: their own, and those of several packages."""
    others = {package.import_name for package in workspace.packages.values() if package.name not in affected}
    tests = workspace.root / "tests"
    folders = {path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")}
    return [f"tests/{folder}" for folder in sorted(folders - others)] if affected else []


def _has_note(package: WorkspacePackage, changed: list[str], *, every_fragment: bool) -> bool:
    fragments = [f"changes/{fragment.path.name}" for fragment in fragments_of(package)]
    return changelog_of(package).name in changed or any(every_fragment or each in changed for each in fragments)
