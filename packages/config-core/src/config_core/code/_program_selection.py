"""Which top-level statements of a program are saved with its classes.

Saved are the imports, definitions and assignments that the classes refer to, with what those refer to in turn, and the
assignments into these objects and the calls that fill them, such as `TABLE["x"] = 1` and `TABLE.update(x=1)`. Left out
is what changes none of these objects: making a model, training, printing and saving it. Refused with its line is
everything else: a statement that may change a needed object in another way, and a part of the program's run that stands
inside an `if`, `for`, `while`, `with`, `try` or `match` that is needed.
"""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING

from config_core.code._program_changes import HARMLESS_CALLS, Changes, called_name, is_filling
from config_core.code._program_statements import COMPOUND, FUNCTIONS, Names, chain_of, running_nodes
from config_core.errors import SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config_core.code._program_changes import Change
    from config_core.code._program_statements import Statement

__all__ = ["needed_statements"]

# Nothing that is saved may do these: loading it would do them again.
_NEVER_AT_LOAD = frozenset({"parse_args", "parse_known_args", "push_to_hub", "save_pretrained"})


def needed_statements(statements: list[Statement], names: Iterable[str], *, where: str) -> list[Statement]:
    """Return the statements that define names at the top level of a program, in their order.

    Args:
        statements: The top level of the program.
        names: The classes to save.
        where: The program in words, for an error that belongs to no statement.

    Raises:
        SourceCodeError: The program defines no such name at its top level, or has a statement that can neither be saved
            nor left out.
    """
    wanted = list(names)
    selection = _Selection(statements, wanted)
    for name in wanted:
        if name not in selection.bound:
            raise SourceCodeError(f"it defines no {name!r} at its top level.", path=where)
    selection.follow(wanted)
    selection.check()
    return [statements[index] for index in sorted(selection.needed)]


class _Selection:
    """The needed statements, as they are found.

    Attributes:
        bound: Name to the statements (their indices) that make it what it is at the end.
        needed: The statements that are needed.
    """

    def __init__(self, statements: list[Statement], saved: Iterable[str]) -> None:
        self.bound: dict[str, list[int]] = {}
        self.needed = {index for index, statement in enumerate(statements) if statement.is_always_needed}
        self._statements = statements
        self._names = Names(statements)
        self._changes = Changes(self._names, saved)
        self._seen: set[str] = set()
        self._last_versions: dict[str, int] = {}
        self._defined_at: dict[str, int] = {}
        self._assigned_at: dict[str, int] = {}
        for index, statement in enumerate(statements):
            self._last_versions[statement.signature] = index
            for name in statement.binds:
                if statement.kind != "variable":
                    self.bound[name] = []  # what stood there before is gone
                    self._defined_at[name] = index
                self.bound.setdefault(name, []).append(index)
                if _assigns_anew(statement.node, name):
                    self._assigned_at[name] = index

    def follow(self, names: Iterable[str]) -> None:
        """Find the statements that names need, and what those need in turn."""
        wanted = deque(names)
        while wanted:
            while wanted:
                if (name := wanted.popleft()) not in self._seen:
                    self._seen.add(name)
                    for index in self.bound.get(name, ()):
                        self._add(index, wanted)
            for index in range(len(self._statements)):
                if index not in self.needed and self._belongs(index):
                    self._add(index, wanted)

    def check(self) -> None:
        """Refuse what can neither be saved nor left out.

        Raises:
            SourceCodeError: There is such a statement.
        """
        for index, statement in enumerate(self._statements):
            if index in self.needed:
                self._check_saved(statement)
            elif change := next((change for change in self._needed_changes(index) if self._lasts(change, index)), None):
                verb = "changes" if change.is_certain else "may change"
                raise _refusal(
                    f"{_in_words(change.node)} {verb} {change.name!r}, which the saved classes need. It may also start "
                    "the program, which must not run when they are loaded. If they need the change, write it as an "
                    "assignment, or as the decorator of a definition.",
                    statement,
                    change.node,
                )

    def _add(self, index: int, wanted: deque[str]) -> None:
        if index not in self.needed:
            statement = self._statements[index]
            self.needed.add(index)
            wanted.extend(statement.refers_to)
            if statement.kind in {"class", "function"}:
                wanted.extend(statement.binds)

    # What belongs to the classes although nothing names it

    def _belongs(self, index: int) -> bool:
        """Return whether a statement makes a needed object what it is."""
        statement = self._statements[index]
        if statement.signature and index < self._last_versions[statement.signature]:
            return False  # an earlier run of a cell
        return (
            bool(self._needed_changes(index)) and any(self._makes_one_of(self._seen, part) for part in statement.parts)
        ) or any(name in self._seen for name in self._changes.entered_by(statement) if self._names.is_of_program(name))

    def _needed_changes(self, index: int) -> list[Change]:
        return [
            change
            for change in self._changes.made_by(self._statements[index])
            if change.name in self._seen and index >= self._defined_at.get(change.name, 0)
        ]

    def _lasts(self, change: Change, index: int) -> bool:
        """Return whether a change matters: the name was not assigned anew later, or was used before that."""
        between = range(index + 1, self._assigned_at.get(change.name, 0))
        is_used = any(change.name in self._statements[other].refers_to for other in between if other in self.needed)
        return is_used or index >= self._assigned_at.get(change.name, 0)

    def _makes_one_of(self, names: set[str], part: Statement) -> bool:
        """Return whether a simple statement assigns one of the names, or assigns into its object or fills it."""
        is_assignment = isinstance(part.node, (ast.Assign, ast.AugAssign, ast.AnnAssign)) or _is_walrus(part.node)
        return (is_assignment and not part.binds.isdisjoint(names)) or any(
            change.name in names and self._is_all_of(part.node, change) for change in self._changes.made_by(part)
        )

    def _is_all_of(self, statement: ast.stmt, change: Change) -> bool:
        """Return whether a change is what a statement is for: an assignment, or a call that fills."""
        call = change.node
        if not isinstance(call, ast.Call):
            return True
        value = getattr(statement, "value", None)
        if call is not (value.value if isinstance(value, (ast.Await, ast.NamedExpr)) else value):
            return False
        if isinstance(call.func, ast.Attribute):
            return is_filling(call.func.attr)
        # An object that is assigned to a name may enter itself into a table. A function may do more than that.
        is_kept_object = isinstance(statement, ast.Assign) and self._names.kind_of_called(call) == "class"
        return is_kept_object or called_name(call) in {"setattr", "delattr"}

    # What must not run at a load

    def _check_saved(self, statement: Statement) -> None:
        for call in _calls(_nodes_at_load(statement.node)):
            if self._does_never_at_load(call):
                raise _refusal_of_run(statement, call)
        if isinstance(statement.node, COMPOUND):
            names = self._names_to_make(statement)
            for part in statement.parts:
                self._check_part(part, statement, names)
        elif isinstance(statement.node, ast.Expr) and not _is_walrus(statement.node):
            first = next(_calls(ast.walk(statement.node)), None)
            if first is not None and not self._makes_one_of(self._seen, statement):
                raise _refusal_of_run(statement, first)

    def _check_part(self, part: Statement, statement: Statement, names: set[str]) -> None:
        """Refuse a part of a needed `if`, `for` or the like that belongs to the program's run."""
        if part.kind != "variable" or self._makes_one_of(names, part):
            return
        for call in _calls(running_nodes(part.node)):
            is_command = isinstance(part.node, ast.Expr) and call is part.node.value
            if not (called_name(call) in HARMLESS_CALLS if is_command else self._is_foreign(call, statement)):
                raise _refusal_of_run(statement, call)

    def _names_to_make(self, statement: Statement) -> set[str]:
        """Return the names that a compound statement is needed for, and those that are needed to make these."""
        others = (self._statements[index] for index in self.needed if self._statements[index] is not statement)
        names = {name for other in others for name in other.refers_to}
        for node in running_nodes(statement.node):
            if isinstance(node, COMPOUND):
                names.update(inner.id for inner in _nodes_of_header(node) if isinstance(inner, ast.Name))
        parts = list(statement.parts)
        while found := [part for part in parts if self._makes_one_of(names, part)]:
            names.update(name for part in found for name in part.refers_to)
            parts = [part for part in parts if part not in found]
        return names

    def _is_foreign(self, call: ast.Call, statement: Statement) -> bool:
        """Return whether a call whose result is used runs nothing of the program."""
        name, steps = chain_of(call)
        if not self._names.is_of_program(name) or name in statement.binds:
            return True
        is_method_of_variable = self._names.kinds[name] == "variable" and len(steps) > 1
        return is_method_of_variable and not self._names.any_method_may_change(name)

    def _does_never_at_load(self, call: ast.Call, asked: frozenset[str] = frozenset()) -> bool:
        """Return whether a call does what no load may do, itself or in a function of the program that it calls."""
        name = called_name(call)
        if self._names.kind_of_called(call) != "function" or name in asked:
            return isinstance(call.func, ast.Attribute) and name in _NEVER_AT_LOAD
        inside = _calls(ast.walk(self._names.definitions[name].node))
        return any(self._does_never_at_load(inner, asked | {name}) for inner in inside)


