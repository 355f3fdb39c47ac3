"""Whether the users of a package are told what has changed in it."""

from __future__ import annotations

from collections.abc import Iterator

from release_tools.changes import KINDS, FragmentError, changelog_of, fragments_of
from release_tools.checks._failures import Failure, place
from release_tools.releases import changed_files, git, last_release, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["missing_note", "notes_of_no_package"]

_UNSHIPPED = ("CHANGELOG.md", "api.json", "changes/")  # Users do not notice changes here.


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
    shipped = [path for path in changed if not path.startswith(_UNSHIPPED)]
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


def notes_of_no_package(workspace: Workspace) -> Iterator[Failure]:
    """Find change fragments in folders that are no package, such as those of a name that was misspelled."""
    packages = {package.folder for package in workspace.packages.values()}
    for folder in sorted(workspace.root.glob("packages/*/changes")):
        if folder.parent not in packages and any(folder.iterdir()):
            there = ", ".join(sorted(package.name for package in packages))
            what = f"there is no such package, so nobody reads these notes; there are {there}."
            yield Failure(
                folder.parent.name, "change-note", place(workspace, folder), what, "Move them, or remove them."
            )
