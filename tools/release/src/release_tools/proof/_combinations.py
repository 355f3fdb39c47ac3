"""Which versions are tried together: what a user may have of Python, of the siblings, and of third parties."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.environments import CommandError
from release_tools.proof._distributions import Distributions, build
from release_tools.proof._papers import claimed_pythons
from release_tools.proof._pythons import Python
from release_tools.releases import ReleaseError, admitted_releases, git, released_package, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Combination", "Wheels", "combinations_of", "third_parties_of"]


@dataclass(frozen=True)
class Combination:
    """A package together with certain versions of everything that it needs.

    Attributes:
        package: The package.
        python: The interpreter.
        siblings: `newest`, those of this checkout, or `oldest`, the first releases that the package's bounds admit;
            `newest = oldest` if there is no such release, and `none` if it needs no sibling.
        third_parties: `locked`, as in uv.lock, or `lowest`, as old as the bounds admit; `none` if it needs none.
        wheels: The folder that has the package and those siblings.
    """

    package: WorkspacePackage
    python: Python
    siblings: str
    third_parties: str
    wheels: Path

    @property
    def claimed(self) -> bool:
        """Whether the package says, in its classifiers, that it works on this Python."""
        return self.python.minor in claimed_pythons(self.package.project["classifiers"])

    @property
    def allowed(self) -> bool:
        """Whether an installer gives the package to this Python at all, by its requires-python."""
        newest_patch = f"{self.python.minor}.99"
        return newest_patch in SpecifierSet(self.package.project["requires-python"])

    @property
    def name(self) -> str:
        """A name for its folder and its log."""
        return "-".join([self.package.name, self.python.minor, self.siblings.split()[0], self.third_parties])


def third_parties_of(workspace: Workspace, package: WorkspacePackage, *extras: str) -> list[Requirement]:
    """Return what a package, with some of its extras, needs from outside the workspace."""
    requirements = package.requirements(*extras)
    return [each for each in requirements if canonicalize_name(each.name) not in workspace.packages]


class Wheels:
    """The wheels of this checkout, and those of releases, which are built again from their tags when asked for.

    Args:
        workspace: The checkout.
        built: Name of each package to its distributions.
        folder: Where everything is put.
    """

    def __init__(self, workspace: Workspace, built: dict[str, Distributions], folder: Path) -> None:
        self._workspace, self._built, self._folder = workspace, built, folder
        self._releases: dict[tuple[str, Version], Path] = {}
        self.newest = folder / "newest"
        self.newest.mkdir(parents=True)
        for distributions in built.values():
            shutil.copy(distributions.wheel, self.newest)

    def oldest_for(self, package: WorkspacePackage) -> Path | None:
        """Return a folder with the wheel of a package, and with every version of its siblings that it may get.

        Returns:
            None if its bounds admit no release that differs from this checkout.
        """
        admitted = [
            (sibling, version)
            for requirement, sibling in self._workspace.siblings_of(package)
            for version in admitted_releases(self._workspace, requirement, sibling)
            if self._differs(sibling, version)
        ]
        if not admitted:
            return None
        folder = self._folder / f"oldest-for-{package.name}"
        shutil.copytree(self.newest, folder)
        for sibling, version in admitted:
            # Where a release has the version of this checkout, the release is what users have.
            shutil.copy(self._release(sibling, version), folder)
        return folder

    def _differs(self, package: WorkspacePackage, version: Version) -> bool:
        tag = tag_of(package, version)
        return bool(git(self._workspace.root, "diff", "--name-only", tag, "--", str(package.folder)))

    def _release(self, package: WorkspacePackage, version: Version) -> Path:
        """Return the wheel of a release.

        Raises:
            ReleaseError: It cannot be built again.
        """
        if (package.name, version) not in self._releases:
            folder = self._folder / "released" / f"{package.name}-{version}"
            released = released_package(self._workspace, package, version)
            try:
                self._releases[package.name, version] = build(released, folder).wheel
            except CommandError as error:
                raise ReleaseError(package, version, f"cannot be built again: {error}") from error
        return self._releases[package.name, version]


def combinations_of(
    workspace: Workspace, packages: Iterable[WorkspacePackage], pythons: Collection[Python], wheels: Wheels
) -> Iterator[Combination]:
    """Yield every combination; those that would be the same come once."""
    for package in packages:
        siblings = _siblings_to_try(workspace, package, wheels)
        needs_others = bool(third_parties_of(workspace, package, *package.extras))
        third_parties = ["locked", "lowest"] if needs_others else ["none"]
        for python, shown, versions in itertools.product(pythons, siblings, third_parties):
            yield Combination(package, python, siblings=shown, third_parties=versions, wheels=siblings[shown])


def _siblings_to_try(workspace: Workspace, package: WorkspacePackage, wheels: Wheels) -> dict[str, Path]:
    """Return the folders to take siblings from, by what they are called in the table."""
    if not workspace.siblings_of(package):
        return {"none": wheels.newest}
    oldest = wheels.oldest_for(package)
    return {"newest": wheels.newest, "oldest": oldest} if oldest else {"newest = oldest": wheels.newest}
