"""Decorators of transformers: for renamed arguments, and those for docstrings and kernels, which change nothing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from config_core.messages import warn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "add_code_sample_docstrings",
    "add_end_docstrings",
    "add_start_docstrings",
    "add_start_docstrings_to_model_forward",
    "auto_docstring",
    "deprecate_kwarg",
    "filter_out_non_signature_kwargs",
    "force_accelerate_hooks",
    "replace_return_docstrings",
    "use_kernel_forward_from_hub",
    "use_kernel_func_from_hub",
    "use_kernelized_func",
]

_Decorated = TypeVar("_Decorated")
_Function = TypeVar("_Function", bound="Callable[..., Any]")


def add_start_docstrings(*_args: Any, **_options: Any) -> Callable[[_Decorated], _Decorated]:
    """Return a decorator that changes nothing: docstrings stay as they are, and no kernel replaces a layer."""
    return lambda decorated: decorated


add_start_docstrings_to_model_forward = add_end_docstrings = add_code_sample_docstrings = add_start_docstrings
replace_return_docstrings = force_accelerate_hooks = add_start_docstrings
use_kernel_forward_from_hub = use_kernel_func_from_hub = use_kernelized_func = add_start_docstrings


def auto_docstring(documented: Any = None, **_options: Any) -> Any:
    """Return what is decorated, with or without options. It writes no docstring."""
    return (lambda inner: inner) if documented is None else documented


def filter_out_non_signature_kwargs(extra: list[str] | None = None) -> Callable[[_Function], _Function]:
    """Return a decorator for a function that drops keywords it does not take, with a warning.

    Args:
        extra: Further keywords to pass on.
    """

    def decorate(function: _Function) -> _Function:
        import inspect

        names = {*inspect.signature(function).parameters, *(extra or ())}

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if dropped := [name for name in kwargs if name not in names]:
                warn(f"{function.__qualname__} takes no {', '.join(dropped)}, which is ignored.", stacklevel=2)
            return function(*args, **{name: value for name, value in kwargs.items() if name in names})

        return call  # type: ignore[return-value]

    return decorate


def deprecate_kwarg(
    old_name: str, version: str, new_name: str | None = None, **_options: Any
) -> Callable[[_Function], _Function]:
    """Return a decorator for a function with a renamed or removed keyword.

    Args:
        old_name: The old name. Passing it warns. Beside the new one it is dropped.
        version: The version that removes it, for the warning.
        new_name: The new name, which the function gets instead.
        **_options: Further options of transformers, such as a longer message.
    """

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if old_name not in kwargs:
                return function(*args, **kwargs)
            remedy = f"use {new_name!r} instead" if new_name else "leave it out"
            message = f"{function.__qualname__}: {old_name!r} is deprecated and goes in version {version}; {remedy}."
            warn(message, FutureWarning, stacklevel=2)
            if new_name is not None:
                value = kwargs.pop(old_name)
                kwargs.setdefault(new_name, value)
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate
