"""The workspace as its files describe it: packages, metadata, and what modules import. Nothing is imported to know."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

__all__ = [
    "ImportOfName",
    "UnknownPackageError",
    "Workspace",
    "WorkspacePackage",
    "imports_of",
    "lines_that_may_fail",
    "parsed",
    "public_names_of",
]

# What pyproject.toml may leave out.
_DEFAULTS = {
    "classifiers": [],
    "dependencies": [],
    "optional-dependencies": {},
    "readme": "README.md",
    "requires-python": "",
}


class UnknownPackageError(ValueError):
    """There is no package in a folder of such a name; the message has those that there are."""


@dataclass(frozen=True)
class Workspace:
    """A checkout of the repository, or a copy of one, by its top folder."""

    root: Path

    @classmethod
    def around(cls, folder: Path) -> Workspace:
        """Return the workspace that a folder lies in.

        Raises:
            FileNotFoundError: Neither the folder nor one above it has packages/*/pyproject.toml, and a history.
        """
        for candidate in (folder.resolve(), *folder.resolve().parents):
            if any(candidate.glob("packages/*/pyproject.toml")) and (candidate / ".git").exists():
                return cls(candidate)
        raise FileNotFoundError(f"{folder} is not inside a git checkout of the workspace: run this in one.")

    @cached_property
    def packages(self) -> dict[str, WorkspacePackage]:
        """The packages that are released, by the canonical name of their distribution."""
        found = map(WorkspacePackage, sorted(path.parent for path in self.root.glob("packages/*/pyproject.toml")))
        return {canonicalize_name(package.distribution): package for package in found}

    def chosen(self, names: Collection[str]) -> list[WorkspacePackage]:
        """Return the packages in some folders, or all packages without names.

        Raises:
            UnknownPackageError: A name is not that of a folder.
        """
        by_name = {package.name: package for package in self.packages.values()}
        if unknown := set(names) - by_name.keys():
            there = ", ".join(by_name)
            raise UnknownPackageError(f"No such package: {', '.join(sorted(unknown))}. There are {there}.")
        return [by_name[name] for name in names or by_name]

    def siblings_of(self, package: WorkspacePackage) -> list[tuple[Requirement, WorkspacePackage]]:
        """Return what a package and its extras need from the workspace, with the bounds."""
        needed = [(each, self.packages.get(canonicalize_name(each.name))) for each in package.all_requirements()]
        return [(requirement, sibling) for requirement, sibling in needed if sibling]

    def installed_with(self, package: WorkspacePackage, *extras: str) -> list[WorkspacePackage]:
        """Return what the workspace adds to an environment when a package is installed: itself and what it needs."""
        found = [package]
        needed = package.requirements(*extras)
        for requirement in needed:  # It grows meanwhile.
            sibling = self.packages.get(canonicalize_name(requirement.name))
            if sibling:
                needed += [each for each in sibling.requirements(*sorted(requirement.extras)) if each not in needed]
                found += [sibling] if sibling not in found else []
        return found

    def in_order(self) -> list[WorkspacePackage]:
        """Return the packages, each after the siblings that it needs.

        Raises:
            ValueError: Some need each other, so none can be released first.
        """
        graph = {package: [sibling for _, sibling in self.siblings_of(package)] for package in self.packages.values()}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " -> ".join(package.name for package in reversed(error.args[1]))
            raise ValueError(f"Packages need each other: {circle}. Remove one of these requirements.") from error

    def with_dependents(self, names: set[str]) -> set[str]:
        """Return some packages and all that need them, directly or not, by the names of their folders."""
        found = set(names)
        for package in self.in_order():
            if any(sibling.name in found for _, sibling in self.siblings_of(package)):
                found.add(package.name)
        return found


