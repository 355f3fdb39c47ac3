"""Building: the sdist of a package, and from that its wheel, of this checkout or as it was released."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from release_tools.environments import uv
from release_tools.workspace import WorkspacePackage

__all__ = ["Distributions", "build"]


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
