"""Reading a file of `torch.save`, of which only tensors are unpickled, and saying where in it the weights are.

No class is allowed to torch meanwhile: what it allows is the same in all threads.
"""

from __future__ import annotations

import re
import struct
import zipfile
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.serialization import get_unsafe_globals_in_checkpoint

from model_core.errors import WeightsFileError
from model_core.load_report import shortened
from model_core.loading._file_types import problem_with_file
from model_core.loading._pickle_outline import Inert, outline_of
from model_core.loading._python_code import code_to_read
from model_core.state_dicts import nested_state_dict, problem_with_state_dict
from model_core.tensor_memory import WITHOUT_VALUES, has_values
from model_core.torch_internals import is_distributed_tensor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from model_core.state_dicts import CodeOfCall

__all__ = ["how_to_read", "read_legacy_file", "refused_classes", "unusable_tensor"]

# Classes without behaviour of their own, which training programs keep beside the weights, and what reads their objects.
# Python 3.13 pickles paths under other names, and no system makes the paths of another.
_HARMLESS = {
    "argparse.Namespace": "argparse.Namespace",
    "datetime.datetime": "datetime.datetime",
    "datetime.timedelta": "datetime.timedelta",
    "pathlib.PosixPath": "pathlib.PurePath",
    "pathlib.WindowsPath": "pathlib.PurePath",
    "pathlib._local.PosixPath": "pathlib.PurePath",
    "pathlib._local.WindowsPath": "pathlib.PurePath",
    "types.SimpleNamespace": "types.SimpleNamespace",
}
# What torch raises where a file of before version 1.6 ends too early.
_ERRORS_AT_THE_END = (EOFError, IndexError, struct.error)
_REFUSED = re.compile(r"(?:Unsupported global: GLOBAL|Unsupported class) ([\w.]{1,200})")


def read_legacy_file(path: Path, *, mapped: bool, code_of_call: CodeOfCall) -> dict[str, torch.Tensor]:
    """Return the state dict in a file of `torch.save`.

    Args:
        path: The file.
        mapped: Map values from the file where possible.
        code_of_call: As for `nested_state_dict`.

    Raises:
        WeightsFileError: It is not a state dict, or holds what no load can use. The message says where there is one.
    """
    try:
        # Files from before torch 1.6 are no zip archives and cannot be mapped.
        mapped = mapped and zipfile.is_zipfile(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged or hostile pickle may raise anything
        raise WeightsFileError(
            problem_with_file(path) or _problem_with_pickle(path, error, code_of_call), file=path
        ) from error
    if problem := problem_with_state_dict(content):
        nested = nested_state_dict(content, code_to_read(repr(str(path)), is_safetensors=False), code_of_call)
        remedy = nested or "A file of weights holds what model.state_dict() returns"
        raise WeightsFileError(f"not a state dict but {problem}. {remedy}".rstrip(". "), file=path)
    if problem := unusable_tensor(content):
        raise WeightsFileError(problem, file=path)
    state_dict: dict[str, torch.Tensor] = content
    return state_dict


def unusable_tensor(state_dict: Mapping[str, torch.Tensor]) -> str:
    """Return what is wrong with the first tensor that no load can use, or `""`."""
    for name, tensor in state_dict.items():
        if is_distributed_tensor(tensor):
            return (
                f"{name} is a {type(tensor).__name__}, of which each process holds a part. In every process, gather "
                "the whole values with get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))"
            )
        if nn.parameter.is_lazy(tensor):
            return f"{name} is a lazy parameter. Run a forward pass before you take the state dict"
        if tensor.is_meta:
            return f"{name} is on the meta device and has no values. Save it from a model that has them"
        if tensor.is_nested or tensor.layout is not torch.strided:
            kind = "is a nested tensor" if tensor.is_nested else f"has the layout {tensor.layout}"
            dense = "its parts" if tensor.is_nested else "its .to_dense()"
            return f"{name} {kind}, but only dense tensors can be loaded. Save {dense}"
        if not has_values(tensor):
            return f"{name} is a {type(tensor).__name__} {WITHOUT_VALUES}. Save it from a model that has them"
    return ""


def how_to_read(path: Path, classes: Collection[str], code_of_call: CodeOfCall, *, place: Path) -> str:
    """Return what to do to load a file of `torch.save` that is not read as it is, or `""` if nothing helps.

    Args:
        path: The file.
        classes: The classes for which torch refuses it, as `refused_classes` returns them.
        code_of_call: As for `nested_state_dict`.
        place: Where the file is by then.
    """
    is_harmless = _HARMLESS.keys() >= set(classes)
    code = code_to_read(repr(str(place)), is_safetensors=False, weights_only=is_harmless)
    content = outline_of(path)
    if not (way := nested_state_dict(content, code, code_of_call)):
        is_state_dict = not problem_with_state_dict(content)
        if is_state_dict or not is_harmless:
            if any(name.startswith("torch.nn.modules.") for name in classes):
                code += _place_of_module(content)
            way = f"Then: {code_of_call(content if is_state_dict else {}, code)}"
    if not classes:
        return way
    if not is_harmless:
        return f"If you trust the file, which can run any code: {way.removeprefix('Then: ')}"
    modules = dict.fromkeys(_HARMLESS[name].partition(".")[0] for name in classes)
    allowed = ", ".join(f"({_HARMLESS[name]}, {name!r})" for name in classes)
    line = f"import torch, {', '.join(modules)}; torch.serialization.add_safe_globals([{allowed}])"
    return f"Run {line} first. {way}" if way else f"Run {line} and load it again"


def _place_of_module(content: object) -> str:
    """Return code that gets the state dict of a pickled model, which may be an entry of a dict."""
    if isinstance(content, Inert):
        return ".state_dict()"
    entries = content if isinstance(content, dict) else {}
    models = [key for key in ("model", *entries) if isinstance(entries.get(key), Inert)]
    return f"[{models[0]!r}].state_dict()" if models else ""


def refused_classes(path: Path, error: Exception | None = None) -> list[str]:
    """Return the classes for which torch refuses a file, as far as it says.

    Args:
        path: The file.
        error: What torch raised, if it was asked.
    """
    try:
        if zipfile.is_zipfile(path):
            return sorted(get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001 - see `read_legacy_file`
        return []
    return _REFUSED.findall(str(error))


def _problem_with_pickle(path: Path, error: Exception, code_of_call: CodeOfCall) -> str:
    """Return why a pickle is refused, and what to do."""
    if isinstance(error, _ERRORS_AT_THE_END) or "unexpected EOF" in str(error):
        problem = f"not a complete file of torch.save: it ends too early ({type(error).__name__})"
        return f"{problem}. Nothing but tensors is ever unpickled. Download or copy it again"
    problem = f"torch.load(weights_only=True) cannot read it ({type(error).__name__}"
    refusal = "Nothing but tensors is ever unpickled; ask for the checkpoint as safetensors"
    classes = refused_classes(path, error)
    if not classes:
        return f"{problem}). {refusal}"
    problem += f": it pickles an object of {shortened(classes)})"
    way = how_to_read(path, classes, code_of_call, place=path)
    if _HARMLESS.keys() >= set(classes):
        return f"{problem}. {way}"
    if ").state_dict()" in way:
        problem += ", as torch.save(model) does"
        refusal += f", or for torch.save(model.state_dict(), {path.name!r})"
    return f"{problem}. {refusal}. {way}"
