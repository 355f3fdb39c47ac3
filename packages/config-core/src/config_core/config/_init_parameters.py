"""The keywords of an `__init__`: its parameters, and those that it takes out of its `**kwargs` by name.

`inspect` knows parameters too, but importing it costs as much as this whole package.
"""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from config_core.config._value_types import authored_classes

if TYPE_CHECKING:
    import dis
    from collections.abc import Sequence

__all__ = [
    "MAKING_METHODS",
    "NO_DEFAULT",
    "Parameter",
    "assigned_names",
    "fields_kept_alone",
    "keywords_read_by",
    "names_assigned_by",
    "names_in",
    "only_keeps_parameters",
    "parameters_of",
    "renamed_parameters",
    "takes_any_keyword",
    "unkept_parameters",
    "unused_parameters",
    "unwrapped",
]

NO_DEFAULT: Any = object()
# Methods of an author's that may change what a config is made of.
MAKING_METHODS = frozenset({"__new__", "__post_init__", "__setattr__", "from_dict", "upgrade", "validate"})
_COMPARED = ("co_code", "co_consts", "co_freevars", "co_names", "co_varnames")
_DYNAMIC = frozenset({"__dict__", "eval", "exec", "locals", "setattr", "vars"})  # may set and read anything
# What code does that makes a value of one parameter, as in `list(depths) if depths is not None else [2, 2]`.
_MAKING_STEPS = frozenset(
    {"BUILD_LIST", "BUILD_MAP", "BUILD_TUPLE", "CALL", "COPY", "IS_OP", "LIST_EXTEND", "LOAD_CONST", "LOAD_GLOBAL",
     "NOP", "POP_TOP", "PRECALL", "PUSH_NULL", "STORE_ATTR", "TO_BOOL"}
)  # fmt: skip
_MAKERS = frozenset({"bool", "dict", "float", "int", "list", "set", "str", "tuple"})
_BEGINNINGS = frozenset({"COPY_FREE_VARS", "RESUME"})
_ENDINGS = frozenset({"LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"})
_CHANGES = frozenset({"DELETE_ATTR", "DELETE_SUBSCR", "STORE_ATTR", "STORE_SUBSCR"})
_READERS = frozenset({"getattr", "hasattr", "isinstance", "type"})
_READS_OF_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"})
_assigned_names: WeakKeyDictionary[type[Any], frozenset[str]] = WeakKeyDictionary()
_kept_alone: WeakKeyDictionary[type[Any], frozenset[str]] = WeakKeyDictionary()
_VAR_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS
_VAR_POSITIONAL = 0x04  # inspect.CO_VARARGS
_READING_METHODS = frozenset({"get", "pop", "setdefault"})


class Parameter(NamedTuple):
    """A named parameter; `NO_DEFAULT` in place of a default and of an annotation that it does not have."""

    name: str
    default: Any
    annotation: Any
    is_keyword_only: bool


def parameters_of(init: Any) -> list[Parameter]:
    """Return the named parameters of an `__init__` without `self`."""
    function = unwrapped(init)
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = function.__defaults__ or ()
    defaults = {
        **dict(zip(positional[len(positional) - len(given) :], given, strict=True)),
        **(function.__kwdefaults__ or {}),
    }
    return [
        Parameter(
            name,
            defaults.get(name, NO_DEFAULT),
            function.__annotations__.get(name, NO_DEFAULT),
            is_keyword_only=name in keyword_only,
        )
        for name in (*positional[1:], *keyword_only)
    ]


def keywords_read_by(init: Any) -> list[Parameter]:
    """Return the keywords that an `__init__` reads from its `**kwargs`, as in `kwargs.pop("width", 64)`.

    A default that is not written as a constant is `NO_DEFAULT`, and no keyword is required.
    """
    code = unwrapped(init).__code__
    if not code.co_flags & _VAR_KEYWORD:
        return []
    variable = code.co_varnames[code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _VAR_POSITIONAL)]
    found: dict[str, Any] = {}
    for name, default in _reads(code, variable):
        if found.get(name, NO_DEFAULT) is NO_DEFAULT:
            found[name] = default
    return [Parameter(name, default, NO_DEFAULT, is_keyword_only=True) for name, default in found.items()]


