"""What the statements of a program may change: the objects behind its top-level names.

Nothing is executed, so the form of a statement decides. Assignments into an object (`x[key] = 1`, `x.y = 1`, `del`) and
methods whose names say so (`append`, `update`, `register_…`, torch's `…_`) change it, and so do functions and class
methods of the program whose bodies do. A call whose result nobody takes is made for its effect: any other method may
change the object that it is called on, and any unknown function may change a list, dict or set that it is given. A call
whose result is used is taken to change nothing else.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.code._program_statements import aliases_in, bound_names, chain_of, is_part, running_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config_core.code._program_statements import Names, Statement

__all__ = ["HARMLESS_CALLS", "Change", "Changes", "called_name", "is_filling"]

# Methods of lists, dicts, sets and the like that change them, and what registries call theirs.
_FILLING = frozenset({
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "move_to_end", "pop", "popitem", "popleft", "push", "put", "register", "remove", "reverse",
    "rotate", "set", "setdefault", "sort", "subtract", "symmetric_difference_update", "update",
})  # fmt: skip
_FILLING_PREFIXES = ("add_", "register_", "set_")
# Functions that change what they are given although their result may be used.
_IN_PLACE = frozenset({
    "heapify", "heappop", "heappush", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right", "shuffle",
})  # fmt: skip
# Calls that only print, log or warn.
HARMLESS_CALLS = frozenset({
    "critical", "debug", "display", "error", "exception", "filterwarnings", "info", "log", "pprint", "print",
    "simplefilter", "warn", "warning",
})  # fmt: skip
# Methods that belong to the run of a program: logging and saving.
_OF_THE_RUN = HARMLESS_CALLS | {
    "addFilter", "addHandler", "dump", "push_to_hub", "register_for_auto_class", "removeFilter", "removeHandler",
    "save", "save_pretrained", "setLevel", "to_json_file",
}  # fmt: skip


class Change(NamedTuple):
    """What may become of an object when a statement runs.

    Attributes:
        name: The top-level name of the object.
        node: The target of the assignment, or the call.
        is_certain: Whether it is known that the call changes the object.
    """

    name: str
    node: ast.expr
    is_certain: bool = True


class Changes:
    """Finds what the statements of a program may change.

    Attributes:
        names: The top-level names of the program.
    """

    def __init__(self, names: Names, saved: Iterable[str]) -> None:
        """Prepare for the statements of a program.

        Args:
            names: The top-level names of the program.
            saved: The classes to save. Constructing them belongs to the program's run, whatever it changes.
        """
        self.names = names
        self._saved = frozenset(saved)
        self._in_statements: dict[ast.AST, list[Change]] = {}
        self._in_functions: dict[ast.AST, set[str]] = {}

    def made_by(self, statement: Statement) -> list[Change]:
        """Return what a top-level statement may change of the program's own when it runs."""
        found = self._in_statements.get(statement.node)
        if found is None:
            scope = _Scope(self, list(running_nodes(statement.node)), self.names.aliases)
            found = [change for change in scope.changes() if self.names.is_of_program(change.name)]
            self._in_statements[statement.node] = found
        return found

    def made_inside(self, function: ast.AST) -> set[str]:
        """Return the names whose objects a function changes when it is called, those of its parameters included."""
        found = self._in_functions.get(function)
        if found is None:
            self._in_functions[function] = set()  # for functions that call themselves
            nodes = list(ast.walk(function))
            scope = _Scope(self, nodes, {**self.names.aliases, **aliases_in(nodes)})
            declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
            stored = set(bound_names(node for node in nodes if isinstance(node, ast.Name)))
            found = {change.name for change in scope.changes()} - (stored - declared) | (declared & stored)
            self._in_functions[function] = found
        return found

    def entered_by(self, statement: Statement) -> Iterator[str]:
        """Yield the names of the objects that a definition is entered into, by its decorators and base classes.

        They are `x` of `@x.register`, what a decorator function changes, base classes that know their subclasses, and
        what such a class or a metaclass changes when a subclass is defined.
        """
        for decorator in statement.decorators:
            name, steps = chain_of(decorator)
            if any(isinstance(step, ast.Attribute) and step.attr not in _OF_THE_RUN for step in steps):
                yield name
            elif name in self.names.definitions:
                yield from self.made_inside(self.names.definitions[name].node)
        for base in self.names.family(statement.node.name) if isinstance(statement.node, ast.ClassDef) else ():
            for metaclass in (chain_of(word.value)[0] for word in base.keywords if word.arg == "metaclass"):
                if metaclass in self.names.definitions:
                    yield metaclass
                    yield from self.made_inside(self.names.definitions[metaclass].node)
            if base is not statement.node:
                hook = self.names.method(base.name, "__init_subclass__")
                if hook is not None or base.name in self.names.asked_for_subclasses:
                    yield base.name
                if hook is not None:
                    yield from self.made_inside(hook)

    def made_by_method(self, class_name: str, method: str) -> bool:
        """Return whether a class method changes its class. Methods of imported classes are taken to change nothing."""
        function = self.names.method(class_name, method)
        return function is not None and bool(self.made_inside(function) & {class_name, *_parameters(function)[:1]})

    def made_by_definition(self, call: ast.Call, name: str) -> tuple[set[str], list[ast.expr]]:
        """Return the names and the arguments that a call of a function or class of the program changes."""
        node = self.names.definitions[name].node
        if isinstance(node, ast.ClassDef):
            methods = (self.names.method(name, method) for method in ("__init__", "__new__", "__post_init__"))
            made = [] if name in self._saved else [method for method in methods if method is not None]
            return {other for method in made for other in self.made_inside(method).difference(_parameters(method))}, []
        changed, parameters = self.made_inside(node), _parameters(node)
        given = [*zip(parameters, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]
        return changed.difference(parameters), [value for parameter, value in given if parameter in changed]


class _Scope:
    """The nodes that run in one scope: a top-level statement, or a function."""

    def __init__(self, changes: Changes, nodes: list[ast.AST], aliases: dict[str, set[str]]) -> None:
        self._changes = changes
        self._names = changes.names
        self._nodes = nodes
        self._aliases = aliases
        values = [node.value for node in nodes if isinstance(node, ast.Expr)]
        self._commands = {value.value if isinstance(value, ast.Await) else value for value in values}

    def changes(self) -> Iterator[Change]:
        """Yield what the nodes change. The names may be those of imports and local variables too."""
        for node in self._nodes:
            if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
                yield from (Change(name, node) for name in self._holders(node.value))
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                yield from (Change(name, node.target) for name in self._aliases.get(node.target.id, ()))
            elif isinstance(node, ast.Call):
                yield from self._by_call(node)

    def _by_call(self, call: ast.Call) -> Iterator[Change]:
        if isinstance(call.func, ast.Attribute):
            yield from self._by_method(call, call.func)
        elif self._names.kind_of_called(call) in {"class", "function"}:
            changed, arguments = self._changes.made_by_definition(call, called_name(call))
            names = changed.union(*(self._holders(argument) for argument in arguments))
            yield from (Change(name, call) for name in sorted(names))
            return
        elif called_name(call) in {"setattr", "delattr"} and call.args:
            yield from (Change(name, call) for name in self._holders(call.args[0]))
        yield from self._of_arguments(call)

    def _by_method(self, call: ast.Call, function: ast.Attribute) -> Iterator[Change]:
        """Yield what `x.method(…)` may change of `x`."""
        if function.attr in _OF_THE_RUN:
            return
        for name in self._holders(function.value):
            if self._names.kinds.get(name) == "class" and isinstance(function.value, ast.Name):
                if self._changes.made_by_method(name, function.attr):
                    yield Change(name, call)
            elif is_filling(function.attr):
                yield Change(name, call)
            elif call in self._commands and is_part(function.value) and self._names.any_method_may_change(name):
                yield Change(name, call, is_certain=False)

    def _of_arguments(self, call: ast.Call) -> Iterator[Change]:
        """Yield which of its arguments a function may change that the program does not define."""
        called = called_name(call)
        arguments = [*call.args, *(word.value for word in call.keywords)]
        if called in _IN_PLACE or _is_torch_in_place(called):
            names = {name for argument in arguments for name in self._holders(argument)}
        elif call not in self._commands or self._is_known_to_read(call):
            return
        else:
            given = {argument.id for argument in arguments if isinstance(argument, ast.Name)}
            names = {name for name in given if self._names.is_container(name)}
        yield from (Change(name, call, is_certain=False) for name in sorted(names))

    def _is_known_to_read(self, call: ast.Call) -> bool:
        called = called_name(call)
        is_known = hasattr(builtins, called) if isinstance(call.func, ast.Name) else is_filling(called)
        return is_known or called in _OF_THE_RUN

    def _holders(self, node: ast.expr) -> list[str]:
        """Return the names whose objects may hold what an expression is: `x` of `x.y[z]`."""
        name, steps = chain_of(node)
        kind = self._names.kinds.get(name)
        if steps and isinstance(steps[0], ast.Call):
            # A function of the program may return one of the variables that it uses. A class returns a new object.
            return sorted(self._names.definitions[name].refers_to) if kind == "function" else []
        if kind == "class" and [type(step) for step in steps[:2]] == [ast.Attribute, ast.Call]:
            method: Any = steps[0]
            if self._names.method(name, method.attr) is None:  # `MyConfig.from_pretrained(…)` returns a new object
                return []
        found: set[str] = set()
        names = [name]
        while names:
            if (name := names.pop()) and name not in found:
                found.add(name)
                names.extend(self._aliases.get(name, ()))
        return sorted(found)


def is_filling(method: str) -> bool:
    """Return whether a method of this name puts something into its object, or changes it in another way."""
    return method in _FILLING or method.startswith(_FILLING_PREFIXES) or _is_torch_in_place(method)


def called_name(call: ast.Call) -> str:
    """Return the last name of what is called: `z` of `x.y.z(…)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_torch_in_place(function: str) -> bool:
    return function.endswith("_") and not function.endswith("__")


def _parameters(function: Any) -> list[str]:
    arguments = function.args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
