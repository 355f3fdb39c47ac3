"""The top level of a program: its statements, and what the names are that they define."""

from __future__ import annotations

import ast
import copy
import symtable
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Kind = Literal["import", "class", "function", "variable"]

__all__ = [
    "COMPOUND",
    "FUNCTIONS",
    "Names",
    "Statement",
    "aliases_in",
    "bound_names",
    "chain_of",
    "is_main_guard",
    "is_part",
    "running_nodes",
]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPOUND: tuple[type[ast.stmt], ...] = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_CONTAINERS = frozenset({
    "ChainMap", "Counter", "OrderedDict", "SimpleNamespace", "UserDict", "UserList", "bytearray", "defaultdict",
    "deque", "dict", "list", "set",
})  # fmt: skip
_CONSTANTS = (
    ast.BinOp, ast.Constant, ast.FormattedValue, ast.JoinedStr, ast.Load, ast.Tuple, ast.UnaryOp, ast.operator,
    ast.unaryop,
)  # fmt: skip
# Methods that return a part of the object that they are called on, and functions that go through what they are given.
_PARTS = frozenset({"get", "items", "setdefault", "values"})
_GOING_THROUGH = frozenset({"enumerate", "iter", "list", "reversed", "sorted", "tuple", "zip"})


@dataclass(frozen=True)
class Statement:
    """A statement of a program.

    Attributes:
        node: Its syntax tree.
        source: Text of the part of the program that holds it: a script, or a cell of a notebook.
        where: Name of that part, for errors.
    """

    node: ast.stmt
    source: str
    where: str

    @cached_property
    def parts(self) -> tuple[Statement, ...]:
        """The statements in an `if`, `for`, `while`, `with`, `try` or `match`, at any depth; else the statement."""
        if not isinstance(self.node, COMPOUND):
            return (self,)
        return tuple(Statement(part, self.source, self.where) for part in _simple_parts(self.node))

    @property
    def kind(self) -> Kind:
        """What the names are that the statement defines."""
        if isinstance(self.node, (ast.Import, ast.ImportFrom)):
            return "import"
        if isinstance(self.node, FUNCTIONS):
            return "function"
        return "class" if isinstance(self.node, ast.ClassDef) else "variable"

    @property
    def is_always_needed(self) -> bool:
        """Whether the statement matters without being named: `from __future__` and `from x import *`."""
        node = self.node
        return isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*")

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that the statement defines."""
        return frozenset(bound_names(running_nodes(self.node)))

    @cached_property
    def refers_to(self) -> frozenset[str]:
        """The top-level names that the statement uses, in functions too, but not their locals."""
        return frozenset(_referenced_names(self.node))

    @cached_property
    def signature(self) -> str:
        """Text that two versions of one definition share, such as two runs of a cell; `""` for other statements."""
        if not isinstance(self.node, (*FUNCTIONS, ast.ClassDef)):
            return ""
        head = copy.copy(self.node)
        head.body = []
        return ast.dump(head)

    @property
    def decorators(self) -> list[ast.expr]:
        """The decorators of a definition."""
        return getattr(self.node, "decorator_list", [])

    @property
    def text(self) -> str:
        """The statement as it was written, with its decorators."""
        first = min([self.node.lineno, *(decorator.lineno for decorator in self.decorators)])
        # Only these end a line in Python; `splitlines` knows more.
        text = "\n".join(self.source.split("\n")[first - 1 : self.node.end_lineno])
        try:
            is_alone = self.node.col_offset == 0 and len(ast.parse(text).body) == 1
        except SyntaxError:  # it begins on the line on which another one ends
            is_alone = False
        return text if is_alone else ast.unparse(self.node)


class Names:
    """What the top-level names of a program are.

    Attributes:
        kinds: Name to what it is at the end.
        definitions: Name of a class or function to the statement that defines it.
        aliases: Name of a variable to the names whose objects, or parts of them, it may hold as well.
        asked_for_subclasses: Classes whose `__subclasses__` the program calls.
    """

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.kinds: dict[str, Kind] = {}
        self.definitions: dict[str, Statement] = {}
        self.asked_for_subclasses: set[str] = set()
        self._values: dict[str, list[ast.expr | None]] = {}
        nodes: list[ast.AST] = []
        for statement in statements:
            self.asked_for_subclasses.update(_asked_for_subclasses(statement.node))
            nodes.extend(running_nodes(statement.node))
            self.kinds.update(dict.fromkeys(statement.binds, "variable"))
            for part in sorted(statement.parts, key=lambda part: part.kind == "import"):  # it may have a substitute
                self.kinds.update(dict.fromkeys(part.binds, part.kind))
                if part.kind in {"class", "function"}:
                    self.definitions.update(dict.fromkeys(part.binds, part))
        self.aliases = aliases_in(nodes)
        for name, value in _assigned_values(nodes):
            self._values.setdefault(name, []).append(value)

    def is_of_program(self, name: str) -> bool:
        """Return whether the program itself defines a name. What it imports is not its own to change."""
        return self.kinds.get(name, "import") != "import"

    def is_container(self, name: str) -> bool:
        """Return whether a variable holds a list, dict, set or the like, or an object of a class of the program."""
        return any(
            _is_container(value) or (isinstance(value, ast.Call) and self.kind_of_called(value) == "class")
            for value in self._values.get(name, ())
        )

    def any_method_may_change(self, name: str) -> bool:
        """Return whether an object may be changed by a method that does not say so in its name."""
        if self.kinds.get(name) != "variable":
            return self.kinds.get(name) == "class"
        values = self._values.get(name, [None])
        return not all(value and (_is_container(value) or _is_constant(value) or is_part(value)) for value in values)

    def kind_of_called(self, call: ast.Call) -> Kind | None:
        """Return what a function is that is called by its name alone."""
        return self.kinds.get(call.func.id) if isinstance(call.func, ast.Name) else None

    def family(self, name: str) -> list[ast.ClassDef]:
        """Return a class of the program and those that it inherits from, as far as they are the program's own."""
        family: list[ast.ClassDef] = []
        names = [name]
        while names:
            definition = self.definitions.get(names.pop(0))
            if definition and isinstance(definition.node, ast.ClassDef) and definition.node not in family:
                family.append(definition.node)
                names.extend(base.id for base in definition.node.bases if isinstance(base, ast.Name))
        return family

    def method(self, class_name: str, method: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the definition of a method in a class of the program, or None if an imported class has it."""
        nodes = (node for owner in self.family(class_name) for node in owner.body)
        return next((node for node in nodes if isinstance(node, FUNCTIONS) and node.name == method), None)


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs at the top level when a statement runs: not the bodies of functions and classes."""
    nodes: deque[ast.AST] = deque([node])
    while nodes:
        node = nodes.popleft()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            nodes.extend(ast.iter_child_nodes(node))


def bound_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are bound by nodes of one scope."""
    for node in nodes:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def chain_of(node: ast.AST) -> tuple[str, list[ast.AST]]:
    """Return `x`, and the steps from it in order, of an expression such as `x.y[z](…)`; `""` if there is no `x`."""
    steps: list[ast.AST] = []
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Await)):
        if not isinstance(node, ast.Await):
            steps.append(node)
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id if isinstance(node, ast.Name) else ""), steps[::-1]


def is_part(node: ast.AST) -> bool:
    """Return whether an expression is an object that a name holds, or a part of it: `x`, `x.y`, `x["z"].values()`."""
    name, steps = chain_of(node)
    return bool(name) and all(
        isinstance(before, ast.Attribute) and before.attr in _PARTS
        for before, step in zip([None, *steps], steps, strict=False)
        if isinstance(step, ast.Call)
    )


def is_main_guard(statement: ast.AST) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`, or another one that asks for that name."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def aliases_in(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """Return the variables of one scope that hold an object of another name, or a part of it, with these names."""
    aliases: dict[str, set[str]] = {}
    for node in nodes:
        pairs = _assigned_pairs(node)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            pairs = [(node.target, source) for source in _gone_through(node.iter)]
        for target, value in pairs:
            if value is not None and is_part(value):
                for name in bound_names(ast.walk(target)):
                    aliases.setdefault(name, set()).add(chain_of(value)[0])
    return aliases


def _simple_parts(statement: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(statement, COMPOUND):
        yield statement
    elif not is_main_guard(statement):
        for child in ast.iter_child_nodes(statement):
            inner = [child] if isinstance(child, ast.stmt) else getattr(child, "body", None)
            for part in inner if isinstance(inner, list) else ():
                yield from _simple_parts(part)


def _referenced_names(statement: ast.stmt) -> Iterator[str]:
    table = symtable.symtable(ast.unparse(statement), "<statement>", "exec")
    scopes = deque([table])
    while scopes:
        scope = scopes.popleft()
        scopes.extend(scope.get_children())
        # In the body of a class, `x = x` takes the right one from the top level.
        is_open = scope is table or scope.get_type() == "class"
        for symbol in scope.get_symbols():
            if symbol.is_referenced() and (is_open or symbol.is_global()):
                yield symbol.get_name()


def _asked_for_subclasses(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and node.attr == "__subclasses__":
            yield chain_of(node)[0]
            if isinstance(statement, ast.ClassDef):
                yield statement.name


def _assigned_values(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the variables that are bound, each with the value that it is assigned; None for loops and the like."""
    assigned: set[ast.expr] = set()
    for node in nodes:
        for target, value in _assigned_pairs(node):
            if isinstance(target, ast.Name):
                assigned.add(target)
                if value is not None:
                    yield target.id, value
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in assigned:
            yield node.id, None


def _assigned_pairs(node: ast.AST) -> list[tuple[ast.expr, ast.expr | None]]:
    """Return the targets of an assignment, each with its value; of `x, y = 1, 2` those in the tuples."""
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return [(node.target, node.value)]
    if not isinstance(node, ast.Assign):
        return []
    pairs: list[tuple[ast.expr, ast.expr | None]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs.extend(zip(target.elts, node.value.elts, strict=False))
        else:
            pairs.append((target, node.value))
    return pairs


def _gone_through(iterable: ast.expr) -> list[ast.expr]:
    """Return the objects whose items a loop gets: `x` and `y` of `zip(x, y)`."""
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id in _GOING_THROUGH:
        return [inner for argument in iterable.args for inner in _gone_through(argument)]
    return [iterable]


def _is_container(value: ast.expr | None) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
    return isinstance(value, _DISPLAYS) or name in _CONTAINERS


def _is_constant(value: ast.expr) -> bool:
    return all(isinstance(node, _CONSTANTS) for node in ast.walk(value))
