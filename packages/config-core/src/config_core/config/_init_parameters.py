"""The parameters of an `__init__`. `inspect` can tell them, but importing it costs as much as this whole package."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["NO_DEFAULT", "Parameter", "parameters_of", "takes_any_keyword", "unwrapped"]

NO_DEFAULT: Any = object()
_VAR_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS


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


def takes_any_keyword(init: Any) -> bool:
    """Return whether an `__init__` has `**kwargs`."""
    return bool(unwrapped(init).__code__.co_flags & _VAR_KEYWORD)


def unwrapped(function: Any) -> Any:
    """Return the function under its decorators."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
