"""The model that a load will make of what is saved, by the class and the config alone, and how it differs.

Tensors get other names or sizes if somebody changes modules after construction: by weight normalisation, other
parametrizations and pruning, by LoRA layers, by a classifier with more classes than the config says; or if somebody
changes the config. And a load makes ties that may not exist in the model, by `_tied_weights_keys`, `tie_weights` or a
constructor that assigns one parameter twice: then no load accepts two values for one tensor.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from config_core.messages import escaping_logger
from model_core.construction import construct_without_values
from model_core.errors import ModelDefinitionError
from model_core.load_report import shortened
from model_core.module_tensors import layout_of, shape_of, walk_modules
from model_core.saving._state_dict_names import with_tied_names
from model_core.tensor_memory import equal_bytes
from model_core.tied_weights import TIE_FIELD
from model_core.torch_internals import CHECKPOINTED_CHILD, has_flat_parameters, is_reparametrized, load_pre_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import torch
    from torch import nn

    from model_core.module_tensors import NamedTensors, TensorLayout
    from model_core.tied_weights import DeclaredTies

__all__ = ["ExpectedModel"]

_logger = escaping_logger(__name__)
_Shape = tuple[int, ...] | None
_Pair = tuple[str, str]
_Difference = TypeVar("_Difference")

_TO_CALL = (
    "To tie them, call self.post_init() at the end of __init__, or model.tie_weights(). To keep declared ones apart, "
    f"set model.config.{TIE_FIELD} = False."
)
_TO_ASSIGN = (
    "To tie them, assign one of the two in place of the other before the save. To keep them apart, make two tensors in "
    "the constructor, or let it tie them only if a field of the config says so."
)


@dataclass(eq=False, repr=False)  # the other methods would cost every import
class ExpectedModel:
    """The model that a load will make.

    Attributes:
        model_class: Its class.
        config: Its config.
        construct: Makes a new one of a config, with its ties.
        constructed: The layout of the tensors of the model that is saved when it was constructed, or None if that is
            not known.
        has_other_config: Whether the config has changed since.
        declared: The ties that the class declares.
        after_ties: The layout after the author's `tie_weights`, or None if there is none or it tells nothing.
    """

    model_class: type
    config: Any
    construct: Callable[[Any], nn.Module]
    constructed: TensorLayout | None
    has_other_config: bool
    declared: DeclaredTies
    after_ties: TensorLayout | None

    def check_ties(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Check that tensors which a load ties have equal values.

        Args:
            tensors: What is written.

        Raises:
            ModelDefinitionError: Two of them have different values.
        """
        disabled = [*map(set, self.declared.disabled.items())]

        def apart(pairs: Iterable[_Pair]) -> list[_Pair]:
            written = [(name, other) for name, other in pairs if name in tensors and other in tensors]
            return [(name, other) for name, other in written if not equal_bytes(tensors[name], tensors[other])]

        def apart_by_constructor(layout: TensorLayout) -> list[_Pair]:
            return [pair for pair in apart(_pairs(layout.ties, tensors)) if {*pair} not in disabled]

        if found := apart(self.declared.enabled.items()):
            raise self._error_about_tie("_tied_weights_keys", found[0], _TO_CALL)
        if self.after_ties and (found := apart(_pairs(self.after_ties.ties, tensors))):
            raise self._error_about_tie("tie_weights()", found[0], _TO_CALL)
        if found := self._differences(apart_by_constructor):
            raise self._error_about_tie("the constructor", found[0], _TO_ASSIGN)

    def warn_about_differences(
        self, named: NamedTensors, written: Collection[str], *, may_lack: Callable[[str], bool]
    ) -> None:
        """Log which tensors have other names or shapes than those that a load makes.

        Args:
            named: The modules and tensors of the model that is saved.
            written: The names that are written, and the other names of the same tensors.
            may_lack: Whether a load does without the tensor of a name.
        """
        if any(has_flat_parameters(module) for _, module in named.modules):
            return  # the names are not those of the model's own tensors
        own = {_without_checkpointing(name): tensor for name, tensor in named.persistent.items()}
        shapes = {name: shape_of(tensor) for name, tensor in own.items()}
        verb = "cannot"
        if self.after_ties and (changes := _changes(shapes, self.after_ties)):
            reason = f", because its tie_weights() {', and '.join(changes)}. Call model.tie_weights() before the save."
        elif changes := self._differences(partial(_changes, shapes)):
            made = _reparametrized(walk_modules(self._new)) if self._new else []
            found = [name for name in _reparametrized(named.modules) if name not in made]
            reason = _about_reparametrized(found) if found else self._about_replaced(changes)
            verb = "cannot" if self._new else "may not be able to"
        elif any(load_pre_hooks(module) for _, module in named.modules):
            return  # they may translate and make what they like
        else:
            reason = self._about_names(own, written, may_lack)
        if reason:
            _logger.warning("%s.from_pretrained %s load what is saved%s", self.model_class.__name__, verb, reason)

    @cached_property
    def _new(self) -> nn.Module | None:
        """A new model without values, or None if its constructor needs them."""
        return construct_without_values(lambda: self.construct(copy.deepcopy(self.config)))

    def _differences(self, compare: Callable[[TensorLayout], list[_Difference]]) -> list[_Difference]:
        """Return how the model that is saved differs from a new one, which is made only if that is likely.

        Args:
            compare: Returns how it differs from a layout.
        """
        if self.constructed is None or not (self.has_other_config or compare(self.constructed)):
            return []
        return compare(layout_of(self._new) if self._new else self.constructed)

    def _error_about_tie(self, maker: str, pair: _Pair, remedy: str) -> ModelDefinitionError:
        name, other = pair
        return ModelDefinitionError(
            f"{maker} ties {name!r} to {other!r}, and they hold different values, so what is saved could not be "
            f"loaded. {remedy}",
            model_class=self.model_class,
        )

    def _about_replaced(self, changes: Sequence[str]) -> str:
        cause = "modules were added or replaced"
        remedy = (
            "Make them in the constructor, set the field of the config that gives these sizes, such as num_labels, or "
            "restore the model's own before the save, as by merging LoRA layers."
        )
        if self.has_other_config:
            cause = "fields of the config were changed"
            remedy = "Give them the values that fit the model, or give the model the modules that fit them."
        return f", because {cause} since the model was constructed: the constructor {', and '.join(changes)}. {remedy}"

    def _about_names(
        self, own: Mapping[str, torch.Tensor], written: Collection[str], may_lack: Callable[[str], bool]
    ) -> str:
        if added := [name for name in written if name not in own and not name.endswith("_extra_state")]:
            return (
                f", because state_dict hooks of the model write {shortened(added)}, and none of its tensors has that "
                "name. Undo that in a hook of register_load_state_dict_pre_hook."
            )
        left_out = [name for name in own if name not in written and not may_lack(name)]
        present = with_tied_names(own, written, self.declared.enabled) if left_out else set()
        if left_out := [name for name in left_out if name not in present]:
            return (
                f", because it asks for tensors that are not written: {shortened(left_out)}. Write them, or list them "
                "in _keys_to_ignore_on_load_missing as well if the constructor gives them their values."
            )
        return ""


