"""The tree of errors that each `errors.py` draws is the one that its classes make."""

from __future__ import annotations

import importlib
import re

import pytest

from workspace_packages import WORKSPACE_PACKAGES

PACKAGES = [package.import_name for package in WORKSPACE_PACKAGES.values()]
BRANCH = re.compile(r"^\s*(?P<bars>(?:│   )*)[├└]── (?P<name>\w+)(?: \((?P<bases>[^)]*)\))?", re.MULTILINE)


def drawn_errors(module):
    """Yield each error in the drawing: its name, the name of the one above or None, and the other bases it names."""
    above = []
    for branch in BRANCH.finditer(module.__doc__):
        del above[len(branch["bars"]) // 4 :]
        yield branch["name"], above[-1] if above else None, re.findall(r"\w+", branch["bases"] or "")
        above.append(branch["name"])


def errors_of(module):
    """Return the exceptions that a module offers, without warnings."""
    offered = {name: getattr(module, name) for name in module.__all__}
    classes = {name: found for name, found in offered.items() if isinstance(found, type)}
    return {name: found for name, found in classes.items() if not issubclass(found, Warning)}


@pytest.mark.parametrize("package", PACKAGES)
def test_tree_of_errors_is_drawn_as_it_is(package):
    """Each error stands below its parent, with the other bases that it has."""
    module = importlib.import_module(f"{package}.errors")
    errors = errors_of(module)
    drawn = list(drawn_errors(module))
    (root,) = errors.keys() - {name for name, _, _ in drawn}
    for name, above, bases in drawn:
        assert errors[above or root] in errors[name].__bases__, name
        assert set(bases) <= {base.__name__ for base in errors[name].__mro__}, name
