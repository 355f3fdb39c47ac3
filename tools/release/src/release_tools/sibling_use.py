"""Whether the oldest siblings that a package's bounds admit have all that the package uses of them.

mypy knows what a package uses: names, modules, methods, keywords, types. It reads the package beside its siblings as
they were released; what is wrong there and right beside today's siblings is what the older ones lack.

Not seen are attributes of a class that inherits from a third party's, since those are left out to keep this to seconds;
attributes of what is annotated as `Any`; code behind `if not TYPE_CHECKING`; and names in strings, other than those of
entry points and `import_module`. The proof runs the tests beside the oldest siblings, and sees what they execute.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.version import Version

from release_tools.environments import run_command
from release_tools.failures import Failure, place, place_of_requirement
from release_tools.releases import admitted_releases, released_package, released_versions
from release_tools.workspace import Workspace, WorkspacePackage, lines_that_may_fail, parsed

__all__ = ["UseOfNewer", "missing_in_older_siblings", "unread_entry_points", "uses_of_newer_siblings"]

_STRINGS = "_names_in_strings.py"
_IMPORTERS = {"import_module", "__import__", "resolve_name", "find_spec"}


class UseOfNewer(NamedTuple):
    """A use of what an older sibling lacks.

    Attributes:
        path: File of the package.
        line: Line there.
        message: What is missing, in mypy's words.
        bound: What the package asks of the sibling.
        sibling: The sibling.
        version: Its first release that has what is used; None if only its sources of today have it.
    """

    path: Path
    line: int
    message: str
    bound: Requirement
    sibling: WorkspacePackage
    version: Version | None


def missing_in_older_siblings(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find what a package uses that the oldest siblings admitted by its bounds do not have."""
    for use in uses_of_newer_siblings(workspace, package):
        line = use.path.read_text(encoding="utf-8").splitlines()[use.line - 1].strip()
        yield Failure(
            package.name,
            "older-sibling",
            place(workspace, use.path, use.line),
            f"`{line}` fails beside the oldest sibling that {use.bound} admits "
            f"({place_of_requirement(workspace, package, use.bound)}): {use.message}.",
            _remedy(workspace, use),
        )


def _remedy(workspace: Workspace, use: UseOfNewer) -> str:
    name, version = use.sibling.distribution, use.sibling.version
    if use.version is None and version in released_versions(workspace, use.sibling):
        return (
            f"{name} {version} is released without it: run `uv version --package {name} --bump patch`, and ask for "
            "that version. When it is committed with its notes, `release plan --write` does both."
        )
    return f"Ask for {name}>={use.version or version}, as `release plan --write` does."


def uses_of_newer_siblings(workspace: Workspace, package: WorkspacePackage) -> Iterator[UseOfNewer]:
    """Find what a package uses that the oldest siblings admitted by its bounds lack, and the first that do not.

    What stands in a `try` that catches ImportError or AttributeError, or behind `hasattr`, may be missing.
    """
    # A dependency counts before an extra, whose bound may be higher: not everybody asks for the extra.
    bounds = {sibling: requirement for requirement, sibling in reversed(workspace.siblings_of(package))}
    releases = {sibling: admitted_releases(workspace, requirement, sibling) for sibling, requirement in bounds.items()}
    beside: dict[WorkspacePackage, Version | None] = {each: found[0] for each, found in releases.items() if found}
    if not beside:
        return
    with tempfile.TemporaryDirectory() as folder:
        mypy = _Mypy(workspace, package, Path(folder).resolve())
        missing = mypy.misuses(beside)
        missing -= mypy.misuses({}) if missing else set()
        # The bound to raise is that of the sibling whose newer release has what is missing.
        for sibling, version in [(each, newer) for each in beside for newer in [*releases[each][1:], None]]:
            beside[sibling] = version
            still = missing & mypy.misuses(beside) if missing and any(beside.values()) else set()
            for path, line, message in sorted(missing - still):
                yield UseOfNewer(path, line, message, bounds[sibling], sibling, version)
            missing = still


def _names_in_strings(package: WorkspacePackage) -> Iterator[tuple[Path, int, str]]:
    """Yield what entry points name, and calls such as `import_module("config_core.offer")`, with file and line."""
    pyproject = package.folder / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    for group in package.project.get("entry-points", {}).values():
        for reference in group.values():
            yield pyproject, text.partition(reference)[0].count("\n") + 1, reference.partition("[")[0].strip()
    for _, path in package.modules():
        for node in ast.walk(parsed(path)):
            match node:
                case ast.Call(
                    func=ast.Name(id=function) | ast.Attribute(attr=function), args=[ast.Constant(value=str(name)), *_]
                ) if function in _IMPORTERS and node.lineno not in lines_that_may_fail(path):
                    yield path, node.lineno, name


