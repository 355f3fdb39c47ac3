"""Which versions are tried together: what a user may have of Python, of the siblings, and of third parties."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.distributions import Distributions, build, claimed_pythons
from release_tools.environments import CommandError, uv
from release_tools.releases import ReleaseError, admitted_releases, git, released_package, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Combination", "Python", "combinations_of", "find_pythons", "known_pythons", "third_parties_of"]


class Python(NamedTuple):
    """An interpreter: its version without the patch, such as `3.12`, and its path."""

    minor: str
    interpreter: Path


class Combination(NamedTuple):
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


def combinations_of(
    workspace: Workspace,
    packages: Iterable[WorkspacePackage],
    pythons: Collection[Python],
    built: Mapping[str, Distributions],
    folder: Path,
) -> Iterator[Combination]:
    """Yield every combination; those that would be the same come once. Wheels are put into a folder.

    Raises:
        ReleaseError: A release of a sibling cannot be built again from its tag.
    """
    newest = folder / "newest"
    newest.mkdir(parents=True)
    for distributions in built.values():
        shutil.copy(distributions.wheel, newest)
    for package in packages:
        siblings = _siblings_to_try(workspace, package, newest)
        needs_others = bool(third_parties_of(workspace, package, *package.extras))
        third_parties = ["locked", "lowest"] if needs_others else ["none"]
        for python, shown, versions in itertools.product(pythons, siblings, third_parties):
            yield Combination(package, python, siblings=shown, third_parties=versions, wheels=siblings[shown])


def _siblings_to_try(workspace: Workspace, package: WorkspacePackage, newest: Path) -> dict[str, Path]:
    """Return the folders to take siblings from, by what they are called in the table."""
    if not workspace.siblings_of(package):
        return {"none": newest}
    admitted = [
        (sibling, version)
        for requirement, sibling in workspace.siblings_of(package)
        for version in admitted_releases(workspace, requirement, sibling)
        if git(workspace.root, "diff", "--name-only", tag_of(sibling, version), "--", str(sibling.folder))
    ]
    if not admitted:
        return {"newest = oldest": newest}
    oldest = newest.with_name(f"oldest-for-{package.name}")
    shutil.copytree(newest, oldest)
    for sibling, version in admitted:
        # Where a release has the version of this checkout, the release is what users have.
        shutil.copy(_released_wheel(workspace, sibling, version, newest.with_name("released")), oldest)
    return {"newest": newest, "oldest": oldest}


def _released_wheel(workspace: Workspace, package: WorkspacePackage, version: Version, folder: Path) -> Path:
    """Return the wheel of a release, which is built once."""
    target = folder / f"{package.name}-{version}"
    if not target.exists():
        try:
            build(released_package(workspace, package, version), target)
        except CommandError as error:
            raise ReleaseError(package, version, f"cannot be built again: {error}") from error
    return next(target.glob("*.whl"))


def known_pythons(root: Path, *specifiers: SpecifierSet) -> list[str]:
    """Return the released Pythons that uv knows and one of some specifiers allows, oldest first: `3.11`, `3.12`."""
    listed = json.loads(uv("python", "list", "--output-format", "json", cwd=root))
    versions = {python["version"] for python in listed if python["implementation"] == "cpython"}
    stable = {version for version in versions if re.fullmatch(r"3[0-9.]+", version)}
    allowed = {version for specifier in specifiers for version in specifier.filter(stable)}
    return [f"3.{minor}" for minor in sorted({int(version.split(".")[1]) for version in allowed})]


def find_pythons(root: Path, wanted: Iterable[str]) -> tuple[list[Python], dict[str, str]]:
    """Find or download the interpreters of versions such as `3.12`.

    Returns:
        Those that the machine has now, and the reasons why it has not the others.
    """
    found, missing = [], {}
    for minor in wanted:
        try:
            found.append(Python(minor, _find_python(root, minor)))
        except CommandError as error:
            missing[minor] = str(error).strip().splitlines()[-1].strip()
    return found, missing


def _find_python(root: Path, minor: str) -> Path:
    try:
        return Path(uv("python", "find", "--system", minor, cwd=root).strip())
    except CommandError:
        # uv asks pyenv's shims, which know only the version that is chosen in this folder.
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        if versions := sorted(pyenv.glob(f"versions/{minor}.*/bin/python{minor}")):
            return versions[-1]
        uv("python", "install", minor, cwd=root)
        return Path(uv("python", "find", "--system", minor, cwd=root).strip())
