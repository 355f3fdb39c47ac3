"""What must be tested for a change: the packages that it concerns, and the folders of their tests."""

from __future__ import annotations

from release_tools.releases import changed_files, git
from release_tools.workspace import Workspace

__all__ = ["affected_packages", "folders_to_test"]


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
