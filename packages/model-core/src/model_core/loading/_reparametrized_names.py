"""Names of tensors that a parametrization, weight normalisation, pruning, LoRA or quantisation has made of one tensor.

A weight that is computed from others is none of them, although one often has its shape: taking that would give a wrong
model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from model_core.load_report import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import torch

    from model_core.load_report import LoadReport

__all__ = ["about_computed_weights", "about_reparametrized", "reparametrized_names"]

_NAME = re.compile(
    r"(?P<path>(?:.*\.)?)(?:parametrizations\.(?P<new>[^.]+)\..+|(?P<old>[^.]+)_(?:g|v|u|orig|mask))", re.DOTALL
)

# What PEFT keeps beside the weights of a model or in their place.
_ADAPTERS = re.compile(r"\.(?:lora_(?:[AB]|embedding_[AB]|magnitude_vector)|modules_to_save|original_module)\b")
_FLAT = re.compile(r"(?:^|\.)_?flat_param(?:_\d+)?$")
_GATHERED = "get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))"
# What libraries for quantisation keep beside the `weight` of a layer, or in its place.
_QUANTISED = re.compile(
    r"(?P<path>.+)\.(?:qweight|qzeros|scales|g_idx|SCB|weight_(?:scale|scale_inv|scale_2|zero_point|packed)"
    r"|weight\.(?:absmax|quant_map|quant_state\..+))",
    re.DOTALL,
)


def about_computed_weights(report: LoadReport, tensors: Mapping[str, torch.Tensor], stored: Collection[str]) -> str:
    """Return what to do if the checkpoint has what weights of the model are made of, and not the weights.

    These are the layers of adapters, quantised weights, and the parts that one process of several had. Leaving them
    out, or taking one for the weight, would give a model that was never trained.

    Args:
        report: What matches and what does not.
        tensors: The parameters and persistent buffers of the model, by name.
        stored: The names in the checkpoint.
    """
    if any(map(_FLAT.search, report.unexpected)):
        return f"the checkpoint has flat parameters of FSDP, of one process: save what {_GATHERED} returns"
    empty = [entry.name for entry in report.mismatched if 0 in entry.stored_shape and 0 not in entry.model_shape]
    if empty:
        return (
            f"{shortened(empty)}: empty in the checkpoint, as DeepSpeed's stage 3 leaves parameters that are elsewhere."
            " Gather them with Accelerator.get_state_dict(model), or from a checkpoint of DeepSpeed with its "
            "zero_to_fp32.py, and save the result"
        )
    if any(map(_ADAPTERS.search, report.unexpected)):
        if all(map(_ADAPTERS.search, stored)):
            return (
                "the checkpoint is an adapter of PEFT alone: load the base model, then peft.PeftModel.from_pretrained"
            )
        return (
            "the checkpoint has LoRA layers or other parts of PEFT beside the weights that they change: call "
            "merge_and_unload() of the PEFT model, and save what that returns"
        )
    matches = [(name, _QUANTISED.fullmatch(name)) for name in report.unexpected]
    quantised = [name for name, match in matches if match and f"{match['path']}.weight" in tensors]
    quantised += [
        entry.name
        for entry in report.mismatched
        if entry.model_dtype.is_floating_point
        and not (entry.stored_dtype.is_floating_point or entry.stored_dtype.is_complex)
    ]
    if not quantised:
        return ""
    return (
        f"{shortened(quantised)}: the weights are quantised, which a load does not undo. Undo it with the library that "
        "did it, as dequantize() of transformers' models does, and save the result"
    )


def reparametrized_names(names: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Return which names stand for parts that one of the other names is computed from, and that name."""
    found = {}
    for name in names:
        if (match := _NAME.fullmatch(name)) and (whole := match["path"] + (match["new"] or match["old"])) in others:
            found[name] = whole
    return found


def about_reparametrized(in_checkpoint: Collection[str], in_model: Collection[str]) -> list[str]:
    """Return what to do about tensors that are computed from others on one side only.

    Args:
        in_checkpoint: Names of the tensors that the checkpoint holds the parts of.
        in_model: Names of the tensors that the model has the parts of.
    """
    remedies = []
    if in_checkpoint:
        remedies.append(
            f"{shortened(in_checkpoint)}: saved with a weight norm, pruning or other parametrization that the model "
            "lacks. Make it in the constructor, or remove it (remove_parametrizations, remove_weight_norm, "
            "prune.remove) and save again"
        )
    if in_model:
        remedies.append(
            f"{shortened(in_model)}: saved without the weight norm or other parametrization that the constructor "
            "makes. Load it without that, and make it afterwards"
        )
    return remedies