def _reads(code: Any, variable: str) -> Iterator[tuple[str, Any]]:
    """Yield each key that code reads from the dict in a variable, with its default."""
    if not any(isinstance(constant, str) and constant.isidentifier() for constant in code.co_consts):
        return  # without the import
    steps = _steps_of(code)
    for index, step in enumerate(steps[:-4]):
        if not _loads(step, variable):
            continue
        before, (method, key, default, end) = steps[index - 1], steps[index + 1 : index + 5]
        if method.argval in _READING_METHODS and method.opname.startswith("LOAD_") and _is_text(key):
            is_constant = _is_constant(default) and end.opname in {"CALL", "PRECALL"}
            yield key.argval, default.argval if is_constant else NO_DEFAULT
        elif _is_text(method) and key.opname.startswith("BINARY_"):  # kwargs["width"]
            yield method.argval, NO_DEFAULT
        elif method.opname == "CONTAINS_OP" and _is_text(before):  # "width" in kwargs
            yield before.argval, NO_DEFAULT


def _steps_of(code: Any) -> "list[dis.Instruction]":
    import dis

    return [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]


def _loads(step: "dis.Instruction", variable: str) -> bool:
    """Return whether the last thing that an instruction does is to load a local variable."""
    if "LOAD_FAST" not in step.opname and step.opname != "LOAD_DEREF":
        return False
    return bool(_names_of(step)[-1] == variable)


def _is_constant(step: "dis.Instruction") -> bool:
    return step.opname in {"LOAD_CONST", "LOAD_SMALL_INT"}


def _is_text(step: "dis.Instruction") -> bool:
    return _is_constant(step) and isinstance(step.argval, str)


def takes_any_keyword(init: Any) -> bool:
    """Return whether an `__init__` has `**kwargs`."""
    return bool(unwrapped(init).__code__.co_flags & _VAR_KEYWORD)


def unused_parameters(init: Any) -> list[str]:
    """Return the named parameters whose values an `__init__` never reads."""
    code = unwrapped(init).__code__
    suspects = _suspects(init)
    if not suspects:
        return []
    read = {name for step in _steps_of(code) if "LOAD" in step.opname for name in _names_of(step)}
    return [name for name in suspects if name not in read]


def unkept_parameters(family: list[type[Any]], read: set[str]) -> frozenset[str]:
    """Return the keywords for which no class of a family sets an attribute of their name.

    Args:
        family: The classes.
        read: Keywords that they read from `**kwargs`.
    """
    makers = [vars(cls).get(name) for cls in family for name in ("__init__", "__post_init__")]
    makers = [maker for maker in makers if hasattr(maker, "__code__")]
    suspects = {name for maker in makers for name in _suspects(maker)}
    if all(_DYNAMIC.isdisjoint(unwrapped(maker).__code__.co_names) for maker in makers):
        suspects |= read
    if not suspects:
        return frozenset()  # the usual case
    members = [(name, member) for cls in family for name, member in vars(cls).items()]
    named = {name for _, member in members if hasattr(member, "__code__") for name in member.__code__.co_names}
    return frozenset(suspects - named - {name for name, member in members if hasattr(type(member), "__set__")})


def renamed_parameters(init: Any, names: frozenset[str]) -> dict[str, str]:
    """Return the attributes that an `__init__` sets to the value of a parameter: attribute to parameter.

    They are those of lines such as `self.hidden_size = hidden`. A condition around the line is not seen.

    Args:
        init: The `__init__`.
        names: The parameters to look for.
    """
    code = unwrapped(init).__code__
    if names.isdisjoint(code.co_varnames):
        return {}
    steps = _steps_of(code)
    changed = {name for step in steps if step.opname.startswith("STORE_FAST") for name in _names_of(step)}
    found: dict[str, str] = {}
    for index, step in enumerate(steps):
        if step.opname != "STORE_ATTR":
            continue
        loads = steps[index - 1 : index] if len(_names_of(steps[index - 1])) > 1 else steps[index - 2 : index]
        values = [name for load in loads for name in _names_of(load)]
        is_joined = len(loads) > 1 and loads[-1].is_jump_target  # after `a if b else c`, from two places
        is_plain = all(load.opname.startswith("LOAD_FAST") for load in loads) and not is_joined
        if is_plain and values[0] in names - changed and values[1] == code.co_varnames[0]:
            found[step.argval] = values[0]
    return found


