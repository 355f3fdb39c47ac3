"""State dicts that callers pass or files hold: what is wrong with one, and where there is one instead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import torch
from torch import nn

from model_core.errors import ArgumentError
from model_core.load_report import shortened

__all__ = [
    "CodeOfCall",
    "about_missing_buffers",
    "check_state_dict_argument",
    "nested_state_dict",
    "problem_with_state_dict",
]

_Path = tuple[str | int, ...]
_MAX_DEPTH = 3
_MAX_PARTS = 8
# Under these, training programs keep the state dict of a model; the first that a file has is the likeliest.
_USUAL_KEYS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params")


class CodeOfCall(Protocol):
    """A function that returns Python code for the call that takes a state dict."""

    def __call__(self, state_dict: Mapping[str, torch.Tensor], code: str, /, *, argument: str = "state_dict") -> str:
        """Return the code.

        Args:
            state_dict: The state dict, of which only names, shapes and dtypes matter; empty if it is not known.
            code: Python code for the argument that gives it.
            argument: Name of that.
        """
        ...


def check_state_dict_argument(state_dict: object, code_of_call: CodeOfCall, *, names_only: bool = False) -> None:
    """Check that what a caller passed is a mapping from names to tensors.

    Args:
        state_dict: The argument of this name.
        code_of_call: As for `nested_state_dict`.
        names_only: As for `problem_with_state_dict`.

    Raises:
        ArgumentError: It is none.
    """
    nested = nested_state_dict(state_dict, "state_dict", code_of_call)
    if problem := problem_with_state_dict(state_dict, names_only=names_only and not nested):
        raise ArgumentError(
            "state_dict",
            state_dict,
            expected="a mapping from names to tensors",
            given=problem,
            remedy=nested or _remedy_for(state_dict),
        )


def _remedy_for(given: object) -> str:
    """Return what to pass instead of something without a state dict in it."""
    if isinstance(given, nn.Module):
        return "Pass its .state_dict()."
    if isinstance(given, (str, os.PathLike)):
        return "Pass what torch.load(path, weights_only=True) or safetensors.torch.load_file(path) returns."
    values = given if isinstance(given, Mapping) else {}
    if values and all(isinstance(name, str) and hasattr(value, "__array__") for name, value in values.items()):
        return "Pass {name: torch.as_tensor(value) for name, value in state_dict.items()}."
    return "Pass what model.state_dict() returns."


def about_missing_buffers(missing: Iterable[object]) -> str:
    """Return what to do about a state dict that lacks nothing but buffers, or `""` if it lacks anything else.

    Args:
        missing: The tensors of the model that it lacks.
    """
    if any(isinstance(tensor, nn.Parameter) for tensor in missing):
        return ""
    return "only buffers are missing, which named_parameters() and averages of parameters leave out"


def problem_with_state_dict(content: object, *, names_only: bool = False) -> str:
    """Return what an object is that is not a state dict, or `""` if it is one.

    Args:
        content: What a file or an argument holds.
        names_only: Whether values may be anything.
    """
    if not isinstance(content, Mapping):
        return f"an object of type {type(content).__name__}"
    for name, value in content.items():
        if not isinstance(name, str):
            return f"a mapping (it has the key {name!r:.80} where a tensor's name is expected)"
        if not names_only and not isinstance(value, torch.Tensor):
            return f"a mapping in which {name!r:.100} is of type {type(value).__name__}"
    return ""


def nested_state_dict(content: object, code: str, code_of_call: CodeOfCall) -> str:
    """Return where in an object there is a state dict and how to use it, or `""` if there is none.

    Args:
        content: What a file or an argument holds, which is not a state dict itself.
        code: Python code for it.
        code_of_call: Returns the call that takes the state dict.
    """
    if pairs := _pairs_in(content):
        return f"It holds the names and tensors as pairs. Pass a dict of them: {code_of_call(pairs, f'dict({code})')}"
    found = sorted(_state_dicts_in(content, ()), key=lambda entry: _rank(entry[0]))
    tensors = _tensors_at_top(content)
    if not found or len(tensors) >= len(found[0][1]):
        return _about_others(tensors, content, code, code_of_call)
    parts = [path[0] for path, _ in found if len(path) == 1 and isinstance(path[0], str)]
    if 1 < len(parts) <= _MAX_PARTS and parts[0] not in _USUAL_KEYS:
        together = {f"{part}.{name}": tensor for part in parts for name, tensor in content[part].items()}  # type: ignore[index]
        comprehension = f"{{f'{{part}}.{{name}}': tensor for part in {parts} for name, tensor in {code}[part].items()}}"
        return (
            f"It holds state dicts under {shortened(parts)}. If they are parts of the model, pass them together: "
            f"{code_of_call(together, comprehension)}. Otherwise, pass one: {code_of_call({}, f'{code}[{parts[0]!r}]')}"
        )
    path, state_dict = found[0]
    keys = "".join(f"[{key!r}]" for key in path)
    others = shortened([_dotted(other) for other, _ in found[1:]], most=3)
    besides = f" (others are under {others})" if others else ""
    return f"It holds a state dict under {_dotted(path)!r}{besides}. Pass that: {code_of_call(state_dict, code + keys)}"


def _pairs_in(content: object) -> dict[str, torch.Tensor]:
    """Return the state dict that a list or tuple of names and tensors stands for, or an empty one."""
    if not isinstance(content, (list, tuple)) or not all(map(_is_pair, content)):
        return {}
    return dict(content)


def _is_pair(entry: object) -> bool:
    if not isinstance(entry, (list, tuple)) or len(entry) != 2:  # noqa: PLR2004
        return False
    name, tensor = entry
    return isinstance(name, str) and isinstance(tensor, torch.Tensor)


def _tensors_at_top(content: object) -> dict[str, torch.Tensor]:
    """Return the entries of a mapping that are those of a state dict."""
    if not isinstance(content, Mapping):
        return {}
    return {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, torch.Tensor)}


def _about_others(tensors: Mapping[str, torch.Tensor], content: object, code: str, code_of_call: CodeOfCall) -> str:
    """Return what to do about a mapping that holds other entries beside the tensors of a model, or `""`."""
    if not isinstance(content, Mapping) or not len(tensors) < len(content) < 2 * len(tensors):
        return ""
    comprehension = f"{{name: value for name, value in {code}.items() if isinstance(value, torch.Tensor)}}"
    return f"Most of its values are tensors. Pass only those: {code_of_call(tensors, comprehension)}"


def _dotted(path: _Path) -> str:
    return ".".join(map(str, path))


def _state_dicts_in(content: object, path: _Path) -> Iterator[tuple[_Path, Mapping[str, torch.Tensor]]]:
    """Yield the keys that lead to mappings from names to tensors, and these."""
    if isinstance(content, (list, tuple)) and len(content) <= _MAX_PARTS and not path:
        for position, value in enumerate(content):
            yield from _state_dicts_in(value, (position,))
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        return
    if path and content and all(isinstance(value, torch.Tensor) for value in content.values()):
        yield path, content
    elif len(path) < _MAX_DEPTH:
        for key, value in content.items():
            yield from _state_dicts_in(value, (*path, key))


def _rank(path: _Path) -> tuple[int, int]:
    """Return what sorts the likeliest place of a model's state dict first."""
    ranks = [_USUAL_KEYS.index(key) for key in path if key in _USUAL_KEYS]
    return (min(ranks, default=len(_USUAL_KEYS)), len(path))
