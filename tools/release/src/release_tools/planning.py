"""Which packages are to be released, with which versions and bounds, and in which order.

A package moves if it changed since its last release, or if a release of a sibling leaves its bounds behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.changelog import UNRELEASED, changelog_of, entries_of
from release_tools.fragments import KINDS, fragments_of, next_breaking_version, next_version
from release_tools.releases import last_release, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Bound", "PlannedRelease", "Reason", "changes_of", "dependents_of", "in_order", "plan_releases", "spelled"]


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
        leaves: Whether the old one does not admit the sibling's coming version, so that the package must be released.
    """

    old: Requirement
    new: Requirement
    leaves: bool


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


def in_order(workspace: Workspace) -> list[WorkspacePackage]:
    """Return the packages, each after the siblings that it needs."""
    graph = {
        name: [canonicalize_name(sibling.distribution) for _, sibling in workspace.siblings_of(package)]
        for name, package in workspace.packages.items()
    }
    return [workspace.packages[name] for name in TopologicalSorter(graph).static_order()]


def dependents_of(workspace: Workspace, names: set[str]) -> set[str]:
    """Return the folders' names of some packages and of all that need them, directly or not."""
    found = set(names)
    for package in in_order(workspace):
        if any(sibling.name in found for _, sibling in workspace.siblings_of(package)):
            found.add(package.name)
    return found


def plan_releases(workspace: Workspace, *names: str) -> list[PlannedRelease]:
    """Decide what is released, in the order in which it must be.

    Args:
        workspace: The checkout.
        names: Folders of the packages to release, with the dependents that they leave behind. Without names, all that
            have changed.

    Raises:
        FragmentError: A fragment has a bad name or no text.
        ValueError: There is no package of such a name, or one needs a sibling's version that is neither released
            nor in the plan.
    """
    if unknown := set(names) - (known := {package.name for package in workspace.packages.values()}):
        raise ValueError(f"No packages: {', '.join(sorted(unknown))}. There are {', '.join(sorted(known))}.")
    planned: dict[str, PlannedRelease] = {}
    for package in in_order(workspace):
        last = last_release(workspace, package)
        reasons = changes_of(package, last)
        bounds = _coming_bounds(workspace, package, planned)
        wanted = package.name in names if names else any(reason.kind != "misc" for reason in reasons)
        if wanted or any(bound.leaves for bound in bounds):
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


def changes_of(package: WorkspacePackage, last: Version | None) -> list[Reason]:
    """Return what has changed in a package since its last release."""
    reasons = [Reason(each.kind, each.text.partition("\n")[0]) for each in fragments_of(package)]
    if UNRELEASED in entries_of(changelog_of(package).read_text(encoding="utf-8")):
        reasons.append(Reason("fix", f"lines under {UNRELEASED} in the changelog"))
    if last is None:
        reasons.append(Reason("feature", "first release"))
    elif package.version > last:
        reasons.append(Reason("fix", f"version {package.version} is not released yet"))
    return sorted(reasons, key=lambda reason: KINDS.index(reason.kind))


def _coming_version(package: WorkspacePackage, last: Version | None, reasons: list[Reason]) -> Version:
    if last is None:
        return package.version
    kind = min((reason.kind for reason in reasons), key=KINDS.index, default="fix")
    return max(package.version, next_version(last, kind))


def _coming_bounds(workspace: Workspace, package: WorkspacePackage, planned: dict[str, PlannedRelease]) -> list[Bound]:
    siblings = workspace.siblings_of(package)
    coming = {sibling.name: planned[sibling.name] for _, sibling in siblings if sibling.name in planned}
    left_behind = any(
        sibling.name in coming and coming[sibling.name].version not in requirement.specifier
        for requirement, sibling in siblings
    )
    bounds = []
    for requirement, sibling in siblings:
        if sibling.name not in coming:
            continue
        release = coming[sibling.name]
        leaves = release.version not in requirement.specifier
        # A sibling that moves for the same reason cannot be installed beside it in its older version.
        moves_with_it = left_behind and any(bound.leaves for bound in release.bounds)
        if leaves or moves_with_it:
            bounds.append(Bound(requirement, _requirement(requirement, release.version), leaves))
    return [bound for bound in bounds if bound.new != bound.old]


def _refuse_missing_siblings(
    workspace: Workspace, package: WorkspacePackage, planned: dict[str, PlannedRelease]
) -> None:
    for requirement, sibling in workspace.siblings_of(package):
        released = last_release(workspace, sibling)
        if sibling.name not in planned and (released is None or released not in requirement.specifier):
            there = "is not released" if released is None else f"was released as {released}"
            raise ValueError(
                f"{package.name} needs {spelled(requirement)}, and {sibling.name} {there}. "
                f"Plan both: release plan {sibling.name} {package.name}"
            )


def _requirement(old: Requirement, lowest: Version) -> Requirement:
    new = Requirement(str(old))
    new.specifier = SpecifierSet(f">={_short(lowest)},<{_short(next_breaking_version(lowest))}")
    return new


def _short(version: Version) -> str:
    return f"{version.major}.{version.minor}" if not version.micro else str(version)
