"""Wheels of the workspace, and environments as people outside it make them: `python -m venv`, pip and a shell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from release_tools.distributions import build
from release_tools.environments import FreshEnvironment as _FreshEnvironment
from release_tools.environments import run_command
from workspace_packages import WORKSPACE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FreshEnvironment", "build_wheels"]


def build_wheels(folder: Path) -> dict[str, Path]:
    """Build the source distribution of every package, and from that its wheel.

    Args:
        folder: Where both are put.

    Returns:
        Name of the distribution to its wheel.
    """
    wheels = [build(package, folder).wheel for package in WORKSPACE_PACKAGES.values()]
    return {parse_wheel_filename(wheel.name)[0]: wheel for wheel in wheels}


class FreshEnvironment(_FreshEnvironment):
    """A virtual environment with pip, and a shell in which it is activated."""

    @classmethod
    def with_pip(cls, folder: Path) -> FreshEnvironment:
        """Make an environment as users do, with the standard library's `venv` and its pip."""
        folder.mkdir(parents=True)
        run_command([sys.executable, "-m", "venv", folder / "venv"], cwd=folder, timeout=120)
        return cls(folder)

    def shell(
        self,
        script: str,
        *,
        wheels: Mapping[str, Path],
        environ: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> str:
        """Run shell lines as they stand, in an activated environment; return what they print.

        Args:
            script: The lines. The first that fails ends it.
            wheels: What pip takes for the workspace's distributions: these versions, from their folder.
            environ: More variables.
            timeout: How many seconds it may take.

        Raises:
            RuntimeError: A line failed; holds what it printed.
        """
        constraints = self.folder / "wheels.txt"
        constraints.write_text(
            "".join(f"{name}=={parse_wheel_filename(wheel.name)[1]}\n" for name, wheel in wheels.items()), "utf-8"
        )
        folders = {str(wheel.parent) for wheel in wheels.values()}
        activated = {
            "PATH": os.pathsep.join([str(self.python.parent), os.environ["PATH"]]),
            "PIP_CONSTRAINT": str(constraints),
            "PIP_FIND_LINKS": " ".join({*os.environ.get("PIP_FIND_LINKS", "").split(), *folders}),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return run_command(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            environ=activated | dict(environ or {}),
            timeout=timeout,
        )
