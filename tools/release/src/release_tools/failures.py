"""What a check finds: what is wrong, where, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Failure", "place", "place_of_requirement"]


class Failure(NamedTuple):
    """One reason not to release: the folder of the package, the check, file and line, what is wrong, and the remedy."""

    package: str
    check: str
    where: str
    what: str
    todo: str

    def __str__(self) -> str:
        """Return the failure as the command prints it."""
        return f"{self.where}: {self.package}: {self.what} [{self.check}]\n    {self.todo}"


def place(workspace: Workspace, path: Path, line: int | None = None) -> str:
    """Return a file as failures name it: relative to the root, with the line."""
    return path.resolve().relative_to(workspace.root.resolve()).as_posix() + (f":{line}" if line else "")


def place_of_requirement(workspace: Workspace, package: WorkspacePackage, requirement: Requirement) -> str:
    """Return the line of pyproject.toml that declares a requirement, the first one if there are several."""
    path = package.folder / "pyproject.toml"
    declaration = re.compile(rf'"{re.escape(requirement.name)}(?![\w.-])')
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return place(workspace, path, next((number for number, line in lines if declaration.search(line)), 1))
