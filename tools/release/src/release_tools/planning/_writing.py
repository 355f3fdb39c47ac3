"""Writing a plan into the files: versions, bounds and uv.lock with uv, changelogs with towncrier, API records."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import Requirement

from release_tools.changes import needs_entry, write_entry
from release_tools.checks import write_records
from release_tools.environments import uv
from release_tools.planning._plan import Bound, PlannedRelease, spelled
from release_tools.releases import git
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["prepare"]


def prepare(workspace: Workspace, plan: Iterable[PlannedRelease]) -> bool:
    """Write a plan into the files. Nothing is committed.

    Returns:
        Whether there was anything to write: the second time there is not.

    Raises:
        RuntimeError: There is something to write, and files of packages have changes that are not committed, which
            would be mixed up with those of the plan; or uv or towncrier refused.
    """
    releases = [release for release in plan if not _is_prepared(release)]
    if not releases:
        return False
    if changed := git(workspace.root, "status", "--porcelain", "--", "packages", "uv.lock"):
        raise RuntimeError(f"Commit or stash these changes first:\n{changed}")
    for release in releases:
        _move_bounds(workspace, release.package, release.bounds)
        if release.version != release.package.version:
            new = (release.package.distribution, str(release.version))
            uv("version", "--frozen", "--package", *new, cwd=workspace.root)
        write_entry(workspace, release.package, release.version, release.last)
    uv("lock", cwd=workspace.root)
    write_records(Workspace(workspace.root))
    return True


def _is_prepared(release: PlannedRelease) -> bool:
    moves = release.bounds or release.version != release.package.version
    return not moves and not needs_entry(release.package, release.version)


def _move_bounds(workspace: Workspace, package: WorkspacePackage, bounds: Iterable[Bound]) -> None:
    for bound in bounds:
        tables: dict[tuple[str, ...], list[str]] = {(): package.project["dependencies"]}
        tables |= {("--optional", extra): package.project["optional-dependencies"][extra] for extra in package.extras}
        for table, declared in tables.items():
            if bound.old in map(Requirement, declared):
                uv("add", "--frozen", "--package", package.distribution, *table, spelled(bound.new), cwd=workspace.root)
    if bounds:
        fragment = package.folder / "changes" / "siblings.fix.md"
        fragment.parent.mkdir(exist_ok=True)
        requirements = " and ".join(f"`{spelled(bound.new)}`" for bound in bounds)
        fragment.write_text(f"Requires {requirements}.\n", encoding="utf-8")
