"""Which top-level statements of a program are saved with its classes.

Needed names are the classes to save and, in turn, every top-level name that a saved statement refers to.

- Saved: imports, definitions and assignments that bind a needed name; assignments into a needed variable
  (`TABLE[key] = 1`, `TABLE.x = 1`, `del TABLE[key]`); calls that fill a needed list, dict, set or the like
  (`TABLE.update(x=1)`); and definitions that a decorator or a base class with `__init_subclass__` enters into a needed
  object (`@REGISTRY.register`).
- Left out: what changes no needed name, such as making a model, training, printing and saving it.
- Refused with its line: what may change a needed name in another way, which is an assignment into a class or function
  (`MyModel.x = 1`), a method of another variable (`job.run()`), a container that is passed on (`fill(TABLE)`), and a
  function of the program that changes the name; an `if`, `for`, `while`, `with`, `try` or `match` that is needed but
  does more than the above, save to print a fixed text; and what is needed but saves a model or parses the command line.

Nothing is executed, so names decide. An object is not followed to a second name (`other = TABLE`) or into methods, and
a call whose result is used changes nothing, unless its name says so or it is a function of the program.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.code._program_statements import (
    DEFINITIONS,
    FUNCTIONS,
    IMPORTS,
    assigned_into,
    parts_of,
    stored_names,
)
from config_core.code._source_facts import called_name
from config_core.errors import SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config_core.code._program_statements import Part

__all__ = ["needed_statements"]

_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_CONTAINERS = frozenset({"bytearray", "defaultdict", "deque", "dict", "list", "set", "sorted"})
_CONTAINER_ENDINGS = ("ChainMap", "Counter", "Dict", "List", "OrderedSet")
_FILLING = frozenset({
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "move_to_end", "pop", "popitem", "popleft", "register", "remove", "reverse", "rotate",
    "setdefault", "sort", "subtract", "symmetric_difference_update", "update",
})  # fmt: skip
_TELLING = frozenset({
    "critical", "debug", "display", "error", "exception", "filterwarnings", "info", "log", "pprint", "print",
    "simplefilter", "warn", "warning",
})  # fmt: skip
# Calls that change nothing that the saved classes can see.
_HARMLESS = _TELLING | {
    "addFilter", "addHandler", "copy", "count", "dump", "get", "index", "items", "keys", "push_to_hub", "save",
    "save_pretrained", "setLevel", "to_json_file", "values",
}  # fmt: skip
_NEVER_AT_LOAD = frozenset({"parse_args", "parse_known_args", "push_to_hub", "save_pretrained"})

_WOULD_RUN = (
    "would run whenever the saved classes are loaded, because they need the statement that it is a part of. Move it "
    "out of there."
)
_MAY_CHANGE = (
    "which the saved classes need. It may also start the program, which must not run when they are loaded. If they "
    "need the change, write it as an assignment, in the body of the class, or as the decorator of a definition."
)


def needed_statements(statements: dict[ast.stmt, str], names: list[str], *, where: str) -> list[ast.stmt]:
    """Return the statements that define names at the top level of a program, in their order.

    Args:
        statements: The statements at the top level, each with the name for errors of the script or cell that holds it.
        names: The classes to save.
        where: The program in words, for an error that belongs to no statement.

    Raises:
        SourceCodeError: The program defines no such name at its top level, or has a statement that can neither be saved
            nor left out.
    """
    selection = _Selection(statements)
    for name in names:
        if name not in selection.bound_by:
            raise SourceCodeError(f"it defines no {name!r} at its top level.", path=where)
    selection.follow(names)
    selection.check()
    return [statement for statement in statements if statement in selection.statements]


class _Selection:
    """The parts of a program that are saved, as they are found.

    Attributes:
        bound_by: Top-level name to the import, definition or assignment that binds it last.
        statements: The top-level statements that are saved.
    """

    def __init__(self, statements: dict[ast.stmt, str]) -> None:
        self.bound_by: dict[str, ast.stmt] = {}
        self.statements: set[ast.stmt] = set()
        self._where = statements
        # The names that each part binds, assigns into or fills, if that is what it is for.
        self._made: dict[Part, set[str]] = {}
        self._saved: set[Part] = set()
        self._needed: set[str] = set()
        self._containers: set[str] = set()
        self._functions: dict[ast.stmt | None, _Function] = {}
        for statement in statements:
            for part in parts_of(statement):
                self._read(part)

    def _read(self, part: Part) -> None:
        is_alone = part.node is part.statement
        for name in part.binds:
            if is_alone and isinstance(part.node, (*IMPORTS, *DEFINITIONS)):
                for made in self._made.values():  # what stood there before is gone
                    made.discard(name)
            # In a `try` it may stand in for an import that failed.
            if is_alone or not isinstance(self.bound_by.get(name), IMPORTS):
                self.bound_by[name] = part.node
        if isinstance(part.node, FUNCTIONS):
            self._functions[part.node] = _Function.of(part.node)
        if _is_container(getattr(part.node, "value", None)):
            self._containers |= part.binds
        self._made[part] = set(self._made_by(part))

    def _made_by(self, part: Part) -> Iterator[str]:
        value = getattr(part.node, "value", None)
        if not isinstance(part.node, ast.Expr) or isinstance(value, ast.NamedExpr):
            yield from part.binds
        yield from filter(self._is_variable, map(_owner, assigned_into(part.nodes)))
        if isinstance(value, ast.Call) and called_name(value) in _FILLING:
            yield from self._containers & {_changed(value)}

    def _is_of_program(self, name: str) -> bool:
        return name in self.bound_by and not isinstance(self.bound_by[name], IMPORTS)

    def _is_variable(self, name: str) -> bool:
        return self._is_of_program(name) and not isinstance(self.bound_by[name], DEFINITIONS)

    # What is saved

    def follow(self, names: Iterable[str]) -> None:
        """Save what names need, and what that needs in turn."""
        self._needed.update(names)
        while found := [part for part in self._made if part not in self._saved and self._is_needed(part)]:
            self._saved.update(found)
            for part in found:
                self.statements.add(part.statement)
                self._needed |= part.uses | (part.binds if isinstance(part.node, DEFINITIONS) else set())

    def _is_needed(self, part: Part) -> bool:
        node = part.node
        if isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*"):
            return True
        is_allowed = part.statement in self.statements and _is_allowed_in_block(part)
        # A definition that a later one has replaced, as in a cell that ran again, makes nothing.
        return (
            is_allowed
            or not self._needed.isdisjoint(self._made[part])
            or (bool(self._made[part]) and self._is_entered(part))
        )

    def _is_entered(self, part: Part) -> bool:
        """Return whether a decorator, or the hook of a base class, enters a definition into a needed object."""
        for decorator in getattr(part.node, "decorator_list", ()):
            name = _root(decorator)
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            is_method = isinstance(called, ast.Attribute) and self._is_of_program(name)
            if name in self._needed and (is_method or self._is_variable(name)):
                return True
            if any(function.changes & self._needed for function in self._reached([name])):
                return True
        bases = {_root(base) for base in getattr(part.node, "bases", ())}
        hooks = [node for name in bases & self._needed for node in getattr(self.bound_by.get(name), "body", ())]
        return any(isinstance(node, FUNCTIONS) and node.name == "__init_subclass__" for node in hooks)

    # What is refused

    def check(self) -> None:
        """Refuse what can neither be saved nor left out.

        Raises:
            SourceCodeError: There is such a statement.
        """
        for part in self._made:
            if part in self._saved:
                for call in part.calls:
                    functions = self._reached(_names_of_called([call]))
                    if called_name(call) in _NEVER_AT_LOAD or any(function.never_at_load for function in functions):
                        raise self._refusal(part, call, _WOULD_RUN)
            elif part.statement in self.statements:
                raise self._refusal(part, part.calls[0] if part.calls else part.node, _WOULD_RUN)
            else:
                for name, node in self._changes(part):
                    if name in self._needed and self._is_of_program(name):
                        raise self._refusal(part, node, f"may change {name!r}, {_MAY_CHANGE}")

    def _refusal(self, part: Part, node: Any, problem: str) -> SourceCodeError:
        where = self._where[part.statement]
        words = f"{ast.unparse(node.func)}(…)" if isinstance(node, ast.Call) else ast.unparse(node).partition("\n")[0]
        again = " and run the notebook again from its start" if where.startswith("cell ") else ""
        remedy = f'If only the program needs it, put it under if __name__ == "__main__":{again}.'
        return SourceCodeError(f"{words} {problem} {remedy}", path=where, line=node.lineno)

    def _changes(self, part: Part) -> Iterator[tuple[str, ast.AST]]:
        """Yield the names that a part may change when it runs, each with the target or call that does it."""
        if isinstance(part.node, ast.Expr):
            yield from ((name, part.node) for name in part.binds)
        yield from ((_owner(target), target) for target in assigned_into(part.nodes))
        for call in part.calls:
            yield _changed(call), call
            for function in self._reached(_names_of_called([call])):
                yield from ((name, call) for name in sorted(function.changes))
        if part.command is not None:
            yield from ((name, part.command) for name in self._changed_by_command(part.command))

    def _changed_by_command(self, call: ast.Call) -> Iterator[str]:
        """Yield what a call may change that is a statement of its own, and so is made for its effect."""
        called = called_name(call)
        if called in _HARMLESS | _FILLING:
            return
        if isinstance(call.func, ast.Attribute):
            yield from filter(self._is_variable, [_owner(call.func.value)])
        elif hasattr(builtins, called) or any(
            not function.changes_parameters for function in self._reached([called])[:1]
        ):
            return
        arguments = [*call.args, *(word.value for word in call.keywords)]
        yield from (node.id for node in arguments if isinstance(node, ast.Name) and node.id in self._containers)

    def _reached(self, names: Iterable[str]) -> list[_Function]:
        """Return those of the names that are functions of the program, with the functions that they call in turn."""
        found: dict[str, _Function] = {}
        wanted = list(names)
        while wanted:
            function = self._functions.get(self.bound_by.get(name := wanted.pop()))
            if function is not None and name not in found:
                found[name] = function
                wanted.extend(function.calls)
        return [*found.values()]


class _Function(NamedTuple):
    """What the body of a function does, by its names.

    Attributes:
        calls: The names that it calls.
        changes: The top-level names whose objects it changes.
        changes_parameters: Whether it changes an object that it is given.
        never_at_load: Whether it does what no load may do.
    """

    calls: set[str]
    changes: set[str]
    changes_parameters: bool
    never_at_load: bool

    @classmethod
    def of(cls, function: ast.FunctionDef | ast.AsyncFunctionDef) -> _Function:
        nodes = list(ast.walk(function))
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        parameters = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
        stored = set(stored_names(nodes))
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        changed = {*map(_owner, assigned_into(nodes)), *map(_changed, calls)} - (stored - declared)
        return cls(
            calls=set(_names_of_called(calls)),
            changes=(changed - parameters) | (stored & declared),
            changes_parameters=not changed.isdisjoint(parameters),
            never_at_load=any(called_name(call) in _NEVER_AT_LOAD for call in calls),
        )


def _is_allowed_in_block(part: Part) -> bool:
    """Return whether a part of a needed `if`, `for` or the like may stay in it although nothing needs it."""
    if part.command is not None:
        return len(part.calls) == 1 and _only_tells(part.command, part.given)
    if isinstance(part.node, (ast.Assign, ast.AnnAssign)):
        return not part.calls and not assigned_into(part.nodes)
    return not isinstance(part.node, (ast.Assert, ast.AugAssign, ast.Delete))


def _only_tells(call: ast.Call, given: frozenset[str]) -> bool:
    """Return whether a call prints, logs or warns, and what it says needs nothing of the program."""
    words = [*call.args, *(word.value for word in call.keywords)]
    names = {node.id for word in words for node in ast.walk(word) if isinstance(node, ast.Name)}
    return called_name(call) in _TELLING and all(hasattr(builtins, name) for name in names - given)


def _is_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Tuple):  # `TABLE, ORDER = {}, []`
        return any(map(_is_container, value.elts))
    name = called_name(value) if isinstance(value, ast.Call) else ""
    return isinstance(value, _DISPLAYS) or name in _CONTAINERS or name.endswith(_CONTAINER_ENDINGS)


def _names_of_called(calls: Iterable[ast.Call]) -> Iterator[str]:
    return (call.func.id for call in calls if isinstance(call.func, ast.Name))


def _changed(call: ast.Call) -> str:
    """Return `x` of `x.update(…)`, `x["y"].append(…)` and `setattr(x, …)`, or an empty string."""
    if isinstance(call.func, ast.Attribute):
        return _owner(call.func.value) if call.func.attr in _FILLING else ""
    return _owner(call.args[0]) if call.args and called_name(call) in {"setattr", "delattr"} else ""


def _owner(node: ast.expr) -> str:
    """Return `x` of `x`, `x.y`, `x["z"]` and `x.get("z")`, or `""` for what is not part of a named object."""
    if isinstance(node, ast.Call) and called_name(node) in {"get", "setdefault"}:
        return _owner(node.func)
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return _owner(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    """Return `x` of `x.y[z](…)`, or an empty string."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
