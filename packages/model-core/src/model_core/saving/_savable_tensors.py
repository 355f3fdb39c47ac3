"""What a save writes of a state dict: each tensor once, and the names that share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from model_core.errors import UnsavableTensorError
from model_core.module_tensors import group_shared
from model_core.saving._state_dict_names import match_state_dict, own_state_dict
from model_core.tensor_memory import WITHOUT_VALUES, has_values
from model_core.torch_internals import is_distributed_tensor, load_pre_hooks, module_version
from model_core.weight_files import METADATA_NAME, to_safetensors_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from model_core.module_tensors import NamedTensors

__all__ = ["SavableTensors", "savable_tensors"]

_MAX_NAME_LENGTH = 1_000_000
_SAVE_BEFORE = "Save the model before it is quantised, and quantise what is loaded"
_GIVE_VALUES = (
    "Give it values; if accelerate has offloaded them, pass state_dict=get_state_dict_offloaded_model(model) from "
    "accelerate.utils.modeling"
)
_OR_EXCLUDE = ", or exclude it by adding its name to `_keys_to_ignore_on_save`."


@dataclass(frozen=True, slots=True)
class SavableTensors:
    """The tensors that a save writes.

    Attributes:
        tensors: Tensors by name. Tensors that are the same elements of memory appear once. They are not copies.
        tied: Names that are left out, and the name that the same tensor is written under.
        versions: Versions of modules with load hooks, by path.
    """

    tensors: dict[str, torch.Tensor]
    tied: dict[str, str]
    versions: dict[str, int]


def savable_tensors(
    model: nn.Module,
    given: Mapping[str, Any] | None,
    named: NamedTensors,
    *,
    ignored: Collection[str],
    may_lack: Callable[[str], bool],
    ties: Mapping[str, str],
) -> SavableTensors:
    """Select what is written of a model.

    Args:
        model: The model.
        given: The state dict that the caller passed in place of the model's own, which is not changed, or None.
        named: The modules and tensors of the model.
        ignored: Names to leave out.
        may_lack: Whether `given` may lack the tensor of a name.
        ties: The ties that the model declares. Where several names share a tensor, the one that others are tied to is
            written.

    Raises:
        UnsavableTensorError: safetensors cannot store a value, or a tensor is spread over processes.
        StateDictError: `given` does not match the model.
    """
    state_dict = own_state_dict(model) if given is None else given
    _check_savable({name: value for name, value in state_dict.items() if name not in ignored})
    if given is not None:
        state_dict = match_state_dict(model, given, may_lack=lambda name: name in ignored or may_lack(name), ties=ties)
    wanted = {name: value for name, value in state_dict.items() if name not in ignored}
    sources = {*ties.values()}
    tied: dict[str, str] = {}
    for names in group_shared(wanted):
        kept = next((name for name in names if name in sources), names[0])
        tied |= {name: kept for name in names if name != kept}
    tensors = {name: value.detach() for name, value in wanted.items() if name not in tied}
    versions = {
        prefix.removesuffix("."): version
        for prefix, module in named.modules
        if load_pre_hooks(module) and (version := module_version(module)) is not None
    }
    return SavableTensors(tensors, tied, versions)


def _check_savable(state_dict: Mapping[str, Any]) -> None:
    """Check that safetensors can store all values of a state dict.

    Tensors that are spread over processes come first, because every process has to make that check: otherwise the one
    that writes would raise an error and the others would wait for it.

    Raises:
        UnsavableTensorError: It cannot store a value.
    """
    for name, value in state_dict.items():
        if isinstance(value, torch.Tensor) and is_distributed_tensor(value):
            raise UnsavableTensorError(
                name,
                reason=f"is a {type(value).__name__}, of which each process holds a part",
                remedy="In every process, gather the whole values with state_dict = get_model_state_dict(model, "
                "options=StateDictOptions(full_state_dict=True, cpu_offload=True)) from "
                "torch.distributed.checkpoint.state_dict, and pass state_dict=state_dict and "
                "is_main_process=(rank == 0).",
            )
    for name, value in state_dict.items():
        if problem := _problem_with_name(name):
            raise UnsavableTensorError(f"{name!r:.200}", reason=problem, remedy=f"Rename it{_OR_EXCLUDE}")
        if found := _problem_with_value(name, value):
            raise UnsavableTensorError(name, reason=found[0], remedy=found[1] + _OR_EXCLUDE)


def _problem_with_name(name: str) -> str | None:
    """Return why a name cannot be saved, or None."""
    if name == METADATA_NAME:
        return "is the name of the metadata in the file's header"
    if len(name) > _MAX_NAME_LENGTH:
        return f"is a name of more than {_MAX_NAME_LENGTH:,} characters"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is a name that cannot be encoded as UTF-8"
    return None


def _problem_with_value(name: str, value: Any) -> tuple[str, str] | None:
    """Return why a value cannot be saved and what to do, or None."""
    if not isinstance(value, torch.Tensor):
        remedy = "Let get_extra_state return a tensor" if name.endswith("_extra_state") else "Convert it"
        return f"is of type {type(value).__name__}, not a tensor", _SAVE_BEFORE if "_packed_params" in name else remedy
    if nn.parameter.is_lazy(value):
        return "is a lazy parameter, which has no values before the first forward pass", "Run a forward pass first"
    if value.is_nested or value.is_quantized or value.layout is not torch.strided:
        kind = "nested " if value.is_nested else "quantized " if value.is_quantized else ""
        return f"is a {kind}tensor of layout {value.layout}", _SAVE_BEFORE if value.is_quantized else "Convert it"
    if to_safetensors_dtype(value.dtype) is None:
        return f"is of dtype {value.dtype}", "Convert it"
    if not has_values(value):
        return f"is a {type(value).__name__} {WITHOUT_VALUES}", _GIVE_VALUES if value.is_meta else "Convert it"
    return None
