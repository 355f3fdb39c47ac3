"""What a save writes of a state dict: each tensor once, and the names that share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from model_core.errors import UnsavableTensorError
from model_core.module_tensors import group_shared, walk_modules
from model_core.tensor_memory import WITHOUT_VALUES, has_values
from model_core.torch_internals import is_distributed_tensor, load_pre_hooks, module_version
from model_core.weight_files import METADATA_NAME, to_safetensors_dtype

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

__all__ = ["SavableTensors", "check_not_distributed", "check_savable", "hook_versions", "savable_tensors"]

_MAX_NAME_LENGTH = 1_000_000
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
    versions: Mapping[str, int] = field(default_factory=dict)

    def left_out_names(self) -> dict[str, list[str]]:
        """Return the names that are left out, by the name that the same tensor is written under."""
        names: dict[str, list[str]] = {}
        for name, kept in self.tied.items():
            names.setdefault(kept, []).append(name)
        return names


def savable_tensors(
    state_dict: Mapping[str, Any],
    *,
    sources: Collection[str] = (),
    ignored: Collection[str] = (),
    versions: Mapping[str, int] | None = None,
) -> SavableTensors:
    """Select what is written of a state dict, which is not changed.

    Args:
        state_dict: The state dict.
        sources: Names to write where several names share a tensor; the first name if none of them is among these.
        ignored: Names to leave out.
        versions: Versions of modules with load hooks, by path.

    Raises:
        UnsavableTensorError: safetensors cannot store a value.
    """
    check_savable(state_dict, ignored=ignored)
    wanted = {name: value for name, value in state_dict.items() if name not in ignored}
    tied: dict[str, str] = {}
    for names in group_shared(wanted):
        kept = next((name for name in names if name in sources), names[0])
        tied |= {name: kept for name in names if name != kept}
    tensors = {name: value.detach() for name, value in wanted.items() if name not in tied}
    return SavableTensors(tensors, tied, versions or {})


def check_savable(state_dict: Mapping[str, Any], *, ignored: Collection[str] = ()) -> None:
    """Check that safetensors can store all values of a state dict but those of ignored names.

    Raises:
        UnsavableTensorError: It cannot store a value.
    """
    wanted = {name: value for name, value in state_dict.items() if name not in ignored}
    check_not_distributed(wanted)
    for name, value in wanted.items():
        if problem := _problem_with_name(name):
            raise UnsavableTensorError(f"{name!r:.200}", reason=problem, remedy=f"Rename it{_OR_EXCLUDE}")
        if problem := _problem_with_value(value):
            raise UnsavableTensorError(name, reason=problem, remedy=_remedy(name, value) + _OR_EXCLUDE)


def check_not_distributed(state_dict: Mapping[str, Any]) -> None:
    """Check that no tensor of a state dict is spread over processes.

    Every process has to make this check, also those that write nothing: otherwise the one that writes would raise an
    error and the others would wait for it.

    Raises:
        UnsavableTensorError: A tensor is.
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


def hook_versions(model: nn.Module) -> dict[str, int]:
    """Return the versions of modules with load hooks by path, for the hooks of a later load to compare with."""
    return {
        prefix.removesuffix("."): version
        for prefix, module in walk_modules(model)
        if load_pre_hooks(module) and (version := module_version(module)) is not None
    }


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


def _problem_with_value(value: Any) -> str | None:
    """Return why a value cannot be saved, or None."""
    if not isinstance(value, torch.Tensor):
        return f"is of type {type(value).__name__}, not a tensor"
    if nn.parameter.is_lazy(value):
        return "is a lazy parameter, which has no values before the first forward pass"
    if value.is_nested or value.is_quantized or value.layout is not torch.strided:
        kind = "nested " if value.is_nested else "quantized " if value.is_quantized else ""
        return f"is a {kind}tensor of layout {value.layout}"
    if to_safetensors_dtype(value.dtype) is None:
        return f"is of dtype {value.dtype}"
    return None if has_values(value) else f"is a {type(value).__name__} {WITHOUT_VALUES}"


def _remedy(name: str, value: Any) -> str:
    """Return what to do with a value that cannot be saved."""
    if "_packed_params" in name or (isinstance(value, torch.Tensor) and value.is_quantized):
        return "Save the model before it is quantised, and quantise what is loaded"
    if not isinstance(value, torch.Tensor):
        return "Let get_extra_state return a tensor" if name.endswith("_extra_state") else "Convert it"
    if nn.parameter.is_lazy(value):
        return "Run a forward pass first"
    if not value.is_meta:
        return "Convert it"
    return (
        "Give it values; if accelerate has offloaded them, pass state_dict=get_state_dict_offloaded_model(model) from "
        "accelerate.utils.modeling"
    )