class _Mypy:
    """mypy, asked about one package beside several choices of siblings."""

    def __init__(self, workspace: Workspace, package: WorkspacePackage, folder: Path) -> None:
        self._workspace, self._package, self._folder = workspace, package, folder
        names = [member.import_name for member in workspace.packages.values()]
        self._config = folder / "mypy.ini"
        self._config.write_text(
            # A cache that other siblings have filled hides what these lack.
            f"[mypy]\ncheck_untyped_defs = True\nignore_missing_imports = True\ncache_dir = {os.devnull}\n"
            f"[mypy-{','.join(f'{name}.*' for name in names)}]\nignore_missing_imports = False\n",
            encoding="utf-8",
        )
        # One more module, with an import for each name in a string: mypy reads no strings.
        pattern = re.compile(rf"((?:{'|'.join(names)})(?:\.\w+)*)(?::(\w+)(?:\.\w+)*)?")
        matches = [(path, line, pattern.fullmatch(name)) for path, line, name in _names_in_strings(package)]
        self._strings = [(path, line, match) for path, line, match in matches if match]
        imports = [
            f"from {match[1]} import {match[2]}" if match[2] else f"import {match[1]}" for *_, match in self._strings
        ]
        (self._sources(package) / package.import_name / _STRINGS).write_text("\n".join(imports), encoding="utf-8")

    def misuses(self, siblings: Mapping[WorkspacePackage, Version | None]) -> set[tuple[Path, int, str]]:
        """Return what is wrong in the package beside some releases, and today's sources where no release is given.

        Returns:
            The file, the line, and mypy's words.
        """
        sources = [self._sources(member, siblings.get(member)) for member in self._workspace.packages.values()]
        command = [sys.executable, "-m", "mypy", "--config-file", str(self._config), "--no-site-packages"]
        command += ["--output", "json", "--package", self._package.import_name]
        environ = {"MYPYPATH": os.pathsep.join(map(str, sources)), "MYPY_CACHE_DIR": ""}
        printed = run_command(command, cwd=self._sources(self._package), environ=environ, accepted=(0, 1))
        found: set[tuple[Path, int, str]] = set()
        for error in map(json.loads, filter(None, printed.splitlines())):
            path, line = self._package.folder / "src" / error["file"], error["line"]
            if path.name == _STRINGS:
                path, line, _ = self._strings[line - 1]
            elif not path.is_relative_to(self._package.source) or line in lines_that_may_fail(path):
                continue
            found.add((path, line, error["message"]))
        return found

    def _sources(self, member: WorkspacePackage, version: Version | None = None) -> Path:
        """Return a copy of a package's sources in which mypy sees every line, and the names that modules list only."""
        target = self._folder / f"{member.name}-{version or 'today'}"
        if not target.exists():
            if version is not None:
                member = released_package(self._workspace, member, version)
            shutil.copytree(member.folder / "src", target)
            for path in target.rglob("*.py"):
                # A `__getattr__` of a module would answer for every name.
                text = path.read_text(encoding="utf-8").replace("\ndef __getattr__(", "\ndef _get_attribute(")
                # Code for other Pythons and systems is code, too. mypy finds no such name, whoever stands beside it.
                path.write_text(re.sub(r"\bsys\.(version_info|platform)\b", "sys.any_of_them", text), encoding="utf-8")
        return target


def unread_entry_points(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find groups of entry points that today's sibling reads, but not the oldest one that the bounds admit."""
    groups = package.project.get("entry-points", {}).keys()
    for requirement, sibling in workspace.siblings_of(package):
        for version in admitted_releases(workspace, requirement, sibling)[:1]:
            oldest = released_package(workspace, sibling, version)
            for group in sorted(groups & (_texts_of(sibling) - _texts_of(oldest))):
                yield Failure(
                    package.name,
                    "older-sibling",
                    place_of_requirement(workspace, package, requirement),
                    f"{requirement} admits {version}, which does not read entry points of {group}.",
                    f"Ask for a newer {sibling.distribution}.",
                )


def _texts_of(package: WorkspacePackage) -> set[str]:
    """Return the strings in the sources of a package."""
    nodes = (node for _, path in package.modules() for node in ast.walk(parsed(path)))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