def _names_of(step: "dis.Instruction") -> tuple[Any, ...]:
    """Return the names of an instruction; newer versions of Python load or store two variables in one step."""
    return step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _suspects(init: Any) -> list[str]:
    """Return the parameters of an `__init__` that it does not name in any other way than to read their values."""
    code = unwrapped(init).__code__
    if not _DYNAMIC.isdisjoint(code.co_names):
        return []
    # Most have an attribute of their name, are passed on by name, or are used by a function inside.
    used = {*code.co_names, *code.co_cellvars, *names_in(init)}
    return [parameter.name for parameter in parameters_of(init) if parameter.name not in used]


def assigned_names(cls: type[Any]) -> frozenset[str]:
    """Return the names of the attributes that the methods of a class and of its parents assign, as they are written."""
    found = _assigned_names.get(cls)
    if found is None:
        methods = [value for base in authored_classes(cls) for value in [*vars(base).values()]]
        found = frozenset(
            name for method in methods if hasattr(method, "__code__") for name in names_assigned_by(method)
        )
        _assigned_names[cls] = found  # not in the class, which other threads may be going through
    return found


def fields_kept_alone(cls: type[Any]) -> frozenset[str]:
    """Return the fields that the `__init__` of a class keeps as they are, and makes no other field of.

    There are none if any attribute is made of another parameter than that of its name, or if it cannot be told from the
    code, as in a class with setters.
    """
    found = _kept_alone.get(cls)
    if found is None:
        family = authored_classes(cls)
        aliases = {alias for base in family for alias in vars(base).get("attribute_map", {})}
        members = [(name, member) for base in family for name, member in vars(base).items() if name not in aliases]
        inits = [member for name, member in members if name == "__init__"]
        may_set_others = any(
            name in MAKING_METHODS or _is_setter(member)
            for name, member in members
            if not (name == "validate" and _only_checks(name, members))
        )
        is_simple = len(inits) == 1 and not may_set_others
        found = _kept_alone[cls] = _kept_alone_by(inits[0]) if is_simple else frozenset()
    return found


def _only_checks(method: str, members: "Sequence[tuple[str, Any]]") -> bool:
    """Return whether a method, and those of its object that it calls, assign nothing."""
    properties = {name for name, member in members if hasattr(member, "fget")}
    pending, seen = {method}, set[str]()
    while pending:
        name = pending.pop()
        seen.add(name)
        for member in (member for other, member in members if other == name):
            if not (callable(member) or hasattr(type(member), "__get__")):
                continue  # a constant
            code = getattr(getattr(member, "fget", getattr(member, "__func__", member)), "__code__", None)
            if code is None or not _keeps_to_itself(code, is_static=isinstance(member, staticmethod)):
                return False
            used = {*code.co_names, *_texts_in(code)}
            pending |= (used | (properties if "getattr" in used else set())) - seen
    return True


def _keeps_to_itself(code: Any, *, is_static: bool) -> bool:
    """Return whether a method assigns nothing but variables, and hands its object to nothing that might."""
    this = code.co_varnames[0] if code.co_argcount and not is_static else ""
    if this in code.co_cellvars or not _DYNAMIC.isdisjoint(code.co_names):
        return False
    before = None
    for step, following in itertools.pairwise(_steps_of(code)):
        names = _names_of(step) if "FAST" in step.opname else ()
        is_read = _loads(step, this) and following.opname in _READS_OF_ATTRIBUTES
        if before is not None and before.opname == "LOAD_GLOBAL" and before.argval in _READERS:
            is_read = names[:1] == (this,)
        if step.opname in _CHANGES or (this in names and not (is_read and names.count(this) == 1)):
            return False
        before = step
    return True