@dataclass(frozen=True)
class WorkspacePackage:
    """One member of the workspace, by its folder below packages/."""

    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The `[project]` table.

        Raises:
            ValueError: It lacks a name or a version that can be released here; or the file is no TOML.
        """
        path = self.folder / "pyproject.toml"
        try:
            project: dict[str, Any] = _DEFAULTS | tomllib.loads(path.read_text(encoding="utf-8"))["project"]
            if project["name"] and Version(project["version"]).base_version == project["version"]:
                return project
        except (KeyError, TypeError, InvalidVersion):
            pass
        except ValueError as error:  # no TOML, or no UTF-8
            raise ValueError(f"{path}: {error}") from error
        raise ValueError(f"{path} must have a name, and a version such as 0.2.0: not a pre-release or the like.")

    @property
    def distribution(self) -> str:
        """Name that installers know."""
        return str(self.project["name"])

    @property
    def version(self) -> Version:
        """Version in the metadata."""
        return Version(self.project["version"])

    @property
    def name(self) -> str:
        """Name of its folder, which its tags begin with: `config-core-v0.1.0`."""
        return self.folder.name

    @cached_property
    def import_name(self) -> str:
        """Name that programs import.

        Raises:
            ValueError: There is no such package in src/, or more than one.
        """
        found = [path.parent.name for path in (self.folder / "src").glob("*/__init__.py")]
        if len(found) != 1:
            there = ", ".join(sorted(found)) or "none"
            raise ValueError(f"{self.folder}/src must have one folder with an __init__.py; it has {there}.")
        return found[0]

    @property
    def source(self) -> Path:
        """Folder of the import package."""
        return self.folder / "src" / self.import_name

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the optional parts that can be installed with it."""
        return tuple(self.project["optional-dependencies"])

    def requirements(self, *extras: str) -> list[Requirement]:
        """Return the declared dependencies, with those of some extras.

        Raises:
            ValueError: One cannot be read.
        """
        tables = [self.project["dependencies"], *(self.project["optional-dependencies"][extra] for extra in extras)]
        try:
            return [Requirement(line) for table in tables for line in table]
        except InvalidRequirement as error:
            raise ValueError(f"{self.folder / 'pyproject.toml'}: {error}") from error

    def all_requirements(self) -> list[Requirement]:
        """Return the declared dependencies with those of every extra."""
        return self.requirements(*self.extras)

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Give the dotted name and the path of every module."""
        for path in sorted(self.source.rglob("*.py")):
            parts = path.relative_to(self.folder / "src").with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def parsed(path: Path) -> ast.Module:
    """Return the syntax of a file.

    Raises:
        ValueError: It is no Python.
    """
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}") from error


class ImportOfName(NamedTuple):
    """An import: the module, the name that is imported from it (None for the module itself), and the line."""

    module: str
    name: str | None
    line: int


def imports_of(module: str, path: Path) -> Iterator[ImportOfName]:
    """Yield every import of a module, those in functions and for type checkers included, by absolute names."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (ImportOfName(alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name(f"{'.' * node.level}{node.module or ''}", package)
            yield from (ImportOfName(origin, alias.name, node.lineno) for alias in node.names)


def public_names_of(path: Path) -> set[str]:
    """Return the names in the `__all__` of a file.

    Raises:
        ValueError: It is not written as a list of strings.
    """
    for node in parsed(path).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
            ):
                try:
                    return set(ast.literal_eval(value))
                except (ValueError, TypeError) as error:
                    raise ValueError(f"{path}:{node.lineno}: __all__ must be a list of strings.") from error
    return set()


def lines_that_may_fail(path: Path) -> set[int]:
    """Return the lines of a file that stand in a `try` which catches ImportError or AttributeError."""
    found: set[int] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Try):
            handlers = [name for handler in node.handlers if handler.type for name in ast.walk(handler.type)]
            caught = {name.id for name in handlers if isinstance(name, ast.Name)}
            if caught & {"ImportError", "ModuleNotFoundError", "AttributeError"}:
                found.update(line for step in node.body for line in range(step.lineno, (step.end_lineno or 0) + 1))
    return found