def _assigns_anew(node: ast.stmt, name: str) -> bool:
    """Return whether a statement assigns another object to a name, independent of the previous one."""
    return (
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        and not any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node.value))
    )


def _is_walrus(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.NamedExpr)


def _nodes_of_header(compound: ast.AST) -> Iterator[ast.AST]:
    """Walk the expressions that a compound statement has beside the statements in it."""
    for child in ast.iter_child_nodes(compound):
        if isinstance(child, (ast.expr, ast.withitem)):
            yield from ast.walk(child)


def _nodes_at_load(node: ast.AST) -> Iterator[ast.AST]:
    """Walk all that runs when a statement runs: the bodies of classes and the decorators of functions too."""
    for inner in running_nodes(node):
        yield inner
        children: list[ast.AST] = []
        if isinstance(inner, ast.ClassDef):
            children = list(ast.iter_child_nodes(inner))
        elif isinstance(inner, FUNCTIONS):
            defaults = [default for default in inner.args.kw_defaults if default is not None]
            children = [*inner.decorator_list, *inner.args.defaults, *defaults]
        for child in children:
            yield from _nodes_at_load(child)


def _calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    return (node for node in nodes if isinstance(node, ast.Call))


def _in_words(node: ast.expr) -> str:
    name, steps = chain_of(node)
    attributes = [step.attr for step in steps if isinstance(step, ast.Attribute)]
    return ".".join(filter(None, [name, *attributes])) + ("(…)" if isinstance(node, ast.Call) else "")


def _refusal_of_run(statement: Statement, call: ast.Call) -> SourceCodeError:
    problem = (
        f"{_in_words(call)} would run whenever the saved classes are loaded, because they need the statement that it "
        "is a part of. Move it out of there."
    )
    return _refusal(problem, statement, call)


def _refusal(problem: str, statement: Statement, node: ast.expr) -> SourceCodeError:
    again = " and run the notebook again from its start" if statement.where.startswith("cell ") else ""
    return SourceCodeError(
        f'{problem} If only the program needs it, put it under if __name__ == "__main__":{again}.',
        path=statement.where,
        line=node.lineno,
    )
