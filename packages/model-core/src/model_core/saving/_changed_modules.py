"""Modules that somebody has changed after construction, so that no load expects what is saved.

Weight normalisation, other parametrizations and pruning give the tensors of a module other names. If the constructor
of a model does so, every load does too. If somebody did so afterwards, no load expects the names. The same holds for
modules that were put in place of others, such as a classifier with more classes than the config says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from config_core.messages import escaping_logger
from model_core.load_report import shortened
from model_core.module_tensors import shape_of, walk_modules
from model_core.torch_internals import CHECKPOINTED_CHILD, has_flat_parameters, is_reparametrized, load_pre_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from torch import nn

    from model_core.module_tensors import NamedTensors, TensorLayout
    from model_core.saving._expected_model import ExpectedModel

__all__ = ["warn_about_changed_modules"]

_logger = escaping_logger(__name__)
_Shape = tuple[int, ...] | None


def warn_about_changed_modules(
    named: NamedTensors, written: Collection[str], expected: ExpectedModel, *, may_lack: Callable[[str], bool]
) -> None:
    """Log which tensors have other names or shapes than those that a load makes.

    Args:
        named: The modules and tensors of the model that is saved.
        written: The names that are written, and the other names of the same tensors.
        expected: What a load will make.
        may_lack: Whether a load does without the tensor of a name.
    """
    if any(has_flat_parameters(module) for _, module in named.modules):
        return  # the names are not those of the model's own tensors
    own = {_without_checkpointing(name): shape_of(tensor) for name, tensor in named.persistent.items()}
    verb = "cannot"
    if expected.after_ties and (changes := _changes(own, expected.after_ties)):
        reason = f", because its tie_weights() {changes[0]}. Call model.tie_weights() before the save."
    elif changes := expected.differences(partial(_changes, own)):
        made = _reparametrized(walk_modules(expected.new)) if expected.new else []
        found = [name for name in _reparametrized(named.modules) if name not in made]
        reason = _about_reparametrized(found) if found else _about_replaced(changes[0], expected)
        verb = "cannot" if expected.new else "may not be able to"
    elif not any(load_pre_hooks(module) for _, module in named.modules):
        reason = _about_names(own, written, expected.declared.enabled, may_lack)
    else:
        reason = ""  # such hooks may translate and make what they like
    if reason:
        _logger.warning("%s.from_pretrained %s load what is saved%s", expected.model_class.__name__, verb, reason)


def _about_reparametrized(names: Sequence[str]) -> str:
    return (
        " unless the constructor makes the weight norm, pruning or other parametrization of "
        f"{shortened(names) or 'the model'}. Make it in the constructor, or remove it before the save with "
        "torch.nn.utils.parametrize.remove_parametrizations(module, 'weight'), or remove_weight_norm, "
        "remove_spectral_norm or prune.remove for those of torch.nn.utils."
    )


def _about_replaced(changes: str, expected: ExpectedModel) -> str:
    cause = "fields of the config were changed" if expected.has_other_config else "modules were added or replaced"
    return (
        f", because {cause} since the model was constructed: the constructor {changes}. Make them in the constructor, "
        "set the field of the config that gives these sizes, such as num_labels, or restore the model's own before the "
        "save, as by merging LoRA layers."
    )


def _about_names(
    own: Collection[str], written: Collection[str], ties: Mapping[str, str], may_lack: Callable[[str], bool]
) -> str:
    added = [name for name in written if name not in own and not name.endswith("_extra_state")]
    if added:
        return (
            f", because state_dict hooks of the model write {shortened(added)}, and none of its tensors has that name. "
            "Undo that in a hook of register_load_state_dict_pre_hook."
        )
    left_out = [name for name in own if name not in written and ties.get(name) not in written and not may_lack(name)]
    if not left_out:
        return ""
    return (
        f", because it asks for tensors that are not written: {shortened(left_out)}. Write them, or list them in "
        "_keys_to_ignore_on_load_missing as well if the constructor gives them their values."
    )


def _changes(shapes: Mapping[str, _Shape], layout: TensorLayout) -> list[str]:
    """Return how the tensors that a constructor made differ from others, in words: one entry, or none."""
    made = {_without_checkpointing(name): shape for name, shape in layout.shapes.items()}
    added = [name for name in shapes if name not in made]
    removed = [name for name in made if name not in shapes]
    resized = [
        f"{name} {list(made[name] or ())} where the model has {list(shape or ())}"
        for name, shape in shapes.items()
        if name in made and _differ(shape, made[name])
    ]
    kinds = [("makes no", added), ("makes", removed), ("makes", resized)]
    changes = [f"{verb} {shortened(names)}" for verb, names in kinds if names]
    return [", and ".join(changes)] if changes else []


def _without_checkpointing(name: str) -> str:
    """Return a name as it is in a state dict, in which activation checkpointing has no part."""
    return name.replace(f"{CHECKPOINTED_CHILD}.", "")


def _differ(shape: _Shape, made: _Shape) -> bool:
    """Return whether a tensor was replaced by one of another shape. DeepSpeed empties those that are elsewhere."""
    return shape != made and None not in (shape, made) and 0 not in (shape or ())


def _reparametrized(modules: Iterable[tuple[str, nn.Module]]) -> list[str]:
    return [prefix.removesuffix(".") for prefix, module in modules if is_reparametrized(module)]
