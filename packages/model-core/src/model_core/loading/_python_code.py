"""Python code for the arguments of a call, as error messages show it."""

from __future__ import annotations

import ast
import os
import re
from typing import TYPE_CHECKING, Any

import torch

from config_core.checkpoint import HubOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Code", "code_of", "code_of_arguments", "hub_arguments", "merged_code"]

_AS_GIVEN = "..."  # stands for what the caller knows and code cannot say: an object, or a secret
_LITERALS = (bool, int, float, str, bytes, type(None), torch.dtype)
_DEFAULTS = HubOptions()


class Code(str):
    """Python code for a value."""

    __slots__ = ()


def code_of(value: object) -> str:
    """Return code for a value, in which `...` stands for what has none."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, torch.device):
        return f"torch.device({str(value)!r})"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {int(value.flags)})"
    if isinstance(value, (dict, list, tuple)):
        return _code_of_container(value)
    return repr(value) if type(value) in _LITERALS else _AS_GIVEN


def _code_of_container(value: object) -> str:
    if type(value) is dict:
        return f"{{{', '.join(f'{code_of(key)}: {code_of(item)}' for key, item in value.items())}}}"
    if type(value) is list:
        return f"[{', '.join(map(code_of, value))}]"
    if type(value) is tuple:
        return f"({''.join(f'{code_of(item)}, ' for item in value).removesuffix(' ')})"
    return _AS_GIVEN


def code_of_arguments(arguments: Mapping[str, str]) -> str:
    """Return code for keyword arguments, given that of each value by name."""
    return ", ".join(f"{name}={code}" for name, code in arguments.items())


def merged_code(given: str, code: str) -> str:
    """Return code for a dict with the entries of two, of which the second counts; the second if they are no dicts."""
    try:
        values = [ast.literal_eval(text) for text in (given, code)]
    except (ValueError, SyntaxError):
        return code
    return repr(values[0] | values[1]) if all(isinstance(value, dict) for value in values) else code


def hub_arguments(options: HubOptions) -> dict[str, Any]:
    """Return the hub options that are set, by name. A token that is a text is `...`."""
    given = {name: value for name, value in options._asdict().items() if value != getattr(_DEFAULTS, name)}
    return {name: ... if name == "token" and not isinstance(value, bool) else value for name, value in given.items()}
