"""The packages of the workspace as their pyproject.toml and sources describe them, found and not listed."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ROOT",
    "WORKSPACE_PACKAGES",
    "ImportOfName",
    "WorkspacePackage",
    "imported_names",
    "imports_of",
    "public_names_of",
]

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class WorkspacePackage:
    """One member of the workspace.

    Attributes:
        folder: Its folder below packages/.
    """

    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The `[project]` table."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    @property
    def distribution(self) -> str:
        """Name that installers know."""
        return self.project["name"]

    @cached_property
    def import_name(self) -> str:
        """Name that programs import."""
        (package,) = (path for path in (self.folder / "src").iterdir() if (path / "__init__.py").is_file())
        return package.name

    @property
    def source(self) -> Path:
        """Folder of the import package."""
        return self.folder / "src" / self.import_name

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the optional parts that can be installed with it."""
        return tuple(self.project.get("optional-dependencies", {}))

    def requirements(self, *extras: str) -> list[Requirement]:
        """Return the declared dependencies, with those of some extras."""
        lines = list(self.project.get("dependencies", []))
        for extra in extras:
            lines += self.project["optional-dependencies"][extra]
        return [Requirement(line) for line in lines]

    def all_requirements(self) -> list[Requirement]:
        """Return the declared dependencies with those of every extra."""
        return self.requirements(*self.extras)

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Give the dotted name and the path of every module."""
        for path in sorted(self.source.rglob("*.py")):
            parts = path.relative_to(self.folder / "src").with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported_names(path: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere, in functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


class ImportOfName(NamedTuple):
    """A name that a file imports.

    Attributes:
        module: Dotted name of the module that it is imported from, or that is imported itself.
        name: The name, or None where the module itself is imported.
        line: Line of the statement.
    """

    module: str
    name: str | None
    line: int


def imports_of(module: str, path: Path) -> Iterator[ImportOfName]:
    """Yield every import of a module, those in functions and for type checkers included, by absolute names."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (ImportOfName(alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name(f"{'.' * node.level}{node.module or ''}", package)
            yield from (ImportOfName(origin, alias.name, node.lineno) for alias in node.names)


def public_names_of(path: Path) -> set[str]:
    """Return the names in the `__all__` of a file."""
    for node in ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return set(ast.literal_eval(node.value))
    return set()


WORKSPACE_PACKAGES: dict[str, WorkspacePackage] = {
    canonicalize_name(package.distribution): package
    for package in map(
        WorkspacePackage, sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml") if path.is_file())
    )
}
