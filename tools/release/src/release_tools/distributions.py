"""What an index gets of a package: how it is built, what is in it, and what the index's page shows."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from packaging.metadata import Metadata
from readme_renderer.markdown import render

from release_tools.environments import uv
from release_tools.releases import git
from release_tools.workspace import WorkspacePackage

__all__ = [
    "Distributions",
    "build",
    "claimed_pythons",
    "content_faults",
    "faults_of",
    "metadata_faults",
    "read_metadata",
    "readme_faults",
]

_TEST = re.compile(r"/(tests?/|test_[^/]*\.py$|conftest\.py$)")
_PYTHON = "Programming Language :: Python :: 3."
_SHOWN = ("author", "classifiers", "description", "keywords", "license_expression", "requires_python", "summary")


class Distributions(NamedTuple):
    """What an index gets of a version: the source distribution, and the wheel that was built from it."""

    sdist: Path
    wheel: Path


def build(package: WorkspacePackage, folder: Path) -> Distributions:
    """Build a package into a folder as an index gets it: siblings are requirements, not folders of the workspace.

    Raises:
        CommandError: The package cannot be built.
    """
    uv("build", "--no-sources", "--out-dir", folder, package.folder, cwd=package.folder)
    name = package.distribution.replace("-", "_")
    (sdist,), (wheel,) = folder.glob(f"{name}-*.tar.gz"), folder.glob(f"{name}-*.whl")
    return Distributions(sdist, wheel)


def faults_of(package: WorkspacePackage, built: Distributions) -> list[str]:
    """Return what is wrong with what was built."""
    metadata = read_metadata(built)
    return [*content_faults(package, built), *metadata_faults(metadata), *readme_faults(metadata)]


def content_faults(package: WorkspacePackage, built: Distributions) -> list[str]:
    """Return what the distributions of a package lack, and what they should not have.

    git is asked for the sources: a file that somebody left in the folder is in no review and belongs to no release.
    """
    tracked = git(package.folder, "ls-files", "src").splitlines()
    with tarfile.open(built.sdist) as sdist:
        members = {each.name.partition("/")[2]: each for each in sdist.getmembers() if not each.isdir()}
    with zipfile.ZipFile(built.wheel) as wheel:
        in_wheel = {name for name in wheel.namelist() if not name.endswith("/")}
    readme = package.project["readme"]
    readme = readme["file"] if isinstance(readme, dict) else readme
    for_sdist = {"PKG-INFO", "pyproject.toml", "LICENSE", "CHANGELOG.md", readme, *tracked}
    papers = ["METADATA", "RECORD", "WHEEL", "licenses/LICENSE", "extra_metadata/CHANGELOG.md"]
    papers += ["entry_points.txt"] if {"scripts", "entry-points"} & package.project.keys() else []
    info = "-".join(built.wheel.name.split("-")[:2]) + ".dist-info"
    for_wheel = {*(f"{info}/{paper}" for paper in papers), *(path.removeprefix("src/") for path in tracked)}
    return [
        # hatchling packs the .gitignore of the workspace into every sdist.
        *_differences(built.sdist.name, members.keys() - {".gitignore"}, for_sdist),
        *_differences(built.wheel.name, in_wheel, for_wheel),
        *(f"{built.sdist.name} has {name}, which is a link" for name, each in members.items() if not each.isfile()),
        *(f"{built.wheel.name} has {path}, which belongs to tests/" for path in tracked if _TEST.search(path)),
    ]


def _differences(where: str, found: set[str], expected: set[str]) -> list[str]:
    strays = [f"{where} has {name}, which is not a tracked file below src/" for name in found - expected]
    return sorted(strays + [f"{where} lacks {name}" for name in expected - found])


def read_metadata(built: Distributions) -> Metadata:
    """Return the metadata of a wheel.

    Raises:
        packaging.metadata.InvalidMetadata: A field has a value that is not allowed.
    """
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return Metadata.from_email(wheel.read(name), validate=True)


def claimed_pythons(classifiers: Iterable[str]) -> list[str]:
    """Return the Pythons that classifiers name, oldest first: `3.11`, `3.12`."""
    minors = sorted(int(line.removeprefix(_PYTHON)) for line in classifiers if line.startswith(_PYTHON))
    return [f"3.{minor}" for minor in minors]


def metadata_faults(metadata: Metadata) -> list[str]:
    """Return what an index page would lack, and classifiers that do not fit requires-python.

    Classifiers that no index knows, and a license that is no SPDX expression, do not even build.
    """
    faults = [f"the metadata has no {field}" for field in _SHOWN if not getattr(metadata, field)]
    allowed, claimed = metadata.requires_python, claimed_pythons(metadata.classifiers or ())
    if allowed is None or not claimed:
        return [*faults, "the metadata must say which Pythons: requires-python, and a classifier for each version"]
    faults += [
        f"requires-python {allowed} excludes Python {minor}, which a classifier names"
        for minor in claimed
        if minor not in allowed
    ]
    below = f"3.{int(claimed[0].removeprefix('3.')) - 1}"
    if below in allowed:
        faults.append(f"requires-python {allowed} admits Python {below}, which no classifier names")
    return faults


def readme_faults(metadata: Metadata) -> list[str]:
    """Return what of a README does not work on an index page: rendering, and links that need the repository.

    The README is rendered by what the index renders it with.
    """
    if metadata.description_content_type != "text/markdown":
        return [f"the README is {metadata.description_content_type}, not text/markdown"]
    rendered = render(metadata.description or "")
    if rendered is None:
        return ["the README does not render"]
    page = _Page()
    page.feed(rendered)
    links = [value or "" for name, value in page.attributes if name in {"href", "src"}]
    anchors = {f"#{value}" for name, value in page.attributes if name == "id"}
    return [
        f"the README links to {link}, which leads nowhere on an index page: write an absolute address, or plain text"
        for link in links
        if not link.startswith(("https://", "mailto:")) and link not in anchors
    ]


class _Page(HTMLParser):
    """Collects the attributes of all tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Note what a tag has."""
        self.attributes += attrs
