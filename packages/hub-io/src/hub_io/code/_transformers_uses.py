"""Which names of transformers the files of a bundle use: served ones, and others. Nothing is executed.

Seen are imports, attributes of imported modules, and expressions that name a module in a string literal, such as
`import_module("transformers.utils")`; not a name that is put together at run time, and source in a string.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from config_core.code import (
    called_name,
    is_base_file,
    parse_source,
    source_imports,
    walk_expressions,
    walk_statements,
)
from hub_io.code._served_names import TRANSFORMERS, is_served, is_served_module, is_transformers, provider_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from config_core.code import CodeBundle
    from hub_io.code._served_names import NameProvider

__all__ = ["ModuleLiteral", "TransformersName", "module_functions", "module_literal", "transformers_names"]

_IMPORTERS: Final = frozenset({"__import__", "import_module"})
_FUNCTIONS: Final = _IMPORTERS | {"find_spec", "version"}  # of `importlib.util`, and of `importlib.metadata`
_HOMES: Final = frozenset({"builtins", "importlib"})


class TransformersName(NamedTuple):
    """A use of a name of transformers in a file.

    Attributes:
        name: The name with its module: `transformers.utils.logging`.
        file: The file.
        line: Line, counted from 1.
        served: Whether hub_io serves it.
        is_certain: Whether it is always used when the file is imported, outside of a `try` that may handle its absence.
        provider: The package that provides it, or None if it is not served or is a module.
    """

    name: str
    file: str
    line: int
    served: bool
    is_certain: bool
    provider: NameProvider | None = None

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.name}"


def transformers_names(bundle: CodeBundle, files: Iterable[str]) -> list[TransformersName]:
    """Return the uses of names of transformers in files of a bundle, in order.

    Data files are skipped, and `pretrained_base.py` of portable code, which uses transformers only if that loads it.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    found: list[TransformersName] = []
    for file in files:
        content = bundle.files[file]
        if file.endswith(".py") and TRANSFORMERS.encode() in content and not is_base_file(content):
            found += sorted(_uses_in(file, content, bundle), key=lambda use: use.line)
    return found


def _uses_in(file: str, content: bytes, bundle: CodeBundle) -> Iterator[TransformersName]:
    for each in source_imports(file, content, bundle.files.get, path=file):
        if each.level or not is_transformers(each.module):
            continue
        if not each.names:
            yield TransformersName(each.module, file, each.line, is_served_module(each.module), each.is_certain)
        for name in each.names:
            served, provider = is_served(each.module, name), provider_of(each.module, name)
            yield TransformersName(f"{each.module}.{name}", file, each.line, served, each.is_certain, provider)
    yield from _uses_in_expressions(file, parse_source(content, path=file))


def _uses_in_expressions(file: str, tree: ast.Module) -> Iterator[TransformersName]:
    """Yield the modules that are named in text, and the names that are read as attributes of a module."""
    modules, functions = dict(_bound_modules(tree)), module_functions(tree)
    unread = set(_postponed_annotations(tree))
    later = _parts_of_lambdas(tree)
    for statement, is_certain, _ in walk_statements(tree):
        parts = [part for part in walk_expressions(statement) if id(part) not in unread]
        for part in parts:
            if (literal := module_literal(part, functions)) is not None:
                served, certainly = is_served_module(literal.name), is_certain and id(part) not in later
                yield TransformersName(literal.name, file, literal.node.lineno, served, certainly and literal.is_import)
        attributes = [part for part in parts if isinstance(part, ast.Attribute)]
        inner = {id(part.value) for part in attributes}
        for part in attributes:
            if id(part) in inner or (dotted := _dotted(part)) is None or dotted[0] not in modules:
                continue
            module, attribute = _resolve(modules[dotted[0]], dotted[1:])
            if attribute is not None:
                certainly = is_certain and id(part) not in later
                provider = provider_of(module, attribute)
                served = provider is not None or attribute.startswith("__")
                yield TransformersName(f"{module}.{attribute}", file, part.lineno, served, certainly, provider)


def _parts_of_lambdas(tree: ast.Module) -> set[int]:
    """Return the ids of the expressions in the bodies of lambdas. Each is visited once, however lambdas are nested."""
    found: set[int] = set()
    waiting: list[ast.AST] = [node.body for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    while waiting:
        part = waiting.pop()
        if id(part) not in found:
            found.add(id(part))
            waiting.extend(ast.iter_child_nodes(part))
    return found


def _postponed_annotations(tree: ast.Module) -> Iterator[int]:
    """Yield the ids of the expressions in annotations that Python does not evaluate."""
    is_postponed = any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for statement in tree.body
    )
    for node in ast.walk(tree) if is_postponed else ():
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                yield from map(id, ast.walk(annotation))


def _bound_modules(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the variables that import statements bind to modules of transformers, and the modules."""
    for statement, _, _ in walk_statements(tree):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if is_transformers(alias.name):
                    yield (alias.asname, alias.name) if alias.asname else (TRANSFORMERS, TRANSFORMERS)
        elif isinstance(statement, ast.ImportFrom) and not statement.level and is_transformers(statement.module or ""):
            for alias in statement.names:
                if is_served_module(module := f"{statement.module}.{alias.name}"):
                    yield alias.asname or alias.name, module


def _dotted(node: ast.expr) -> list[str] | None:
    """Return the parts of `a.b.c`, or None for other expressions."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else None


def _resolve(module: str, parts: list[str]) -> tuple[str, str | None]:
    """Return the module that attributes lead to, and the first name that is not a module."""
    for part in parts:
        if not is_served_module(f"{module}.{part}"):
            return module, part
        module = f"{module}.{part}"
    return module, None


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


def module_functions(tree: ast.Module) -> dict[str, str]:
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
        functions: What `module_functions` returns for its file.
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
