"""What a check finds: what is wrong, where, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Failure", "line_of_requirement", "place"]


@dataclass(frozen=True)
class Failure:
    """One reason not to release.

    Attributes:
        package: Folder name of the package.
        check: Short name of the check.
        where: File and line, relative to the root of the workspace.
        what: What is wrong.
        todo: What to do about it.
    """

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


def line_of_requirement(package: WorkspacePackage, requirement: Requirement) -> int:
    """Return the line of pyproject.toml that declares a requirement, the first one if there are several."""
    declaration = re.compile(rf'"{re.escape(requirement.name)}(?![\w.-])')
    lines = (package.folder / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if declaration.search(line)), 1)
