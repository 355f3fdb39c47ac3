"""The rooms of the house: no circle of modules, and nobody imports from another room but what its face offers.

A room is a package, or a folder in one. Its face is its `__init__`, or a module without an underscore.
"""

from __future__ import annotations

import graphlib

import pytest

from workspace_packages import WORKSPACE_PACKAGES, imports_of, public_names_of

PACKAGES = {package.import_name: package for package in WORKSPACE_PACKAGES.values()}
MODULES = {module: path for package in PACKAGES.values() for module, path in package.modules()}

# Packages that are being moved into rooms. An entry that is not needed any more fails.
WITH_CIRCLES = {"auto_registry"}
WITH_PRIVATE_IMPORTS: set[str] = set()


def room_of(module):
    """Return the package or folder that a module is in; a folder's `__init__` is in the folder."""
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


def imported_modules(module):
    """Yield the modules of the workspace that a module imports: a submodule where the name is that of one."""
    for found in imports_of(module, MODULES[module]):
        submodule = f"{found.module}.{found.name}"
        target = submodule if submodule in MODULES else found.module
        if target in MODULES and target != module:
            yield target


def circle_in(package):
    """Return the modules of a package that import each other in a circle, or None."""
    graph = {module: set(imported_modules(module)) for module, _ in PACKAGES[package].modules()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return None


def private_imports(package):
    """Return the imports of a package that go past the face of another room, in words."""
    found = []
    for module, path in PACKAGES[package].modules():
        for imported in imports_of(module, path):
            submodule = f"{imported.module}.{imported.name}"
            target, name = (submodule, None) if submodule in MODULES else (imported.module, imported.name)
            if target not in MODULES or room_of(module) == room_of(target):
                continue
            is_private = any(part.startswith("_") for part in target.split("."))
            # What a room keeps to itself is open to the rooms inside of it.
            is_inside = f"{room_of(module)}.".startswith(f"{room_of(target)}.")
            is_offered = name is None or name in public_names_of(MODULES[target])
            if (is_private and not is_inside) or not is_offered:
                found.append(f"{module}, line {imported.line}: {target}" + (f" {name}" if name else ""))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_import_each_other_in_no_circle(package):
    """A module can be read, tested and moved without those that build on it; imports in functions count."""
    circle = circle_in(package)
    if package in WITH_CIRCLES:
        assert circle, f"{package} has no circle any more: take it out of WITH_CIRCLES"
    else:
        assert circle is None, " -> ".join(circle)


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_are_entered_by_their_faces(package):
    """What another room may use stands in the `__all__` of a module without an underscore, and is thereby versioned."""
    found = private_imports(package)
    if package in WITH_PRIVATE_IMPORTS:
        assert found, f"{package} enters by faces only: take it out of WITH_PRIVATE_IMPORTS"
    else:
        assert found == []


def test_packages_that_are_being_moved_exist():
    """A package that is renamed does not stay in the lists."""
    assert PACKAGES.keys() >= WITH_CIRCLES | WITH_PRIVATE_IMPORTS
