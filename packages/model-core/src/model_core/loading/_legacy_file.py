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
from model_core.state_dicts import nested_state_dict, problem_with_state_dict
from model_core.tensor_memory import WITHOUT_VALUES, has_values
from model_core.torch_internals import is_distributed_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from model_core.state_dicts import CodeOfCall

__all__ = ["code_to_read", "read_legacy_file", "unusable_tensor"]

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
        nested = nested_state_dict(content, code_to_read(path), code_of_call)
        raise WeightsFileError(f"not a state dict but {problem}. {nested}".rstrip(". "), file=path)
    if problem := unusable_tensor(content):
        raise WeightsFileError(problem, file=path)
    state_dict: dict[str, torch.Tensor] = content
    return state_dict


def code_to_read(path: Path | str, *, weights_only: bool = True) -> str:
    """Return Python code that reads a file of `torch.save`."""
    return f"torch.load({str(path)!r}, map_location='cpu', weights_only={weights_only})"


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


def _problem_with_pickle(path: Path, error: Exception, code_of_call: CodeOfCall) -> str:
    """Return why a pickle is refused, and what to do."""
    if isinstance(error, _ERRORS_AT_THE_END) or "unexpected EOF" in str(error):
        problem = f"not a complete file of torch.save: it ends too early ({type(error).__name__})"
        return f"{problem}. Nothing but tensors is ever unpickled. Download or copy it again"
    problem = f"torch.load(weights_only=True) cannot read it ({type(error).__name__}"
    refusal = "Nothing but tensors is ever unpickled; ask for the checkpoint as safetensors"
    is_archive = False
    try:
        is_archive = zipfile.is_zipfile(path)
        classes = sorted(get_unsafe_globals_in_checkpoint(path)) if is_archive else _REFUSED.findall(str(error))
    except Exception:  # noqa: BLE001 - see `read_legacy_file`
        classes = []
    if not classes:
        return f"{problem}). {refusal}"
    problem += f": it pickles an object of {shortened(classes)})"
    if _HARMLESS.keys() >= set(classes):
        modules = dict.fromkeys(_HARMLESS[name].partition(".")[0] for name in classes)
        allowed = ", ".join(f"({_HARMLESS[name]}, {name!r})" for name in classes)
        code = f"import torch, {', '.join(modules)}; torch.serialization.add_safe_globals([{allowed}])"
        return f"{problem}. Run {code} and load it again"
    code = code_to_read(path, weights_only=False)
    if is_archive and _begins_with_object(path) and any(name.startswith("torch.nn.modules.") for name in classes):
        problem += ", as torch.save(model) does"
        refusal += f", or for torch.save(model.state_dict(), {path.name!r})"
        code += ".state_dict()"
    return f"{problem}. {refusal}. If you trust the file, which can run any code: {code_of_call({}, code)}"


def _begins_with_object(path: Path) -> bool:
    """Return whether the pickle in a file is of an object of a class, and not of a dict or a list."""
    with zipfile.ZipFile(path) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        begin = b"" if pickled is None else archive.open(pickled).read(3)
    return begin == b"\x80\x02c"  # protocol 2, then the name of a class
