"""What is public is listed, sorted, typed and documented."""

from __future__ import annotations

import ast
import importlib
import inspect

import pytest

from workspace_packages import WORKSPACE_PACKAGES

PACKAGES = [pytest.param(package, id=package.import_name) for package in WORKSPACE_PACKAGES.values()]
# `__main__` is a program: nobody imports it.
MODULES = [
    pytest.param(module, path, id=module)
    for package in WORKSPACE_PACKAGES.values()
    for module, path in package.modules()
    if not module.endswith("__main__")
]


def sort_key(name):
    """Order names as ruff's RUF022 does: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def names_bound_by(node):
    """Give the names that a top-level statement binds, imports left out."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def public_names(path):
    """Return the names that a file defines for others; for `__init__.py` also those it takes from its own modules."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {name for node in tree.body for name in names_bound_by(node)}
    if path.name == "__init__.py":
        own = path.parent.name
        names |= {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == own)
            for alias in node.names
        }
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_tells_type_checkers_that_it_is_typed(package):
    """Without py.typed the annotations are invisible to users."""
    assert (package.source / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_package_offers_something_by_name(package):
    """`from package import X` works for the names a user needs first."""
    assert importlib.import_module(package.import_name).__all__


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_all_lists_what_is_public(module, path):
    """Each module's `__all__` holds its public names, and nothing that is missing."""
    listed = importlib.import_module(module).__all__
    assert public_names(path) <= set(listed)
    assert [name for name in listed if not hasattr(importlib.import_module(module), name)] == []
    if path.name != "__init__.py":
        assert set(listed) == public_names(path)


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_all_is_sorted(module, path):
    """A sorted list shows what is there and what is not."""
    listed = importlib.import_module(module).__all__
    assert listed == sorted(set(listed), key=sort_key), path


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_every_public_object_is_documented(module, path):
    """Classes and functions carry a docstring of their own, and so does their module."""
    loaded = importlib.import_module(module)
    public = [getattr(loaded, name) for name in loaded.__all__]
    undocumented = [
        thing.__name__ for thing in public if (inspect.isclass(thing) or inspect.isroutine(thing)) and not thing.__doc__
    ]
    assert (bool(loaded.__doc__), undocumented) == (True, []), path
