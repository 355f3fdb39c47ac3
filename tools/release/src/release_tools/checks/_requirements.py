"""Whether a package declares what it imports, and what its bounds on siblings admit is there and reads it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.checks._failures import Failure, line_of_requirement, place
from release_tools.releases import admitted_releases, released_package, released_versions
from release_tools.workspace import Workspace, WorkspacePackage, imports_of

__all__ = ["impossible_bounds", "lines_that_may_fail", "undeclared_imports", "unread_entry_points"]

# Distributions whose import name is another; the others are called like what they offer.
_IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def undeclared_imports(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find imports of distributions that neither the dependencies nor an extra names.

    Imports in functions and for type checkers count, since both need the distribution. Those in a `try` that catches
    ImportError do not: the program runs without.
    """
    import_names = {distribution: sibling.import_name for distribution, sibling in workspace.packages.items()}
    import_names |= _IMPORT_NAMES
    declared = map(canonicalize_name, (requirement.name for requirement in package.all_requirements()))
    known = {import_names.get(name, name.replace("-", "_")) for name in declared}
    known |= {package.import_name, *sys.stdlib_module_names}
    for module, path in package.modules():
        for found in imports_of(module, path):
            name = found.module.partition(".")[0]
            if name not in known and found.line not in lines_that_may_fail(path):
                yield Failure(
                    package.name,
                    "undeclared-import",
                    place(workspace, path, found.line),
                    f"{name} is imported but not declared.",
                    f"Add its distribution to the dependencies in packages/{package.name}/pyproject.toml.",
                )


def lines_that_may_fail(path: Path) -> set[int]:
    """Return the lines of a file that stand in a `try` which catches ImportError or AttributeError."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Try):
            caught = {name.id for handler in node.handlers for name in _names_in(handler.type)}
            if caught & {"ImportError", "ModuleNotFoundError", "AttributeError"}:
                found.update(line for step in node.body for line in range(step.lineno, (step.end_lineno or 0) + 1))
    return found


def _names_in(expression: ast.expr | None) -> list[ast.Name]:
    return [node for node in ast.walk(expression) if isinstance(node, ast.Name)] if expression else []


def impossible_bounds(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find bounds on siblings that no version meets, that exclude today's, or that begin at one which never was."""
    for requirement, sibling in workspace.siblings_of(package):
        versions = sorted({*released_versions(workspace, sibling), sibling.version})
        problem = _problem_of(requirement, sibling, versions)
        if problem:
            yield Failure(
                package.name,
                "bounds",
                place(workspace, package.folder / "pyproject.toml", line_of_requirement(package, requirement)),
                problem,
                "Give bounds that begin at a released version or at today's, and admit today's.",
            )


def _problem_of(requirement: Requirement, sibling: WorkspacePackage, versions: list[Version]) -> str | None:
    if not any(version in requirement.specifier for version in versions):
        return f"no version of {sibling.distribution} meets {requirement}; there are {', '.join(map(str, versions))}."
    if sibling.version not in requirement.specifier:
        return f"{requirement} excludes {sibling.version}, which {sibling.distribution} has in this workspace."
    lowest = [Version(bound.version) for bound in requirement.specifier if bound.operator in {">=", "==", "~="}]
    missing = [str(version) for version in lowest if version not in versions]
    if missing:
        return f"{requirement} begins at {missing[0]}, which was never released."
    return None


def unread_entry_points(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find entry points in groups that today's sibling reads, and the oldest one that the bounds admit does not."""
    for requirement, sibling in workspace.siblings_of(package):
        admitted = admitted_releases(workspace, requirement, sibling)
        groups = [group for group in package.project.get("entry-points", {}) if group in _texts_of(sibling)]
        if admitted and groups:
            known = _texts_of(released_package(workspace, sibling, admitted[0]))
            for group in groups:
                if group not in known:
                    yield Failure(
                        package.name,
                        "older-sibling",
                        place(workspace, package.folder / "pyproject.toml", line_of_requirement(package, requirement)),
                        f"{requirement} admits {admitted[0]}, which does not read entry points of {group}.",
                        f"Ask for the release of {sibling.distribution} that first reads them.",
                    )


def _texts_of(package: WorkspacePackage) -> set[str]:
    """Return the strings in the sources of a package."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for _, path in package.modules())
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
