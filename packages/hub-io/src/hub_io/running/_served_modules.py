"""The names of transformers as importable modules, for code in bundles alone: `hub_io.served.transformers…`.

The loader of a bundle turns `from transformers.utils import logging` into `from hub_io.served.transformers.utils import
logging` before it compiles a file. Nothing is put under the name `transformers` in `sys.modules`, so the rest of the
program imports the real package or none.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import sys
from abc import abstractmethod
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from hub_io.code import (
    TRANSFORMERS,
    is_served_module,
    is_transformers,
    module_functions,
    module_literal,
    names_served_by,
    served_object,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub_io.code import ModuleLiteral

__all__ = ["SERVED_FINDER", "NameFinder", "serve_imports"]

_PREFIX: Final = "hub_io.served."
_FROM_LIST: Final = 4  # number of arguments of `__import__` with `fromlist`
_ORIGIN: Final = "<names of transformers that hub_io serves>"


def serve_imports(tree: ast.Module) -> ast.Module:
    """Let a parsed file import what hub_io serves in place of transformers. It is changed; lines stay the same.

    Import statements are changed, and string literals that name a module to import or to ask for.

    Returns:
        The same tree.
    """
    # Imports are statements, so only lists of statements are replaced: expressions may be nested too deep for a
    # recursive visitor.
    functions = module_functions(tree)
    for node in ast.walk(tree):
        if (literal := module_literal(node, functions)) is not None:
            _serve_literal(literal, node)
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and any(isinstance(item, (ast.Import, ast.ImportFrom)) for item in value):
                setattr(node, field, [part for item in value for part in _served(item)])
    return tree


def _serve_literal(literal: ModuleLiteral, expression: ast.AST) -> None:
    """Let an expression ask for the module that hub_io serves, or for the version that this module has."""
    target = literal.node
    if isinstance(expression, ast.Call) and literal.function == "version":
        version = ast.Constant(served_object(TRANSFORMERS, "__version__"))
        expression.func, expression.args, expression.keywords = ast.Attribute(version, "strip", ast.Load()), [], []
    elif isinstance(expression, ast.Call) and literal.function == "__import__" and not _has_from_list(expression):
        # It returns the top-level package, unless something is asked of the module itself.
        target.value = f"{_PREFIX}{TRANSFORMERS}"
        expression.keywords.append(ast.keyword("fromlist", ast.Tuple([ast.Constant("__name__")], ast.Load())))
    else:
        target.value = f"{_PREFIX}{literal.name}"
    ast.fix_missing_locations(expression)


def _has_from_list(call: ast.Call) -> bool:
    return len(call.args) >= _FROM_LIST or any(keyword.arg == "fromlist" for keyword in call.keywords)


def _served(statement: ast.stmt) -> Iterable[ast.stmt]:
    """Return the statements that replace a statement, usually itself."""
    if isinstance(statement, ast.ImportFrom) and not statement.level and is_transformers(statement.module or ""):
        statement.module = f"{_PREFIX}{statement.module}"
    if not isinstance(statement, ast.Import) or not any(is_transformers(alias.name) for alias in statement.names):
        return [statement]
    parts = [ast.Import(names=[part]) for alias in statement.names for part in _served_aliases(alias)]
    return [ast.copy_location(part, statement) for part in parts]


def _served_aliases(alias: ast.alias) -> list[ast.alias]:
    """Return what to import in place of `import <alias>`, in order."""
    if not is_transformers(alias.name):
        return [alias]
    found = [ast.alias(_PREFIX + alias.name, alias.asname or TRANSFORMERS)]
    if not alias.asname and alias.name != TRANSFORMERS:  # `import x.y` imports x.y and binds x
        found.append(ast.alias(_PREFIX + TRANSFORMERS, TRANSFORMERS))
    return [ast.copy_location(part, alias) for part in found]


class _ServedModule(ModuleType):
    """A module of transformers with the names that are served. All bundles share it, so setting a name is an error.

    That catches mistakes; it is not a sandbox: trusted code can change any object in the process.
    """

    def __getattribute__(self, name: str) -> Any:
        # Not what `vars(module)` has: code could put names there.
        if name.startswith("__") and name not in {"__all__", "__version__"}:
            return super().__getattribute__(name)
        if name == "__all__":  # `import *`
            raise ImportError("`from transformers import *` is not served. Import the names that are used.")
        module = _paths[self]
        if is_served_module(f"{module}.{name}"):
            return importlib.import_module(f"{_PREFIX}{module}.{name}")
        return served_object(module, name)

    def __setattr__(self, name: str, value: object) -> None:
        is_new = self not in _paths
        if is_new or value is sys.modules.get(f"{_PREFIX}{_paths[self]}.{name}"):  # the import system sets these
            super().__setattr__(name, value)
            return
        raise AttributeError(_unchangeable(self, name))

    def __delattr__(self, name: str) -> None:
        raise AttributeError(_unchangeable(self, name))

    def __dir__(self) -> list[str]:
        return names_served_by(_paths[self])


_paths: dict[ModuleType, str] = {}  # served module to the module of transformers that it stands for


def _unchangeable(module: ModuleType, name: str) -> str:
    return (
        f"{name!r} of {_paths[module]} cannot be set or deleted: hub_io serves these names to the code of all "
        "checkpoints. Derive a class, or set an attribute of your own object."
    )


class _ServedLoader(importlib.abc.Loader):
    """Makes one served module."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        name = spec.name.removeprefix(_PREFIX)
        module = _ServedModule(spec.name, f"Names of `{name}` that hub_io serves to the code of checkpoints.")
        module.__file__ = _ORIGIN
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.removeprefix(_PREFIX)
        _paths[module] = name
        if name == f"{TRANSFORMERS}.utils.logging":  # a module of its own; Python returns what is in `sys.modules`
            sys.modules[module.__name__] = served_object(TRANSFORMERS, "logging")


class NameFinder(importlib.abc.MetaPathFinder):
    """A finder that needs only the names of modules."""

    def install(self) -> None:
        """Let Python ask this finder first."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - Python's
        target: ModuleType | None = None,  # noqa: ARG002 - Python's
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module, as Python asks for it."""
        return self.spec_of(fullname)

    @abstractmethod
    def spec_of(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module, or None for those of other finders."""


class _ServedFinder(NameFinder):
    """Finds the served modules, and no others."""

    def spec_of(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        name = fullname.removeprefix(_PREFIX)
        if name == fullname or not is_transformers(name):
            return None
        if not is_served_module(name):
            raise ModuleNotFoundError(f"hub_io serves no names of {name!r}", name=name)
        return importlib.machinery.ModuleSpec(fullname, _ServedLoader(), origin=_ORIGIN, is_package=True)


SERVED_FINDER: Final = _ServedFinder()
