"""No module imports itself by way of others, and modules use only the public interface of other subpackages.

A package counts as a subpackage here. The interface is the `__all__` of its `__init__` and of its modules without an
underscore.
"""

from __future__ import annotations

import ast
import graphlib

import pytest

from release_tools.workspace import WorkspacePackage, imports_of, public_names_of
from workspace_packages import ROOT, WORKSPACE_PACKAGES

TOOLS = WorkspacePackage(ROOT / "tools/release")
PACKAGES = {package.import_name: package for package in [*WORKSPACE_PACKAGES.values(), TOOLS]}
MODULES = {module: path for package in PACKAGES.values() for module, path in package.modules()}


def subpackage_of(module):
    """Return the package or subpackage that a module is in; an `__init__` is in its own."""
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


def imported_modules(module):
    """Yield the modules of the workspace that a module imports: a submodule where the name is that of one."""
    for found in imports_of(module, MODULES[module]):
        submodule = f"{found.module}.{found.name}"
        target = submodule if submodule in MODULES else found.module
        if target in MODULES and target != module:
            yield target


def cycle_in(graph):
    """Return the modules of a graph that import each other in a cycle, or None."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return None


def private_imports(package):
    """Return the imports of a package that go past the interface of another subpackage, in words."""
    found = []
    for module, path in PACKAGES[package].modules():
        for imported in imports_of(module, path):
            submodule = f"{imported.module}.{imported.name}"
            target, name = (submodule, None) if submodule in MODULES else (imported.module, imported.name)
            if target not in MODULES or subpackage_of(module) == subpackage_of(target):
                continue
            is_private = any(part.startswith("_") for part in target.split("."))
            # The private modules of a subpackage are open to the subpackages inside of it.
            is_inside = f"{subpackage_of(module)}.".startswith(f"{subpackage_of(target)}.")
            is_offered = name is None or name in public_names_of(MODULES[target])
            if (is_private and not is_inside) or not is_offered:
                found.append(f"{module}, line {imported.line}: {target}" + (f" {name}" if name else ""))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_by_way_of_others(package):
    """A module can be read, tested and moved without those that build on it; imports in functions count."""
    graph = {module: set(imported_modules(module)) for module, _ in PACKAGES[package].modules()}
    assert cycle_in(graph) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_subpackages_use_only_the_interface_of_others(package):
    """What another subpackage may use is in the `__all__` of a public module, and is thereby versioned."""
    assert private_imports(package) == []


def test_a_cycle_of_imports_is_found():
    """The test above could fail, also for a cycle by way of a third module."""
    assert set(cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


@pytest.mark.parametrize(
    "line",
    [
        "from config_core.checkpoint._opening import open_checkpoint",
        "from config_core.checkpoint import _opening",
        "import config_core.checkpoint._opening",
        "def f():\n    from config_core.config._base_fields import Labels",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from config_core.config._base_fields import Labels",
        "from config_core.checkpoint import no_such_name",
    ],
)
def test_an_import_past_an_interface_is_found(monkeypatch, tmp_path, line):
    """In a function, for type checkers, and of a name that no interface has."""
    path = tmp_path / "planted.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    planted = WORKSPACE_PACKAGES["pretrained-resnet"]
    monkeypatch.setitem(MODULES, "resnet.planted", path)
    monkeypatch.setattr(type(planted), "modules", lambda _: iter([("resnet.planted", path)]))
    assert len(private_imports("resnet")) == 1


MAY_WARN_AND_LOG = {
    "config_core.messages",  # escapes
    "config_core.transformers_names.logging",  # serves the loggers of trusted code
}


def warning_lines(path):
    """Yield the lines of a file that warn or log past `config_core.messages`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and f"{ast.unparse(node.value)}.{node.attr}" in {
            "warnings.warn",
            "warnings.warn_explicit",
            "logging.getLogger",
        }:
            yield node.lineno


def test_warnings_and_log_lines_are_escaped_in_one_place():
    """Any of them may contain a name from a file, and control the terminal with it."""
    assert {
        module: [*warning_lines(path)]
        for module, path in MODULES.items()
        if module not in MAY_WARN_AND_LOG and [*warning_lines(path)]
    } == {}
    assert [*warning_lines(MODULES["config_core.messages"])] != []
