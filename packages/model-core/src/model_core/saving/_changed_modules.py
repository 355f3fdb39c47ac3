"""Modules that somebody has changed after construction, so that no load expects what is saved.

Weight normalisation, other parametrizations and pruning give the tensors of a module other names. If the constructor
of a model does so, every load does too. If somebody did so afterwards, no load expects the names. The same holds for
modules that were put in place of others, such as a classifier with more classes than the config says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.messages import escaping_logger
from model_core.load_report import shortened
from model_core.module_tensors import layout_of, walk_modules
from model_core.torch_internals import CHECKPOINTED_CHILD, has_flat_parameters, is_reparametrized, load_pre_hooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn

    from model_core.module_tensors import NamedTensors
    from model_core.saving._expected_model import ExpectedModel

__all__ = ["warn_about_changed_modules"]

_logger = escaping_logger(__name__)
_Shape = tuple[int, ...] | None


def warn_about_changed_modules(
    model: Any, named: NamedTensors, written: Iterable[str], expected: ExpectedModel
) -> None:
    """Log which tensors have other names or shapes than those that a load makes.

    Args:
        model: The model that is saved.
        named: The modules and tensors of the model.
        written: The names in its state dict.
        expected: What a load will make.
    """
    if any(has_flat_parameters(module) for _, module in named.modules):
        return  # the names are not those of the model's own tensors
    shapes = layout_of(model).shapes
    constructed, after_ties = expected.constructed, expected.after_ties
    reason, verb = "", "cannot"
    if after_ties and (changes := _changes(shapes, after_ties.shapes)):
        reason = _about_untied(changes)
    elif constructed and _changes(shapes, constructed.shapes):
        new = expected.make(model.config)  # which may have changed since, too
        if changes := _changes(shapes, layout_of(new).shapes if new else constructed.shapes):
            made = _reparametrized(walk_modules(new)) if new else []
            found = [name for name in _reparametrized(named.modules) if name not in made]
            reason = _about_reparametrized(found) if found else _about_replaced(changes)
            verb = "cannot" if new else "may not be able to"
    elif not any(load_pre_hooks(module) for _, module in named.modules):
        reason = _about_hooks(name for name in written if name not in named.persistent)
    if reason:
        _logger.warning("%s.from_pretrained %s load what is saved%s", expected.model_class.__name__, verb, reason)


def _about_reparametrized(names: Sequence[str]) -> str:
    return (
        " unless the constructor makes the weight norm, pruning or other parametrization of "
        f"{shortened(names) or 'the model'}. Make it in the constructor, or remove it before the save with "
        "torch.nn.utils.parametrize.remove_parametrizations(module, 'weight'), or remove_weight_norm, "
        "remove_spectral_norm or prune.remove for those of torch.nn.utils."
    )


def _about_untied(changes: Sequence[str]) -> str:
    return f", because its tie_weights() {', and '.join(changes)}. Call model.tie_weights() before the save."


def _about_replaced(changes: Sequence[str]) -> str:
    return (
        ", because modules were added or replaced since the model was constructed: the constructor "
        f"{', and '.join(changes)}. Make them in the constructor, set the field of the config that gives these sizes, "
        "such as num_labels, or restore the model's own before the save, as by merging LoRA layers."
    )


def _about_hooks(added: Iterable[str]) -> str:
    names = [name for name in added if not name.endswith("_extra_state")]
    if not names:
        return ""
    return (
        f", because state_dict hooks of the model write {shortened(names)}, and none of its tensors has that name. "
        "Undo that in a hook of register_load_state_dict_pre_hook."
    )


def _changes(shapes: Mapping[str, _Shape], made: Mapping[str, _Shape]) -> list[str]:
    """Return how the tensors that a constructor made differ from others, in words."""
    shapes, made = _without_checkpointing(shapes), _without_checkpointing(made)
    added = [name for name in shapes if name not in made]
    removed = [name for name in made if name not in shapes]
    resized = [
        f"{name} {list(made[name] or ())} where the model has {list(shape or ())}"
        for name, shape in shapes.items()
        if name in made and _differ(shape, made[name])
    ]
    kinds = [("makes no", added), ("makes", removed), ("makes", resized)]
    return [f"{verb} {shortened(names)}" for verb, names in kinds if names]


def _without_checkpointing(shapes: Mapping[str, _Shape]) -> dict[str, _Shape]:
    """Return shapes under the names in a state dict, in which activation checkpointing has no part."""
    return {name.replace(f"{CHECKPOINTED_CHILD}.", ""): shape for name, shape in shapes.items()}


def _differ(shape: _Shape, made: _Shape) -> bool:
    """Return whether a tensor was replaced by one of another shape. DeepSpeed empties those that are elsewhere."""
    return shape != made and None not in (shape, made) and 0 not in (shape or ())


def _reparametrized(modules: Iterable[tuple[str, nn.Module]]) -> list[str]:
    return [prefix.removesuffix(".") for prefix, module in modules if is_reparametrized(module)]