def _pairs(groups: Iterable[Sequence[str]], names: Collection[str]) -> Iterator[_Pair]:
    """Yield each name of a tensor that is written under several, with the first of these."""
    for group in groups:
        first, *others = [name for name in group if name in names] or [""]
        yield from ((name, first) for name in others)


def _changes(shapes: Mapping[str, _Shape], layout: TensorLayout) -> list[str]:
    """Return how the tensors that a constructor made differ from others, in words."""
    made = {_without_checkpointing(name): shape for name, shape in layout.shapes.items()}
    added = [name for name in shapes if name not in made]
    removed = [name for name in made if name not in shapes]
    resized = [
        f"{name} {list(made[name] or ())} where the model has {list(shape or ())}"
        for name, shape in shapes.items()
        if name in made and _differ(shape, made[name])
    ]
    kinds = [("makes no", added), ("makes", removed), ("makes", resized)]
    return [f"{verb} {shortened(names)}" for verb, names in kinds if names]


def _without_checkpointing(name: str) -> str:
    """Return a name as it is in a state dict, in which activation checkpointing has no part."""
    return name.replace(f"{CHECKPOINTED_CHILD}.", "")


def _differ(shape: _Shape, made: _Shape) -> bool:
    """Return whether a tensor was replaced by one of another shape. DeepSpeed empties those that are elsewhere."""
    return shape != made and None not in (shape, made) and 0 not in (shape or ())


def _reparametrized(modules: Iterable[tuple[str, nn.Module]]) -> list[str]:
    return [prefix.removesuffix(".") for prefix, module in modules if is_reparametrized(module)]


def _about_reparametrized(names: Sequence[str]) -> str:
    return (
        " unless the constructor makes the weight norm, pruning or other parametrization of "
        f"{shortened(names) or 'the model'}. Make it in the constructor, or remove it before the save with "
        "torch.nn.utils.parametrize.remove_parametrizations(module, 'weight'), or remove_weight_norm, "
        "remove_spectral_norm or prune.remove for those of torch.nn.utils."
    )
