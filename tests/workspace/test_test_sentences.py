"""The tests themselves: each says in a sentence what it shows, and none leans on what its package does not declare."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release_tools.workspace import imports_of
from workspace_packages import ROOT, WORKSPACE_PACKAGES

TESTS = ROOT / "tests"
TEST_FILES = [pytest.param(path, id=str(path.relative_to(TESTS))) for path in sorted(TESTS.rglob("test_*.py"))]
SUPPORT = {path.stem for path in (TESTS / "support").iterdir() if not path.name.startswith(("_", "."))}
PACKAGES = [pytest.param(package, id=package.import_name) for package in WORKSPACE_PACKAGES.values()]


def group_distributions(*groups):
    """Return the distributions that dependency groups of the workspace name, groups within them left out."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    lines = [line for group in groups for line in table[group] if isinstance(line, str)]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def import_names(distributions):
    """Return the names that distributions are imported by."""
    return {
        name
        for name, providers in importlib.metadata.packages_distributions().items()
        if distributions & {canonicalize_name(provider) for provider in providers}
    } | {WORKSPACE_PACKAGES[name].import_name for name in distributions & WORKSPACE_PACKAGES.keys()}


@pytest.mark.parametrize("path", TEST_FILES)
def test_every_test_has_a_sentence(path):
    """A test without a docstring does not say what breaks when it fails."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_of_a_package_import_only_what_it_declares(package):
    """A package is tested with what it brings and the test group, or it would be proven in company only."""
    declared = {canonicalize_name(requirement.name) for requirement in package.all_requirements()}
    declared |= {canonicalize_name(package.distribution)} | group_distributions("test", "peers")
    allowed = import_names(declared) | SUPPORT | sys.stdlib_module_names
    undeclared = {
        str(path.relative_to(TESTS)): sorted(names)
        for path in sorted((TESTS / package.import_name).rglob("*.py"))
        if (
            names := {
                found.module.partition(".")[0] for found in imports_of(f"{package.import_name}.{path.stem}", path)
            }
            - allowed
        )
    }
    assert undeclared == {}
