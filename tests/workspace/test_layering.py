"""A package imports only what this table allows, in every statement of every module."""

from __future__ import annotations

import sys

import pytest

from release_tools.workspace import imports_of
from workspace_packages import WORKSPACE_PACKAGES

ALLOWED = {
    "config_core": set(),
    "model_core": {"config_core", "torch", "safetensors"},
    "auto_registry": {"config_core"},
    "hub_io": {"config_core", "auto_registry", "huggingface_hub", "click", "filelock", "packaging", "pathspec", "yaml"},
    "resnet": {"config_core", "model_core", "timm", "torch"},
}
# The quickstart is a program on top of the packages, behind the extra of its name.
ALLOWED_IN_QUICKSTART = {"auto_registry", "hub_io", "sklearn", "PIL", "tqdm"}

MODULES = [
    pytest.param(package.import_name, module, path, id=module)
    for package in WORKSPACE_PACKAGES.values()
    for module, path in package.modules()
]


def test_every_package_has_a_row():
    """A package that joins the workspace must say what it may import."""
    assert {package.import_name for package in WORKSPACE_PACKAGES.values()} == set(ALLOWED)


@pytest.mark.parametrize(("package", "module", "path"), MODULES)
def test_module_imports_only_what_the_table_allows(package, module, path):
    """Imports inside functions and those for type checkers count as well."""
    allowed = ALLOWED[package] | {package} | sys.stdlib_module_names
    if module.startswith("resnet.quickstart"):
        allowed |= ALLOWED_IN_QUICKSTART
    assert {found.module.partition(".")[0] for found in imports_of(module, path)} - allowed == set()
