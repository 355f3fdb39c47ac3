"""The definitions that classes need out of a program: a script, or the cells of a notebook.

A program cannot be saved as it stands, because loading it would run it. What a class needs is cut out: its own
definition, the imports, definitions and assignments that it refers to, and what those refer to. Of bare calls those
come along that change what one of these variables holds, `TABLE.update(…)`; all others are the program's run.
"""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from config_core.code._source_facts import parse_source
from config_core.errors import SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    _Kind = Literal["import", "class", "function", "variable"]

__all__ = ["Program", "running_program"]

_NO_SOURCE = (
    "Python keeps no source of it. Define it in a module, in a script that is run as a file, or in a notebook cell."
)


_PYTHON_MAGIC = re.compile(r"%%(time|capture|prun)\b")
# What these are called on does not change, and what they are given may be all of the program's run.
_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})


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
            SourceCodeError: The program defines no such name at its top level, or is not Python, or it cannot be told
                whether one of its calls belongs to the definitions or to the run.
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
        self._kinds: dict[str, _Kind] = {}
        for index, statement in enumerate(statements):
            kind = statement.kind()
            for name in statement.binds():
                if kind != "variable":
                    self.bound[name] = []  # what stood there before is gone
                self.bound.setdefault(name, []).append(index)
                self._kinds[name] = kind
            for name in statement.changes():
                # A setting of an imported module is the program's business and not that of a class.
                if self._kinds.get(name, "import") != "import":
                    self.bound[name].append(index)
            for call in statement.calls():
                for name in _called_on(call):
                    # A method of a class itself, `Model.register_for_auto_class()`, is the program's business too.
                    if self._kinds.get(name) == "variable" or (self._kinds.get(name) == "class" and not _is_flat(call)):
                        self.bound[name].append(index)

    def needed_by(self, names: Iterable[str]) -> set[int]:
        """Return the statements that names need, and what those need in turn.

        Raises:
            SourceCodeError: It cannot be told whether they need a call.
        """
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
        for index in sorted(set(range(len(self._statements))) - needed):
            self._check_calls(self._statements[index], seen)
        return needed

    def _is_entered_into(self, statement: _Statement, seen: set[str]) -> bool:
        """Tell whether a decorator of the program's own puts a definition into one of its variables that are needed."""
        return any(
            self._kinds.get(needed) == "variable"
            for name in statement.decorators()
            if self._kinds.get(name) != "import"
            for index in self.bound.get(name, ())
            for needed in seen & self._statements[index].refers_to()
        )

    def _check_calls(self, statement: _Statement, seen: set[str]) -> None:
        """Refuse what is left out if it calls a function of the program that changes a needed variable."""
        for call in statement.calls():
            for name in _root_name(call):
                changed = self._changed_by(name) & seen if self._kinds.get(name) == "function" else set()
                if changed:
                    raise SourceCodeError(
                        f"{name}(…) changes {min(changed)!r}, which the saved classes need. It may also start the "
                        "program, which must not run when they are loaded. Write the change as an assignment, or the "
                        'call as a decorator; put it under if __name__ == "__main__": if the classes do not need it.',
                        path=statement.where,
                        line=call.lineno,
                    )

    def _changed_by(self, function: str) -> set[str]:
        """Return the variables that a function of the program changes when it is called."""
        changed = {name for index in self.bound[function] for name in self._statements[index].changes_inside()}
        return {name for name in changed if self._kinds.get(name) == "variable"}


def running_program(cls: type[Any], *, notebook_module: str) -> Program:
    """Return the program that defines a class of `__main__`.

    Args:
        cls: The class.
        notebook_module: What to name the module if the program is a notebook, or a file whose name cannot be imported.

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
    # `__main__.py` of a folder, and other names that no checkpoint may have for its code.
    is_plain = path.stem.isidentifier() and path.stem.isascii() and not path.stem.startswith("__")
    stem = path.stem if is_plain else notebook_module
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

    def kind(self) -> _Kind:
        """Return what the names are that the statement defines."""
        if isinstance(self.node, (ast.Import, ast.ImportFrom)):
            return "import"
        if isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return "function"
        return "class" if isinstance(self.node, ast.ClassDef) else "variable"

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
        """Give the names whose values the statement changes: `x[key] = 1`, `del x.y`, `setattr(x, "y", 1)`."""
        yield from _changed(list(_outside_scopes(self.node)))

    def calls(self) -> Iterator[ast.Call]:
        """Give the calls whose results nobody takes, other than those of functions that are defined here."""
        yield from _bare_calls(_outside_scopes(self.node))

    def changes_inside(self) -> set[str]:
        """Return the names of the top level that a function changes in its body."""
        nodes = list(ast.walk(self.node))
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        called = {name for call in _bare_calls(nodes) for name in _called_on(call)}
        return (declared & assigned) | (self.refers_to() & {*_changed(nodes), *called})

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
    """Give the top-level statements that are not for the program's own run by their own word."""
    for statement in statements:
        if not (isinstance(statement, ast.If) and _asks_for_main(statement.test)):
            yield statement


def _root_name(node: ast.expr) -> Iterator[str]:
    """Give `x` of `x.y[z](…)`."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _changed(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Give `x` where `x[key]` or `x.y` is assigned or deleted."""
    for node in nodes:
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            yield from _root_name(node)
    for call in _bare_calls(nodes):
        if isinstance(call.func, ast.Name) and call.func.id in {"setattr", "delattr"} and call.args:
            yield from _root_name(call.args[0])


def _bare_calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Give the calls that are statements of their own."""
    for node in nodes:
        if isinstance(node, ast.Expr):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            if isinstance(call, ast.Call):
                yield call


def _called_on(call: ast.Call) -> Iterator[str]:
    """Give `x` of `x.y(…)`, whose value the call may change."""
    if not isinstance(call.func, ast.Name) and not (
        isinstance(call.func, ast.Attribute) and call.func.attr in _LOGGING
    ):
        yield from _root_name(call.func)


def _is_flat(call: ast.Call) -> bool:
    """Tell `x.y(…)` from `x.y.z(…)`."""
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)


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