def _is_setter(member: Any) -> bool:
    """Return whether a member of a class is called when an attribute of its name is assigned."""
    return hasattr(type(member), "__set__") and getattr(member, "fset", member) is not None


def _kept_alone_by(init: Any) -> frozenset[str]:
    if not hasattr(init, "__code__") or not _MAKERS.isdisjoint(init.__globals__):
        return frozenset()
    this, others = init.__code__.co_varnames[0], init.__code__.co_varnames[-1]
    call_of_super = [["super", "__init__", others], ["super", "__class__", this, "__init__", others]]  # from 3.12 on
    kept: dict[str, bool] = {}
    statement: list[dis.Instruction] = []
    for step in _steps_of(init.__code__):
        if step.opname in _BEGINNINGS:
            continue
        statement.append(step)
        if step.opname == "STORE_ATTR":
            if step.argval in kept or not _is_made_of(statement, this, step.argval):
                return frozenset()
            kept[step.argval] = all("LOAD_FAST" in each.opname for each in statement[:-1])
            statement = []
        elif step.opname == "POP_TOP":
            texts = [value for each in statement for value in _names_of(each) if isinstance(value, str)]
            statement = [] if texts in call_of_super else statement
    is_known = {step.opname for step in statement} <= _ENDINGS
    return frozenset(name for name in kept if kept[name] and is_known)


def _is_made_of(statement: "list[dis.Instruction]", this: str, name: str) -> bool:
    """Return whether a statement makes an attribute of the parameter of its name and of nothing else.

    It always runs to its end, and leaves no value to the next one.
    """
    import dis

    variables = [value for step in statement if "FAST" in step.opname for value in _names_of(step)]
    called = {step.argval for step in statement if step.opname == "LOAD_GLOBAL"}
    if variables[-1:] != [this] or not {*variables[:-1]} <= {name} or not called <= _MAKERS:
        return False  # `str(self)` would be made of all attributes
    if sum({"COPY": 1, "POP_TOP": -1}.get(step.opname, 0) for step in statement):
        return False  # as in `self.width = self.height = width`
    for step in statement:
        if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            if not statement[0].offset < step.argval <= statement[-1].offset:
                return False
        elif "FAST" not in step.opname and step.opname not in _MAKING_STEPS:
            return False
    return True


def names_in(function: Any) -> Iterator[str]:
    """Yield the texts in the code of a function, those included by which it passes keywords."""
    return _texts_in(unwrapped(function).__code__)


def _texts_in(code: Any) -> Iterator[str]:
    for constant in code.co_consts:
        yield from (text for text in (constant if isinstance(constant, tuple) else (constant,)) if type(text) is str)


def names_assigned_by(function: Any) -> Iterator[str]:
    """Yield the names of the attributes that a function assigns, of whatever object."""
    return (step.argval for step in _steps_of(function.__code__) if step.opname == "STORE_ATTR")


def unwrapped(function: Any) -> Any:
    """Return the function under its decorators."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def only_keeps_parameters(init: Any) -> bool:
    """Return whether an `__init__` does nothing but keep its parameters as attributes and pass the others on.

    Its code is then that of a text which its names tell.
    """
    if hasattr(init, "__wrapped__") or not hasattr(init, "__code__") or not takes_any_keyword(init):
        return False
    code = init.__code__
    this, *names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if {*code.co_names} != {*names, "super", "__init__"}:
        return False
    others = code.co_varnames[-1]
    steps = [
        f"super().__init__(**{others})" if name == "super" else f"{this}.{name} = {name}" for name in code.co_names
    ]
    steps.remove(f"{this}.__init__ = __init__")
    text = f"class C:\n  def f({', '.join([this, *names, f'**{others}'])}): {'; '.join(steps)}"
    made: dict[str, Any] = {}
    exec(text, made)  # noqa: S102 - not `compile`, which first makes all classes of `ast`
    return all(getattr(made["C"].f.__code__, part) == getattr(code, part) for part in _COMPARED)
