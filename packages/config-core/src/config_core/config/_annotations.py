"""Evaluating the annotations of fields that are text, and saying which of them cannot be.

The names in an annotation are looked up when its class is made, when the names of an enclosing function can be seen. A
name that the module defines further down, or under `if TYPE_CHECKING:`, is looked up again when the class is used.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from config_core.errors import ConfigDefinitionError

__all__ = ["check_annotations", "evaluated", "module_names"]

_LOCAL_NAMES = "_names_of_annotations"  # attribute of a class: those that were found in an enclosing function
_NAME = re.compile(r"""'[^']*'|"[^"]*"|(?<![\w.])([A-Za-z_]\w*)""")


def check_annotations(cls: type[Any], annotations: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    """Check that the names in the annotations of a new class are known, or may be defined later.

    Args:
        cls: The class.
        annotations: Field to annotation.
        names: Names of the module.

    Raises:
        ConfigDefinitionError: A name is defined nowhere.
    """
    local: dict[str, Any] = {}
    for field, annotation in annotations.items():
        if not isinstance(annotation, str):
            continue
        for name in {found[1] for found in _NAME.finditer(annotation)} - {None}:
            if name in names or hasattr(builtins, name) or name in vars(cls) or keyword.iskeyword(name):
                continue
            if name == cls.__name__:
                local[name] = cls
            elif not _find_in_functions(name, names, local):
                _check_name(cls, field, annotation, name=name, names=names)
    if local:
        type.__setattr__(cls, _LOCAL_NAMES, local)


def _check_name(cls: type[Any], field: str, annotation: str, *, name: str, names: Mapping[str, Any]) -> None:
    """Raise an error if an annotation fails because of a name, which may also be a keyword of a call in it."""
    try:
        eval(annotation, dict(names), dict(vars(cls)))  # noqa: S307 - the class's own source
    except NameError as error:
        if error.name == name:
            raise _unresolved(cls, field, annotation, str(error)) from error
    except Exception:  # noqa: BLE001 - what else is wrong is said when the class is used
        return


def _find_in_functions(name: str, names: Mapping[str, Any], local: dict[str, Any]) -> bool:
    """Look a name up in the functions that run, and in what their code and that of the module will define."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to see them
    is_of_module = False
    while frame is not None:
        if frame.f_globals is names:
            is_of_module = True
            if name in frame.f_locals:
                local[name] = frame.f_locals[name]
                return True
            code = frame.f_code  # which may define it further down
            if name in {*code.co_names, *code.co_varnames, *code.co_cellvars}:
                return True
        frame = frame.f_back
    return not is_of_module  # made by a function of another module: nothing can be said


def module_names(cls: type[Any]) -> dict[str, Any]:
    """Return the names of the module that a class is from."""
    return getattr(sys.modules.get(cls.__module__), "__dict__", {})


def evaluated(annotation: Any, cls: type[Any], field: str, names: Mapping[str, Any]) -> Any:
    """Return an annotation without text in it, and without names for other annotations.

    Raises:
        ConfigDefinitionError: It cannot be evaluated.
    """
    try:
        if isinstance(annotation, str) or _has_text(annotation):
            annotation = _without_text(annotation, cls, names)
        return _without_names(annotation, cls)
    except Exception as error:
        raise _unresolved(cls, field, annotation, str(error)) from error


def _without_text(annotation: Any, cls: type[Any], names: Mapping[str, Any]) -> Any:
    known = {name: value for name, value in vars(cls).items() if isinstance(value, type)}
    for base in reversed(cls.__mro__):
        known |= base.__dict__.get(_LOCAL_NAMES, {})
    known.setdefault(cls.__name__, cls)
    if isinstance(annotation, str):
        annotation = eval(annotation, dict(names), known)  # noqa: S307 - the class's own source
    if not _has_text(annotation):
        return annotation
    holder = types.SimpleNamespace(__annotations__={"field": annotation})
    return typing.get_type_hints(holder, dict(names), known, include_extras=True)["field"]


def _has_text(annotation: Any) -> bool:
    text = repr(annotation)
    return "ForwardRef(" in text or "'" in text


def _without_names(annotation: Any, cls: type[Any], inside: tuple[Any, ...] = ()) -> Any:
    """Return an annotation with what a `type` statement, a `NewType` and `Self` stand for in their place.

    A `type` that is inside of itself stays there.
    """
    if annotation is typing.Self:
        return cls
    if hasattr(annotation, "__supertype__"):
        return _without_names(annotation.__supertype__, cls, inside)
    arguments = typing.get_args(annotation)
    alias: Any = typing.get_origin(annotation) or annotation
    if type(alias).__name__ == "TypeAliasType" and alias not in inside:
        return _without_names(alias.__value__[arguments] if arguments else alias.__value__, cls, (*inside, alias))
    meant = tuple(_without_names(argument, cls, inside) for argument in arguments)
    is_same = all(new is old for new, old in zip(meant, arguments, strict=True))
    return annotation if is_same else _with_arguments(annotation, meant)


def _with_arguments(annotation: Any, arguments: tuple[Any, ...]) -> Any:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[arguments]  # noqa: UP007 - there may be any number
    if origin is typing.Annotated:
        arguments = arguments[:1]
    return (
        annotation.copy_with(arguments) if hasattr(annotation, "copy_with") else types.GenericAlias(origin, arguments)
    )


def _unresolved(cls: type[Any], field: str, annotation: Any, problem: str) -> ConfigDefinitionError:
    return ConfigDefinitionError(
        f"{cls.__qualname__}.{field}: the annotation {annotation!r} cannot be resolved, so that values could not be "
        f"checked: {problem}. Define or import the name before the class is used, and not under `if TYPE_CHECKING:`."
    )
