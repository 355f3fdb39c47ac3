"""Whether the oldest siblings that a package's bounds admit have all that the package uses of them.

mypy knows what a package uses: names, modules, methods, keywords, types. It reads the package beside its siblings as
they were released; what is wrong there and right beside today's siblings is what the older ones lack.

Not seen are attributes of a class that inherits from a third party's, since those are left out to keep this to seconds;
attributes of what is annotated as `Any`; code for other Pythons, behind `sys.version_info`; and names in strings, other
than those that `unknown_texts` reads. The proof runs the tests beside the oldest siblings, and sees what they execute.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.version import Version

from release_tools.checks._failures import Failure, line_of_requirement, place
from release_tools.checks._requirements import lines_that_may_fail
from release_tools.environments import run_command
from release_tools.releases import admitted_releases, released_package, released_versions
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["UseOfNewer", "missing_in_older_siblings", "uses_of_newer_siblings"]

# Which release of a sibling stands beside the package; None stands for its sources of today.
_Siblings = Mapping[WorkspacePackage, Version | None]


class _Misuse(NamedTuple):
    """A use of what is not there, in mypy's words."""

    path: Path
    line: int
    message: str


class UseOfNewer(NamedTuple):
    """A use of what an older sibling lacks.

    Attributes:
        misuse: The place in the package.
        bound: What the package asks of the sibling.
        sibling: The sibling.
        version: Its first release that has what is used; None if only its sources of today have it.
    """

    misuse: _Misuse
    bound: Requirement
    sibling: WorkspacePackage
    version: Version | None


def missing_in_older_siblings(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find what a package uses that the oldest siblings admitted by its bounds do not have."""
    for misuse, bound, sibling, version in uses_of_newer_siblings(workspace, package):
        yield _failure(workspace, package, misuse, bound, _remedy(workspace, sibling, version))


def uses_of_newer_siblings(workspace: Workspace, package: WorkspacePackage) -> Iterator[UseOfNewer]:
    """Find what a package uses that the oldest siblings admitted by its bounds lack, and the first that do not.

    What stands in a `try` that catches ImportError or AttributeError, or behind `hasattr`, may be missing.
    """
    # A dependency counts before an extra, whose bound may be higher: not everybody asks for the extra.
    bounds = {sibling: requirement for requirement, sibling in reversed(workspace.siblings_of(package))}
    releases = {sibling: admitted_releases(workspace, requirement, sibling) for sibling, requirement in bounds.items()}
    oldest: _Siblings = {sibling: versions[0] for sibling, versions in releases.items() if versions}
    with tempfile.TemporaryDirectory() as folder:
        mypy = _Mypy(workspace, package, Path(folder))
        missing = mypy.misuses(oldest) if oldest else set()
        missing -= mypy.misuses({}) if missing else set()
        # The bound to raise is that of the sibling whose newer release has what is missing.
        beside: dict[WorkspacePackage, Version | None] = dict(oldest)
        steps = [(member, version) for member in oldest for version in [*releases[member][1:], None]]
        for sibling, version in steps:
            beside[sibling] = version
            still = missing & mypy.misuses(beside) if missing else missing
            for misuse in sorted(missing - still):
                yield UseOfNewer(misuse, bounds[sibling], sibling, version)
            missing = still


def _remedy(workspace: Workspace, sibling: WorkspacePackage, version: Version | None) -> str:
    if version is None and sibling.version in released_versions(workspace, sibling):
        bump = f"`uv version --package {sibling.distribution} --bump patch`"
        return (
            f"{sibling.distribution} {sibling.version} is released without it: run {bump}, and ask for that version. "
            "When it is committed with its notes, `release plan --write` does both."
        )
    return f"Ask for {sibling.distribution}>={version or sibling.version}, as `release plan --write` does."


def _failure(
    workspace: Workspace, package: WorkspacePackage, misuse: _Misuse, bound: Requirement, todo: str
) -> Failure:
    line = misuse.path.read_text(encoding="utf-8").splitlines()[misuse.line - 1].strip()
    return Failure(
        package.name,
        "older-sibling",
        place(workspace, misuse.path, misuse.line),
        f"`{line}` fails beside the oldest sibling that {bound} admits "
        f"(pyproject.toml, line {line_of_requirement(package, bound)}): {misuse.message}.",
        todo,
    )


class _Mypy:
    """mypy, asked about one package beside several choices of siblings."""

    def __init__(self, workspace: Workspace, package: WorkspacePackage, folder: Path) -> None:
        self._workspace = workspace
        self._package = package
        self._folder = folder
        names = [member.import_name for member in workspace.packages.values()]
        self._known: dict[frozenset[tuple[WorkspacePackage, Version | None]], set[_Misuse]] = {}
        self._config = folder / "mypy.ini"
        self._config.write_text(
            # A cache that other siblings have filled hides what these lack.
            f"[mypy]\ncheck_untyped_defs = True\nignore_missing_imports = True\ncache_dir = {os.devnull}\n"
            f"[mypy-{','.join(f'{name}.*' for name in names)}]\nignore_missing_imports = False\n",
            encoding="utf-8",
        )

    def misuses(self, siblings: _Siblings) -> set[_Misuse]:
        """Return what is wrong in the package beside these siblings, and today's sources of the others."""
        key = frozenset((sibling, version) for sibling, version in siblings.items() if version)
        if key not in self._known:
            self._known[key] = set(self._run(siblings))
        return self._known[key]

    def _run(self, siblings: _Siblings) -> Iterator[_Misuse]:
        members = self._workspace.packages.values()
        sources = [self._sources(member, siblings.get(member)) for member in members if member != self._package]
        path = os.pathsep.join(map(str, [self._package.folder / "src", *sources]))
        command = [sys.executable, "-m", "mypy", "--config-file", str(self._config), "--no-site-packages"]
        command += ["--output", "json", "--package", self._package.import_name]
        environ = {"MYPYPATH": path, "MYPY_CACHE_DIR": ""}
        printed = run_command(command, cwd=self._workspace.root, environ=environ, accepted=(0, 1))
        for found in map(json.loads, filter(None, printed.splitlines())):
            path = self._workspace.root / found["file"]
            if path.is_relative_to(self._package.source) and found["line"] not in lines_that_may_fail(path):
                yield _Misuse(path, found["line"], found["message"])

    def _sources(self, member: WorkspacePackage, version: Version | None) -> Path:
        """Return a copy of a package's sources in which a module has the names that it lists, and no others."""
        target = self._folder / f"{member.name}-{version or 'today'}"
        if not target.exists():
            if version is not None:
                member = released_package(self._workspace, member, version)
            shutil.copytree(member.folder / "src", target)
            for path in target.rglob("*.py"):
                # A `__getattr__` of a module would answer for every name.
                text = path.read_text(encoding="utf-8")
                path.write_text(text.replace("\ndef __getattr__(", "\ndef _get_attribute("), encoding="utf-8")
        return target
