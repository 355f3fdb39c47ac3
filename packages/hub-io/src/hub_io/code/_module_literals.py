"""Expressions that name a module of transformers in a string literal, such as `import_module("transformers.utils")`.

A name that is put together at run time, and source in a string, are not seen.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from config_core.code import called_name
from hub_io.code._served_names import is_transformers

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ModuleLiteral", "functions_in", "module_literal"]

_IMPORTERS: Final = frozenset({"__import__", "import_module"})
_FUNCTIONS: Final = _IMPORTERS | {"find_spec", "version"}  # of `importlib.util`, and of `importlib.metadata`
_HOMES: Final = frozenset({"builtins", "importlib"})


class ModuleLiteral(NamedTuple):
    """The literal with which an expression names a module of transformers.

    Attributes:
        node: The literal.
        name: The module.
        function: The function that gets it, or `sys.modules`.
    """

    node: ast.Constant
    name: str
    function: str

    @property
    def is_import(self) -> bool:
        """Whether the module is imported, and must be there; otherwise the code asks whether it is."""
        return self.function in _IMPORTERS


def functions_in(tree: ast.Module) -> dict[str, str]:
    """Return the functions that take the name of a module, by the names that they have in a file."""
    return {name: name for name in _FUNCTIONS} | {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _HOMES
        for alias in node.names
        if alias.asname and alias.name in _FUNCTIONS
    }


def module_literal(node: ast.AST, functions: Mapping[str, str]) -> ModuleLiteral | None:
    """Return the literal with which an expression names a module of transformers, or None.

    Args:
        node: The expression.
        functions: What `functions_in` returns for its file.
    """
    target, function = None, "sys.modules"
    if isinstance(node, ast.Call):
        called = called_name(node)
        if not (called == "get" and _is_sys_modules(getattr(node.func, "value", None))):
            function = functions.get(called, "")
        given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "name")]
        target = given[0] if function and given else None
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_sys_modules(node.value):
        target = node.slice
    elif isinstance(node, ast.Compare) and _is_sys_modules(node.comparators[0]):
        target = node.left
    if isinstance(target, ast.Constant) and isinstance(target.value, str) and is_transformers(target.value):
        return ModuleLiteral(target, target.value, function)
    return None


def _is_sys_modules(node: object) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "modules" and getattr(node.value, "id", "") == "sys"
