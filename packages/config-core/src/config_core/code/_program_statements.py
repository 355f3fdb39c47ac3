"""The top level of a program, taken apart: what its statements bind, use, call and assign into."""

from __future__ import annotations

import ast
import copy
import symtable
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DEFINITIONS", "FUNCTIONS", "IMPORTS", "Part", "assigned_into", "parts_of", "stored_names"]

IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True, eq=False)
class Part:
    """A simple statement, a definition, or the header of a compound statement: that statement with empty blocks.

    Attributes:
        node: Its syntax tree.
        statement: The top-level statement that it is a part of.
        given: The names that the headers around it bind, such as the variable of a loop.
    """

    node: ast.stmt
    statement: ast.stmt
    given: frozenset[str] = frozenset()

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything that is evaluated when the part runs: the bodies of classes, but not those of functions."""
        return tuple(_running_nodes(self.node))

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """The calls that are made when the part runs, the outer ones first."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    @property
    def command(self) -> ast.Call | None:
        """The call that is a statement of its own: nobody uses its result."""
        value = self.node.value if isinstance(self.node, ast.Expr) else None
        return value if isinstance(value, ast.Call) else None

    @cached_property
    def binds(self) -> frozenset[str]:
        """The top-level names that the part defines or deletes."""
        if isinstance(self.node, DEFINITIONS):
            return frozenset({self.node.name})
        if isinstance(self.node, IMPORTS):
            return frozenset((alias.asname or alias.name).split(".")[0] for alias in self.node.names)
        return frozenset(stored_names(self.nodes))

    @property
    def uses(self) -> set[str]:
        """The names that the part takes from elsewhere, in functions too, but neither their locals nor `given`."""
        found: set[str] = set()
        table = symtable.symtable(ast.unparse(self.node), "<statement>", "exec")
        scopes = deque([table])
        while scopes:
            scope = scopes.popleft()
            scopes.extend(scope.get_children())
            # In the body of a class, `x = x` takes the right one from the top level.
            is_open = scope is table or scope.get_type() == "class"
            symbols = [symbol for symbol in scope.get_symbols() if symbol.is_referenced()]
            found.update(symbol.get_name() for symbol in symbols if is_open or symbol.is_global())
        return found - self.given


def parts_of(statement: ast.stmt) -> Iterator[Part]:
    """Yield a statement itself, or the headers and simple statements that an `if`, `for`, `try` or the like has."""
    waiting = deque([Part(statement, statement)])
    while waiting:
        part = waiting.popleft()
        header, inner = (part.node, []) if isinstance(part.node, DEFINITIONS) else _split(part.node)
        part = Part(header, statement, part.given) if inner else part
        yield part
        waiting.extendleft(Part(node, statement, part.given | part.binds) for node in reversed(inner))


def stored_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are assigned, deleted or captured."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def assigned_into(nodes: Iterable[ast.AST]) -> list[ast.expr]:
    """Return the targets such as `x[key]` and `x.y` that are assigned or deleted."""
    targets = (node for node in nodes if isinstance(node, (ast.Attribute, ast.Subscript)))
    return [target for target in targets if not isinstance(target.ctx, ast.Load)]


def _split(node: Any) -> tuple[Any, list[ast.stmt]]:
    """Return a compound statement with empty blocks, and the statements that are in its blocks."""
    header, inner = copy.copy(node), []
    for field, value in ast.iter_fields(node):
        if field in {"body", "orelse", "finalbody"} and value:
            inner.extend(value)
            setattr(header, field, [ast.Pass()])
        elif field in {"handlers", "cases"}:
            clauses = [_split(clause) for clause in value]
            inner.extend(statement for _, statements in clauses for statement in statements)
            setattr(header, field, [clause for clause, _ in clauses])
    return header, inner


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    nodes = deque([node])
    while nodes:
        node = nodes.popleft()
        yield node
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            nodes.extend([*getattr(node, "decorator_list", ()), node.args])
        elif isinstance(node, ast.comprehension):  # its variable is bound in it alone
            nodes.extend([node.iter, *node.ifs])
        else:
            nodes.extend(ast.iter_child_nodes(node))
