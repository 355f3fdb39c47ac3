"""What changed since a commit or a release, package by package, and what must be tested for it."""

from __future__ import annotations

from collections.abc import Iterator

from release_tools.changelog import changelog_of
from release_tools.failures import Failure, place
from release_tools.fragments import KINDS, FragmentError, fragments_of
from release_tools.releases import git, last_release, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["affected_packages", "changed_files", "folders_to_test", "missing_note"]

UNSHIPPED = ("CHANGELOG.md", "api.json", "changes/")
"""What changes in a package's folder without a change for its users."""


def changed_files(workspace: Workspace, since: str, *below: str) -> list[str]:
    """Return the files that differ from a commit, those included that are not committed yet, relative to the root."""
    changed = git(workspace.root, "diff", "--name-only", "--no-renames", since, "--", *below).splitlines()
    return changed + git(workspace.root, "ls-files", "--others", "--exclude-standard", "--", *below).splitlines()


def missing_note(workspace: Workspace, package: WorkspacePackage, since: str | None = None) -> Iterator[Failure]:
    """Find a change of a package that nobody has written down for its users.

    Args:
        workspace: The checkout.
        package: The package.
        since: Commit that a branch has left, from which on it must bring its own note; without it, the package is
            compared with its last release, and passes before the first.
    """
    folder = f"packages/{package.name}/"
    try:
        notes = {f"changes/{fragment.path.name}" for fragment in fragments_of(package)}
    except FragmentError as error:
        yield Failure(package.name, "change-note", place(workspace, error.paths[0]), error.what, error.todo)
        return
    last = last_release(workspace, package)
    if since is None and last is None:
        return
    base = git(workspace.root, "merge-base", since, "HEAD") if since else tag_of(package, last or package.version)
    changed = [path.removeprefix(folder) for path in changed_files(workspace, base, folder)]
    shipped = [path for path in changed if not path.startswith(UNSHIPPED)]
    notes = notes.intersection(changed) if since else notes
    if shipped and not notes and changelog_of(package).name not in changed:
        more = f" and {len(shipped) - 1} more files" if shipped[1:] else ""
        yield Failure(
            package.name,
            "change-note",
            f"{folder}{shipped[0]}",
            f"this file{more} changed since {since or base}, and nothing tells the users of {package.distribution}.",
            f"Add {folder}changes/<words-and-hyphens>.<kind>.md, where <kind> is one of {', '.join(KINDS)}; misc is "
            "for what users do not notice.",
        )


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
    return workspace.with_dependents({name for name in changed if name})


def folders_to_test(workspace: Workspace, affected: set[str]) -> list[str]:
    """Return the folders of tests that concern some packages: their own, and those of several packages."""
    others = {package.import_name for package in workspace.packages.values() if package.name not in affected}
    tests = workspace.root / "tests"
    folders = {path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")}
    return [f"tests/{folder}" for folder in sorted(folders - others)] if affected else []
