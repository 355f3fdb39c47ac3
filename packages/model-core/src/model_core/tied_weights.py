"""Tied weights: one tensor under several names.

Ties that a constructor makes, by assigning one parameter twice, need no declaration: they are found by identity. A
class may also declare ties, `_tied_weights_keys = {"head.weight": "embedding.weight"}`, which `post_init()` and loading
then make. `tie_word_embeddings=False`, in the config or passed to a load, switches declared ties off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from model_core.errors import ModelDefinitionError
from model_core.module_tensors import persistent_tensors, replace_tensor, shape_of, walk_modules

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TIE_FIELD", "DeclaredTies", "declared_ties", "declares_ties", "tie_declared"]

_DECLARATION = "_tied_weights_keys"
# The config field that switches declared ties off.
TIE_FIELD = "tie_word_embeddings"


def declares_ties(model_class: type) -> bool:
    """Return whether a model class declares ties."""
    return bool(getattr(model_class, _DECLARATION, None))


class DeclaredTies(NamedTuple):
    """The ties that a model and its submodels declare: each name, and the name of the tensor it is tied to.

    Attributes:
        enabled: The ties to make.
        disabled: The ties that a config switches off.
    """

    enabled: dict[str, str]
    disabled: dict[str, str]


def declared_ties(model: nn.Module) -> DeclaredTies:
    """Return the ties that a model and its submodels declare."""
    ties = DeclaredTies({}, {})
    modules = walk_modules(model)
    # Looking up a missing attribute on every module would be slow.
    declaring = {cls for cls in {type(module) for _, module in modules} if hasattr(cls, _DECLARATION)}
    for prefix, module in modules:
        declared = getattr(module, _DECLARATION) if type(module) in declaring or _DECLARATION in vars(module) else None
        if isinstance(declared, dict):
            enabled = getattr(getattr(module, "config", None), TIE_FIELD, True)
            (ties.enabled if enabled else ties.disabled).update(
                {prefix + name: prefix + other for name, other in declared.items()}
            )
    return ties


def tie_declared(model: nn.Module) -> None:
    """Make the declared ties by assigning one parameter in place of the other.

    Raises:
        ModelDefinitionError: A declared name is not a tensor of the model, or the shapes differ.
    """
    for name, other in declared_ties(model).enabled.items():
        tensors = persistent_tensors(model)
        for declared in (name, other):
            if declared not in tensors:
                raise ModelDefinitionError(
                    f"_tied_weights_keys names {declared!r}, but the model has no such tensor.", model_class=type(model)
                )
        if shape_of(tensors[name]) != shape_of(tensors[other]):
            raise ModelDefinitionError(
                f"_tied_weights_keys ties {name!r} of shape {shape_of(tensors[name])} to {other!r} of shape "
                f"{shape_of(tensors[other])}.",
                model_class=type(model),
            )
        replace_tensor(model, name, tensors[other])
