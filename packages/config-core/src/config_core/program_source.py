"""The definitions that classes need out of a program: a script, or the cells of a notebook.

A program cannot be saved as it stands, because loading it would run it. What a class needs is cut out: its own
definition, the imports, definitions and assignments that it refers to, and what those refer to. Bare calls never come
along.
"""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config_core.errors import SourceCodeError
from config_core.source_files import parse_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Program", "running_program"]

_NO_SOURCE = (
    "Python keeps no source of it. Define it in a module, in a script that is run as a file, or in a notebook cell."
)


_PYTHON_MAGIC = re.compile(r"%%(time|capture|prun)\b")


@dataclass(frozen=True)
class Program:
    """The source of a running program.

    Attributes:
        module: Name under which its definitions are saved, without `.py`.
        folder: Where the modules lie that it imports.
        sources: Name for errors, and text, of each part, in the order in which they ran.
    """

    module: str
    folder: Path
    sources: tuple[tuple[str, str], ...]

    def definitions(self, names: Iterable[str]) -> bytes:
        """Return the source of what these top-level names need.

        Raises:
            SourceCodeError: The program defines no such name at its top level, or is not Python.
        """
        statements = [
            _Statement(node, text, where)
            for where, text in self.sources
            for node in _flat(parse_source(text.encode(), path=where).body)
        ]
        top_level = _TopLevel(statements)
        wanted = list(names)
        for name in wanted:
            if name not in top_level.bound:
                raise SourceCodeError(f"it defines no {name!r} at its top level.", path=self.sources[-1][0])
        needed = top_level.needed_by(wanted)
        return "\n\n".join(statements[index].text() for index in sorted(needed)).encode() + b"\n"


class _TopLevel:
    """What the top level of a program defines.

    Attributes:
        bound: Name to the statements (their indices) that make it what it is at the end.
    """

    def __init__(self, statements: list[_Statement]) -> None:
        self.bound: dict[str, list[int]] = {}
        self._statements = statements
        self._imported: set[str] = set()
        self._variables: set[str] = set()
        for index, statement in enumerate(statements):
            is_import = isinstance(statement.node, (ast.Import, ast.ImportFrom))
            is_definition = isinstance(statement.node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            for name in statement.binds():
                if is_import or is_definition:
                    self.bound[name] = []  # what stood there before is gone
                self.bound.setdefault(name, []).append(index)
                for names, holds in (
                    (self._imported, is_import),
                    (self._variables, not is_import and not is_definition),
                ):
                    names.add(name) if holds else names.discard(name)
            for name in statement.changes():
                # A setting of an imported module is the program's business and not that of a class.
                if name in self.bound and name not in self._imported:
                    self.bound[name].append(index)

    def needed_by(self, names: Iterable[str]) -> set[int]:
        """Return the statements that names need, and what those need in turn."""
        needed = {index for index, statement in enumerate(self._statements) if statement.is_always_needed()}
        seen: set[str] = set()
        wanted = deque(names)
        while wanted:
            while wanted:
                name = wanted.popleft()
                seen.add(name)
                for index in self.bound.get(name, ()):
                    if index not in needed:
                        needed.add(index)
                        wanted.extend(self._statements[index].refers_to())
            for index, statement in enumerate(self._statements):
                if index not in needed and self._is_entered_into(statement, seen):
                    needed.add(index)
                    wanted.extend(statement.refers_to())
        return needed

    def _is_entered_into(self, statement: _Statement, seen: set[str]) -> bool:
        """Tell whether a decorator of the program's own puts a definition into one of its variables that are needed."""
        return any(
            not self._variables.isdisjoint(seen & self._statements[index].refers_to())
            for name in statement.decorators()
            if name not in self._imported
            for index in self.bound.get(name, ())
        )


def running_program(cls: type[Any], *, notebook_module: str) -> Program:
    """Return the program that defines a class of `__main__`.

    Args:
        cls: The class.
        notebook_module: What to name the module if the program is a notebook.

    Raises:
        SourceCodeError: Python keeps no source of the program.
    """
    cells = _notebook_cells()
    if cells:
        return Program(module=notebook_module, folder=Path.cwd(), sources=cells)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not Path(file).is_file() or Path(file).suffix != ".py":
        raise SourceCodeError(_NO_SOURCE, path=f"{cls.__module__}.{cls.__qualname__}")
    path = Path(file).resolve()
    stem = path.stem if path.stem.isidentifier() else notebook_module
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=str(path)) from error
    return Program(module=stem, folder=path.parent, sources=((str(path), text),))


