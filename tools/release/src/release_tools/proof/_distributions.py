"""Building: the sdist of a package, and from that its wheel, of this checkout or as it was released."""

from __future__ import annotations

import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from packaging.version import Version

from release_tools.environments import uv
from release_tools.releases import tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Distributions", "build", "build_release"]


@dataclass(frozen=True)
class Distributions:
    """What an index gets of a version of a package.

    Attributes:
        sdist: The source distribution.
        wheel: The wheel that was built from it.
    """

    sdist: Path
    wheel: Path


def build(package: WorkspacePackage, folder: Path) -> Distributions:
    """Build a package as an index gets it: siblings are requirements, not folders of the workspace.

    Args:
        package: The package.
        folder: Where the distributions are put; made if it does not exist, and empty of this package.

    Raises:
        CommandError: The package cannot be built.
    """
    uv("build", "--quiet", "--no-sources", "--out-dir", folder, package.folder, cwd=package.folder)
    name = package.distribution.replace("-", "_")
    (sdist,), (wheel,) = folder.glob(f"{name}-*.tar.gz"), folder.glob(f"{name}-*.whl")
    return Distributions(sdist, wheel)


def build_release(
    workspace: Workspace, package: WorkspacePackage, version: Version, *, sources: Path, folder: Path
) -> Distributions:
    """Build a release again, from its tag.

    Args:
        workspace: A checkout that has the tag.
        package: The package, as it is today.
        version: The version that was released.
        sources: Where the sources of then are put.
        folder: Where the distributions are put.

    Raises:
        CommandError: The release cannot be built.
    """
    path = package.folder.relative_to(workspace.root).as_posix()
    command = ["git", "archive", tag_of(package, version), path]
    archive = subprocess.run(command, cwd=workspace.root, capture_output=True, check=True).stdout  # noqa: S603
    checkout = sources / f"{package.name}-{version}"
    with tarfile.open(fileobj=BytesIO(archive)) as opened:
        opened.extractall(checkout, filter="data")
    return build(WorkspacePackage(checkout / path), folder)
