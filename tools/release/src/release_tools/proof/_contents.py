"""What is in a distribution: what git has of the package, its papers, and nothing else."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterable

from release_tools.proof._distributions import Distributions
from release_tools.releases import git
from release_tools.workspace import WorkspacePackage

__all__ = ["content_faults"]

_TEST = re.compile(r"/(tests?/|test_[^/]*\.py$|conftest\.py$)")


def content_faults(package: WorkspacePackage, built: Distributions) -> list[str]:
    """Return what the distributions of a package lack, and what they should not have.

    git is asked for the sources: a file that somebody left in the folder is in no review and belongs to no release.
    """
    tracked = git(package.folder, "ls-files", "src").splitlines()
    with tarfile.open(built.sdist) as sdist:
        members = {each.name.partition("/")[2]: each for each in sdist.getmembers() if not each.isdir()}
    with zipfile.ZipFile(built.wheel) as wheel:
        in_wheel = {name for name in wheel.namelist() if not name.endswith("/")}
    return [
        *_differences(built.sdist.name, {*members}, _expected_in_sdist(package, tracked), optional=[".gitignore"]),
        *_differences(built.wheel.name, in_wheel, _expected_in_wheel(package, built, tracked)),
        *(f"{built.sdist.name} has {name}, which is a link" for name, each in members.items() if not each.isfile()),
        *(f"{built.wheel.name} has {path}, which belongs to tests/" for path in tracked if _TEST.search(path)),
    ]


def _expected_in_sdist(package: WorkspacePackage, tracked: list[str]) -> set[str]:
    return {"PKG-INFO", "pyproject.toml", "LICENSE", "CHANGELOG.md", package.project["readme"], *tracked}


def _expected_in_wheel(package: WorkspacePackage, built: Distributions, tracked: list[str]) -> set[str]:
    name, version, *_ = built.wheel.name.split("-")
    papers = ["METADATA", "RECORD", "WHEEL", "licenses/LICENSE", "extra_metadata/CHANGELOG.md"]
    papers += ["entry_points.txt"] if {"scripts", "entry-points"} & package.project.keys() else []
    return {
        *(f"{name}-{version}.dist-info/{paper}" for paper in papers),
        *(path.removeprefix("src/") for path in tracked),
    }


def _differences(where: str, found: set[str], expected: set[str], optional: Iterable[str] = ()) -> list[str]:
    # hatchling packs the .gitignore of the workspace into every sdist.
    strays = [f"{where} has {name}, which is not a tracked file below src/" for name in found - expected - {*optional}]
    return sorted(strays + [f"{where} lacks {name}" for name in expected - found])
