"""Ties that every load makes and that do not exist in the model: no load accepts two values for one tensor.

The class may declare them, `tie_weights` may make them, or the constructor, by assigning one parameter twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_core.errors import ModelDefinitionError
from model_core.tensor_memory import equal_bytes
from model_core.tied_weights import TIE_FIELD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import torch

    from model_core.module_tensors import TensorLayout
    from model_core.saving._expected_model import ExpectedModel

__all__ = ["check_ties_hold"]

_TO_CALL = (
    "To tie them, call self.post_init() at the end of __init__, or model.tie_weights(). To keep declared ones apart, "
    f"set model.config.{TIE_FIELD} = False."
)
_TO_ASSIGN = (
    "To tie them, assign one of the two in place of the other before the save. To keep them apart, make two tensors in "
    "the constructor, or let it tie them only if a field of the config says so."
)
_Pair = tuple[str, str]


def check_ties_hold(tensors: Mapping[str, torch.Tensor], expected: ExpectedModel) -> None:
    """Check that tensors which a load ties have equal values.

    Args:
        tensors: What is written.
        expected: What a load will make.

    Raises:
        ModelDefinitionError: Two of them have different values.
    """
    declared, after_ties = expected.declared, expected.after_ties
    disabled = [*map(set, declared.disabled.items())]

    def apart_in(layout: TensorLayout) -> list[_Pair]:
        return [pair for pair in _apart(_pairs(layout.ties, tensors), tensors) if {*pair} not in disabled]

    if apart := _apart(declared.enabled.items(), tensors):
        raise _error(expected.model_class, "_tied_weights_keys", apart[0], _TO_CALL)
    if after_ties and (apart := _apart(_pairs(after_ties.ties, tensors), tensors)):
        raise _error(expected.model_class, "tie_weights()", apart[0], _TO_CALL)
    if apart := expected.differences(apart_in):
        raise _error(expected.model_class, "the constructor", apart[0], _TO_ASSIGN)


def _pairs(groups: Iterable[Sequence[str]], names: Collection[str]) -> Iterator[_Pair]:
    """Yield each name of a tensor that is written under several, with the first of these."""
    for group in groups:
        first, *others = [name for name in group if name in names] or [""]
        yield from ((name, first) for name in others)


def _apart(pairs: Iterable[_Pair], tensors: Mapping[str, torch.Tensor]) -> list[_Pair]:
    """Return the pairs of tensors whose values differ."""
    return [
        (name, other)
        for name, other in pairs
        if name in tensors and other in tensors and not equal_bytes(tensors[name], tensors[other])
    ]


def _error(model_class: type, maker: str, pair: _Pair, remedy: str) -> ModelDefinitionError:
    name, other = pair
    return ModelDefinitionError(
        f"{maker} ties {name!r} to {other!r}, and they hold different values, so what is saved could not be loaded. "
        f"{remedy}",
        model_class=model_class,
    )