def _notebook_cells() -> tuple[tuple[str, str], ...]:
    """Return the cells that ran in IPython, with its magics turned into Python; nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return ()
    cells = []
    # As they were typed: `In` has them with their magics already taken apart.
    for number, text in enumerate(shell.history_manager.input_hist_raw):
        if _PYTHON_MAGIC.match(text):
            text = text.partition("\n")[2]  # noqa: PLW2901 - these run the rest of the cell as it stands
        python = shell.transform_cell(text)
        try:
            ast.parse(python)
        except SyntaxError:
            continue  # a cell that could not have run
        cells.append((f"cell {number}", python))
    return tuple(cells)


@dataclass(frozen=True)
class _Statement:
    """A top-level statement of a part of a program."""

    node: ast.stmt
    source: str
    where: str

    def binds(self) -> Iterator[str]:
        """Give the names that the statement defines."""
        for node in _outside_scopes(self.node):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield node.name
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id

    def refers_to(self) -> set[str]:
        """Return the names that the statement takes from the top level, in functions too, but not their locals."""
        table = symtable.symtable(ast.unparse(self.node), self.where, "exec")
        names: set[str] = set()
        scopes = deque([table])
        while scopes:
            scope = scopes.popleft()
            scopes.extend(scope.get_children())
            top = scope is table
            names.update(
                symbol.get_name()
                for symbol in scope.get_symbols()
                # In the body of a class, `x = x` takes the right one from the top level.
                if symbol.is_referenced() and (top or symbol.is_global() or scope.get_type() == "class")
            )
        return names

    def changes(self) -> Iterator[str]:
        """Give the names whose values the statement changes: `x[key] = 1` and `x.y = 1`."""
        for node in _outside_scopes(self.node):
            if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                yield from _root_name(node)

    def decorators(self) -> Iterator[str]:
        """Give the names of the decorators: `x` of `@x(1)` and of `@x.y`."""
        for decorator in getattr(self.node, "decorator_list", ()):
            yield from _root_name(decorator)

    def is_always_needed(self) -> bool:
        """Tell whether the statement has a meaning without being named: `from __future__` and `from x import *`."""
        node = self.node
        return isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*")

    def text(self) -> str:
        """Return the statement as it was written, decorators included."""
        decorators = getattr(self.node, "decorator_list", [])
        first = min([self.node.lineno, *(decorator.lineno for decorator in decorators)])
        # Only these are ends of lines to Python; `splitlines` knows more.
        text = "\n".join(self.source.split("\n")[first - 1 : self.node.end_lineno])
        try:
            is_alone = self.node.col_offset == 0 and len(ast.parse(text).body) == 1
        except SyntaxError:  # it begins on the line on which another one ends
            is_alone = False
        return text if is_alone else ast.unparse(self.node)


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the top-level statements that may define something, not those that only run in the program itself."""
    for statement in statements:
        if isinstance(statement, ast.Expr) or (isinstance(statement, ast.If) and _asks_for_main(statement.test)):
            continue
        yield statement


def _root_name(node: ast.expr) -> Iterator[str]:
    """Give `x` of `x.y[z](…)`."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _asks_for_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _outside_scopes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Walk a statement, but not into the functions and classes that it defines."""
    nodes: deque[ast.AST] = deque([statement])
    while nodes:
        node = nodes.popleft()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            nodes.extend(ast.iter_child_nodes(node))
