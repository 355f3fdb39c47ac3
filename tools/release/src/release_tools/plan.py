"""Which packages are to be released, with which versions and bounds, in which order; and writing it into the files.

A package moves if it changed since its last release, or if a release of a sibling leaves its bounds behind. uv writes
versions, bounds and uv.lock, towncrier the changelogs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from release_tools.api import api_changes, write_records
from release_tools.changes import (
    KINDS,
    UNRELEASED,
    entries_of,
    fragments_of,
    needs_entry,
    next_breaking_version,
    next_version,
    write_entry,
)
from release_tools.checks import require_tags
from release_tools.environments import uv
from release_tools.releases import changed_files, git, last_release, released_package, released_versions, tag_of
from release_tools.sibling_use import uses_of_newer_siblings
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Bound", "PlannedRelease", "Reason", "changes_of", "plan_releases", "spelled", "write_plan"]

_LOWER = (">=", ">")


class Reason(NamedTuple):
    """Why a package is released: the kind of the change, one of `KINDS`, and what a maintainer reads."""

    kind: str
    text: str


class Bound(NamedTuple):
    """Bounds that a package must have for a sibling.

    Attributes:
        old: The requirement as it is.
        new: The requirement as it must be.
        is_needed: Whether the package must be released for it: the old one does not admit the sibling's coming
            version, or admits one that lacks what the package uses.
    """

    old: Requirement
    new: Requirement
    is_needed: bool


class PlannedRelease(NamedTuple):
    """One release of a plan.

    Attributes:
        package: The package as it is.
        last: Its last release; None before the first.
        version: The version that it will have.
        reasons: Why it is released.
        bounds: Bounds that change with it.
    """

    package: WorkspacePackage
    last: Version | None
    version: Version
    reasons: list[Reason]
    bounds: list[Bound]

    @property
    def tag(self) -> str:
        """The tag that starts the release."""
        return tag_of(self.package, self.version)

    @property
    def is_written(self) -> bool:
        """Whether the files say all of it."""
        moves = self.bounds or self.version != self.package.version
        return not moves and not needs_entry(self.package, self.version)


def plan_releases(workspace: Workspace, *names: str) -> list[PlannedRelease]:
    """Decide what is released, in the order in which it must be.

    Args:
        workspace: The checkout.
        names: Folders of the packages to release, with the dependents that they leave behind. Without names, all that
            have changed.

    Raises:
        FragmentError: A fragment has a bad name or no text.
        ValueError: There is no package of such a name, or one needs a sibling's version that is neither released
            nor in the plan; or tags are missing.
    """
    workspace.chosen(names)
    require_tags(workspace)
    planned: dict[str, PlannedRelease] = {}
    for package in workspace.in_order():
        last = last_release(workspace, package)
        reasons = changes_of(workspace, package, last)
        bounds = _coming_bounds(workspace, package, planned)
        wanted = package.name in names if names else any(reason.kind != "misc" for reason in reasons)
        if wanted or any(bound.is_needed for bound in bounds):
            _refuse_missing_siblings(workspace, package, planned)
            reasons += [Reason("fix", f"requires {spelled(bound.new)}, not {spelled(bound.old)}") for bound in bounds]
            version = _coming_version(package, last, reasons)
            _refuse_released(workspace, package, version)
            planned[package.name] = PlannedRelease(package, last, version, reasons, bounds)
    return list(planned.values())


def spelled(requirement: Requirement) -> str:
    """Return a requirement as the packages write it, with the lower bound first."""
    specifiers = ",".join(sorted(map(str, requirement.specifier), reverse=True))
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{specifiers}{marker}"


def changes_of(workspace: Workspace, package: WorkspacePackage, last: Version | None) -> list[Reason]:
    """Return what has changed in a package since its last release: what its fragments tell, and its API."""
    reasons = [Reason(each.kind, " ".join(each.text.partition("\n\n")[0].split())) for each in fragments_of(package)]
    if UNRELEASED in entries_of(package):
        reasons.append(Reason("fix", f"lines under {UNRELEASED} in the changelog"))
    if last is None:
        reasons.append(Reason("feature", "first release"))
    elif package.version > last:
        reasons.append(Reason("fix", f"version {package.version} is not released yet"))
    if last and _is_changed(workspace, package, last):
        changes = api_changes(released_package(workspace, package, last), package)
        reasons += [Reason(change.kind, str(change)) for change in changes]
    return sorted(reasons, key=lambda reason: KINDS.index(reason.kind))


def _is_changed(workspace: Workspace, package: WorkspacePackage, last: Version) -> bool:
    """Return whether anything may have changed in what a package offers and uses."""
    below = (f"packages/{package.name}/{path}" for path in ("src", "pyproject.toml"))
    return bool(changed_files(workspace, tag_of(package, last), *below))


def _coming_version(package: WorkspacePackage, last: Version | None, reasons: list[Reason]) -> Version:
    if last is None:
        return package.version
    kind = min((reason.kind for reason in reasons), key=KINDS.index, default="fix")
    return max(package.version, next_version(last, kind))


def _refuse_released(workspace: Workspace, package: WorkspacePackage, version: Version) -> None:
    """Refuse a version that another branch has released, and on which this one was not built."""
    if version in released_versions(workspace, package):
        raise ValueError(
            f"{package.name} would become {version}, which is released already, and not on this branch: begin it at "
            f"{tag_of(package, version)} or at a newer tag, or remove that tag if it is a mistake. A fix for an older "
            "version may break nothing."
        )


def _coming_bounds(workspace: Workspace, package: WorkspacePackage, planned: dict[str, PlannedRelease]) -> list[Bound]:
    siblings = [(each, planned.get(sibling.name), sibling.name) for each, sibling in workspace.siblings_of(package)]
    used = _used_versions(workspace, package, planned)
    left_behind = any(release and release.version not in each.specifier for each, release, _ in siblings)
    bounds = []
    for requirement, release, name in siblings:
        needed = [version for version in used.get(name, ()) if _lowest(requirement) < version]
        if release and release.version not in requirement.specifier:
            needed.append(release.version)
        # A sibling that moves for the same reason cannot be installed beside it in its older version.
        moves_with_it = release and left_behind and any(bound.is_needed for bound in release.bounds)
        minimums = [*needed, release.version] if release and moves_with_it else needed
        if minimums:
            bounds.append(Bound(requirement, _raised(requirement, max(minimums)), is_needed=bool(needed)))
    return bounds


def _used_versions(
    workspace: Workspace, package: WorkspacePackage, planned: dict[str, PlannedRelease]
) -> dict[str, list[Version]]:
    """Return siblings of which a package uses what the oldest that its bounds admit lack, and which first have it."""
    last, found = last_release(workspace, package), defaultdict[str, list[Version]](list)
    if last and not _is_changed(workspace, package, last):
        return found
    for use in uses_of_newer_siblings(workspace, package):
        if use.version is None and use.sibling.name not in planned:
            raise ValueError(
                f"{package.name} uses what {use.sibling.name} has not released: {use.message}. "
                f"Plan both: release plan {use.sibling.name} {package.name}"
            )
        found[use.sibling.name].append(use.version or planned[use.sibling.name].version)
    return found


def _refuse_missing_siblings(
    workspace: Workspace, package: WorkspacePackage, planned: dict[str, PlannedRelease]
) -> None:
    for requirement, sibling in workspace.siblings_of(package):
        released = last_release(workspace, sibling)
        if sibling.name in planned and (coming := planned[sibling.name].version) < _lowest(requirement):
            raise ValueError(
                f"{package.name} needs {spelled(requirement)}, and {sibling.name} will be {coming}. Lower the "
                f"bound, or write a note in packages/{sibling.name}/changes/ that asks for a higher version."
            )
        if sibling.name not in planned and (released is None or released not in requirement.specifier):
            there = "is not released" if released is None else f"was released as {released}"
            raise ValueError(
                f"{package.name} needs {spelled(requirement)}, and {sibling.name} {there}. "
                f"Plan both: release plan {sibling.name} {package.name}"
            )


def _raised(old: Requirement, lowest: Version) -> Requirement:
    """Return a requirement with another lower bound, and an upper one that admits it."""
    upper = [str(each) for each in old.specifier if each.operator not in _LOWER]
    if lowest not in old.specifier:
        upper = [f"<{_short(next_breaking_version(lowest))}"]
    new = Requirement(str(old))
    new.specifier = SpecifierSet(",".join([f">={_short(lowest)}", *upper]))
    return new


def _lowest(requirement: Requirement) -> Version:
    """Return the lower bound of a requirement."""
    return max(
        (Version(each.version) for each in requirement.specifier if each.operator in _LOWER), default=Version("0")
    )


def _short(version: Version) -> str:
    return f"{version.major}.{version.minor}" if not version.micro else str(version)


def write_plan(workspace: Workspace, plan: Iterable[PlannedRelease]) -> bool:
    """Write a plan into the files, all of it or nothing. Nothing is committed.

    Returns:
        Whether there was anything to write: the second time there is not.

    Raises:
        RuntimeError: There is something to write, and files of packages have changes that are not committed, which
            would be mixed up with those of the plan; or uv or towncrier refused.
    """
    releases = [release for release in plan if not release.is_written]
    if not releases:
        return False
    written = ("packages", "uv.lock")
    if changed := git(workspace.root, "status", "--porcelain", "--untracked-files=all", "--", *written):
        raise RuntimeError(f"Commit or stash these changes first:\n{changed}")
    try:
        for release in releases:
            _tell_api_changes(release)
            _move_bounds(workspace, release.package, release.bounds)
            if release.version != release.package.version:
                new = (release.package.distribution, str(release.version))
                uv("version", "--frozen", "--package", *new, cwd=workspace.root)
            write_entry(workspace, release.package, release.version, release.last)
        uv("lock", cwd=workspace.root)
        write_records(Workspace(workspace.root))
    except BaseException:
        # All of it was committed: half a plan must not stay.
        git(workspace.root, "restore", "--staged", "--worktree", "--", *written)
        git(workspace.root, "clean", "--quiet", "--force", "--", "packages/*/changes/*")
        raise
    return True


def _move_bounds(workspace: Workspace, package: WorkspacePackage, bounds: Iterable[Bound]) -> None:
    for bound in bounds:
        tables: dict[tuple[str, ...], list[str]] = {(): package.project["dependencies"]}
        tables |= {("--optional", extra): package.project["optional-dependencies"][extra] for extra in package.extras}
        for table, declared in tables.items():
            if bound.old in map(Requirement, declared):
                uv("add", "--frozen", "--package", package.distribution, *table, spelled(bound.new), cwd=workspace.root)
    if bounds:
        requirements = " and ".join(f"`{spelled(bound.new)}`" for bound in bounds)
        _tell(package, "siblings.fix.md", f"Requires {requirements}.")


def _tell_api_changes(release: PlannedRelease) -> None:
    """Write fragments about changes of the API if users are told of nothing else: the entry must not be empty."""
    told = UNRELEASED in entries_of(release.package) or any(
        each.kind != "misc" for each in fragments_of(release.package)
    )
    for kind in ("breaking", "feature"):
        texts = [reason.text for reason in release.reasons if reason.kind == kind]
        if texts and release.last and not told:
            _tell(release.package, f"api.{kind}.md", "; ".join(texts) + ".")


def _tell(package: WorkspacePackage, name: str, text: str) -> None:
    """Write a change fragment."""
    folder = package.folder / "changes"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"{text}\n", encoding="utf-8")
