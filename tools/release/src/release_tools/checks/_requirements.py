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
from release_tools.workspace import Workspace, WorkspacePackage, imports_of, parsed, public_names_of

__all__ = ["impossible_bounds", "lines_that_may_fail", "undeclared_imports", "unknown_texts"]

# Distributions whose import name is another; the others are called like what they offer.
_IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}

_IMPORTERS = {"import_module", "__import__", "resolve_name", "find_spec"}


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
    for node in ast.walk(parsed(path)):
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


def unknown_texts(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find what a package names in strings, and today's sibling knows, but not the oldest one that the bounds admit.

    These are groups of entry points, objects of a sibling that entry points name, and what `import_module` is given.
    """
    groups = package.project.get("entry-points", {})
    named = {reference.split("[")[0].strip() for group in groups.values() for reference in group.values()}
    named.update(name for _, path in package.modules() for name in _imported_by_text(path))
    for requirement, sibling in workspace.siblings_of(package):
        if admitted := admitted_releases(workspace, requirement, sibling):
            oldest = released_package(workspace, sibling, admitted[0])
            unread = groups.keys() & (_texts_of(sibling) - _texts_of(oldest))
            unknown = [name for name in named if _offers(sibling, name) and not _offers(oldest, name)]
            whats = [f"does not read entry points of {group}" for group in unread] + [
                f"has no {name}" for name in unknown
            ]
            for what in sorted(whats):
                yield Failure(
                    package.name,
                    "older-sibling",
                    place(workspace, package.folder / "pyproject.toml", line_of_requirement(package, requirement)),
                    f"{requirement} admits {admitted[0]}, which {what}.",
                    f"Ask for a newer {sibling.distribution}.",
                )


def _texts_of(package: WorkspacePackage) -> set[str]:
    """Return the strings in the sources of a package."""
    nodes = (node for _, path in package.modules() for node in ast.walk(parsed(path)))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _imported_by_text(path: Path) -> Iterator[str]:
    """Yield what calls such as `import_module("config_core.offer")` name."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(
                func=ast.Name(id=function) | ast.Attribute(attr=function), args=[ast.Constant(value=str(name)), *_]
            ) if function in _IMPORTERS and node.lineno not in lines_that_may_fail(path):
                yield name


def _offers(package: WorkspacePackage, reference: str) -> bool:
    """Return whether a package has a module, or a public name in it: `config_core.offer:Shape.grow`."""
    module, _, names = reference.partition(":")
    path = dict(package.modules()).get(module)
    return path is not None and (not names or names.split(".")[0] in public_names_of(path))
