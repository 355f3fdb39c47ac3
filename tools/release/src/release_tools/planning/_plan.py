"""Which packages are to be released, with which versions and bounds, and in which order.

A package moves if it changed since its last release, or if a release of a sibling leaves its bounds behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from release_tools.changes import (
    KINDS,
    UNRELEASED,
    changelog_of,
    entries_of,
    fragments_of,
    next_breaking_version,
    next_version,
)
from release_tools.checks import breaking_changes, public_names, require_tags, uses_of_newer_siblings
from release_tools.releases import changed_files, last_release, released_package, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Bound", "PlannedRelease", "Reason", "changes_of", "plan_releases", "spelled"]

_LOWER = (">=", ">")


@dataclass(frozen=True)
class Reason:
    """Why a package is released.

    Attributes:
        kind: Kind of the change, one of `KINDS`.
        text: What a maintainer reads.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Bound:
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


@dataclass(frozen=True)
class PlannedRelease:
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
    reasons: tuple[Reason, ...]
    bounds: tuple[Bound, ...]

    @property
    def tag(self) -> str:
        """The tag that starts the release."""
        return tag_of(self.package, self.version)


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
            planned[package.name] = PlannedRelease(package, last, version, tuple(reasons), tuple(bounds))
    return list(planned.values())


def spelled(requirement: Requirement) -> str:
    """Return a requirement as the packages write it, with the lower bound first."""
    specifiers = ",".join(sorted(map(str, requirement.specifier), reverse=True))
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{specifiers}{marker}"


def changes_of(workspace: Workspace, package: WorkspacePackage, last: Version | None) -> list[Reason]:
    """Return what has changed in a package since its last release: what its fragments tell, and its API."""
    reasons = [Reason(each.kind, each.text.partition("\n")[0]) for each in fragments_of(package)]
    if UNRELEASED in entries_of(changelog_of(package).read_text(encoding="utf-8")):
        reasons.append(Reason("fix", f"lines under {UNRELEASED} in the changelog"))
    if last is None:
        reasons.append(Reason("feature", "first release"))
    elif package.version > last:
        reasons.append(Reason("fix", f"version {package.version} is not released yet"))
    if last and _has_new_sources(workspace, package, last):
        reasons += _api_changes(workspace, package, last)
    return sorted(reasons, key=lambda reason: KINDS.index(reason.kind))


def _has_new_sources(workspace: Workspace, package: WorkspacePackage, last: Version) -> bool:
    return bool(changed_files(workspace, tag_of(package, last), f"packages/{package.name}/src"))


def _api_changes(workspace: Workspace, package: WorkspacePackage, last: Version) -> Iterator[Reason]:
    released = released_package(workspace, package, last)
    for broken in breaking_changes(released, package):
        yield Reason("breaking", f"{broken.name}: {broken.what}")
    before = public_names(released)
    for face, names in public_names(package).items():
        for name in sorted(names - before.get(face, set())):
            yield Reason("feature", f"{face}.{name} is new")


def _coming_version(package: WorkspacePackage, last: Version | None, reasons: list[Reason]) -> Version:
    if last is None:
        return package.version
    kind = min((reason.kind for reason in reasons), key=KINDS.index, default="fix")
    return max(package.version, next_version(last, kind))


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
    if last and not _has_new_sources(workspace, package, last):
        return found
    for use in uses_of_newer_siblings(workspace, package):
        if use.version is None and use.sibling.name not in planned:
            raise ValueError(
                f"{package.name} uses what {use.sibling.name} has not released: {use.misuse.message}. "
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
