"""Writing a plan into the files: versions, bounds and uv.lock with uv, changelogs with towncrier, API records."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from packaging.requirements import Requirement

from release_tools.changes import needs_entry, write_entry
from release_tools.checks import write_records
from release_tools.planning._plan import Bound, PlannedRelease, spelled
from release_tools.releases import git
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["DirtyTreeError", "prepare"]


class DirtyTreeError(RuntimeError):
    """The packages have changes that are not committed, which would be mixed up with those of a plan."""


def prepare(workspace: Workspace, plan: Iterable[PlannedRelease]) -> bool:
    """Write a plan into the files. Nothing is committed.

    Returns:
        Whether there was anything to write: the second time there is not.

    Raises:
        DirtyTreeError: There is something to write, and files of packages have changes that are not committed.
        RuntimeError: uv or towncrier refused; the message has their words.
    """
    releases = [release for release in plan if not _is_prepared(release)]
    if not releases:
        return False
    if changed := git(workspace.root, "status", "--porcelain", "--", "packages", "uv.lock"):
        raise DirtyTreeError(f"Commit or stash these changes first:\n{changed}")
    for release in releases:
        _move_bounds(workspace, release.package, release.bounds)
        if release.version != release.package.version:
            _uv(workspace, "version", str(release.version), "--package", release.package.distribution, "--frozen")
        write_entry(workspace, release.package, release.version, release.last)
    _uv(workspace, "lock")
    write_records(Workspace(workspace.root))
    return True


def _is_prepared(release: PlannedRelease) -> bool:
    moves = release.bounds or release.version != release.package.version
    return not moves and not needs_entry(release.package, release.version)


def _move_bounds(workspace: Workspace, package: WorkspacePackage, bounds: Iterable[Bound]) -> None:
    for bound in bounds:
        for extra in (None, *package.extras):
            declared = package.project["dependencies"] if extra is None else _extra(package, extra)
            if bound.old in map(Requirement, declared):
                place = [] if extra is None else ["--optional", extra]
                _uv(workspace, "add", "--frozen", "--package", package.distribution, *place, spelled(bound.new))
    if bounds:
        fragment = package.folder / "changes" / "siblings.fix.md"
        fragment.parent.mkdir(exist_ok=True)
        requirements = " and ".join(f"`{spelled(bound.new)}`" for bound in bounds)
        fragment.write_text(f"Requires {requirements}.\n", encoding="utf-8")


def _extra(package: WorkspacePackage, extra: str) -> list[str]:
    declared: list[str] = package.project["optional-dependencies"][extra]
    return declared


def _uv(workspace: Workspace, *arguments: str) -> None:
    command = ["uv", *arguments]
    result = subprocess.run(command, cwd=workspace.root, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
