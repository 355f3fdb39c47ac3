"""Python code for the arguments of a call, as error messages show it."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

import torch

from config_core.checkpoint import HubOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from config_core.checkpoint import Checkpoint

__all__ = [
    "Code",
    "code_of",
    "code_of_arguments",
    "code_to_read",
    "code_to_read_all",
    "hub_arguments",
    "hub_options_of",
]

_AS_GIVEN = "..."  # stands for what the caller knows and code cannot say: an object, or a secret
_LITERALS = (bool, int, float, str, bytes, type(None), torch.dtype)
_MAX_CODE = 1000


class Code(str):
    """Python code for a value."""

    __slots__ = ()


def code_of(value: object) -> str:
    """Return code for a value, in which `...` stands for what has none, or has too much to be read."""
    if isinstance(value, Code):
        return str(value)
    code = _code_of(value)
    return code if len(code) <= _MAX_CODE else _AS_GIVEN


def _code_of(value: object) -> str:
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, torch.device):
        return f"torch.device({str(value)!r})"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {int(value.flags)})"
    if isinstance(value, (dict, list, tuple)):
        return _code_of_container(value)
    if type(value) is float and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value) if type(value) in _LITERALS else _AS_GIVEN


def _code_of_container(value: object) -> str:
    if type(value) is dict:
        return f"{{{', '.join(f'{code_of(key)}: {code_of(item)}' for key, item in value.items())}}}"
    if type(value) is list:
        return f"[{', '.join(map(code_of, value))}]"
    if type(value) is tuple:
        return f"({''.join(f'{code_of(item)}, ' for item in value).removesuffix(' ')})"
    return _AS_GIVEN


def code_of_arguments(arguments: Mapping[str, object]) -> str:
    """Return code for keyword arguments."""
    return ", ".join(f"{name}={code_of(value)}" for name, value in arguments.items())


def code_to_read(file: str, *, is_safetensors: bool, weights_only: bool = True) -> str:
    """Return code that reads a file of weights, given code for its path."""
    if is_safetensors:
        return f"safetensors.torch.load_file({file})"
    return f"torch.load({file}, map_location='cpu', weights_only={weights_only})"


def code_to_read_all(paths: Sequence[Path]) -> str:
    """Return code that reads one file of weights or all shards of a checkpoint."""
    first = paths[0]
    is_safetensors = first.suffix == ".safetensors"
    if len(paths) == 1:
        return code_to_read(repr(str(first)), is_safetensors=is_safetensors)
    shards = f"pathlib.Path({str(first.parent)!r}).glob({re.sub(r'[0-9]+', '*', first.name)!r})"
    one = code_to_read("path", is_safetensors=is_safetensors)
    return f"{{name: tensor for path in {shards} for name, tensor in {one}.items()}}"


def hub_options_of(checkpoint: Checkpoint | None, default: HubOptions) -> HubOptions:
    """Return the options with which a checkpoint was opened, or the default if its hub does not say."""
    options = getattr(checkpoint, "options", None)
    return options if isinstance(options, HubOptions) else default


def hub_arguments(options: HubOptions) -> dict[str, Any]:
    """Return the hub options that are set, by name. A token that is a text is `...`."""
    given = {name: value for name, value in options._asdict().items() if value != options._field_defaults[name]}
    return {name: ... if name == "token" and not isinstance(value, bool) else value for name, value in given.items()}
