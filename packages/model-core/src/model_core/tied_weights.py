"""Weights that are one tensor under several names.

Ties that a constructor makes by assigning one parameter twice need nothing: they are seen by identity. A class may also
declare ties, `_tied_weights_keys = {"head.weight": "embedding.weight"}`, for `post_init()` and loading to make. A
config with `tie_word_embeddings=False` switches declared ties off, and so does a load that is told so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from model_core.errors import ModelDefinitionError
from model_core.module_tensors import persistent_tensors, replace_tensor, shape_of, walk_modules

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TIE_FIELD", "DeclaredTies", "declared_ties", "declares_ties", "tie_declared"]

_DECLARATION = "_tied_weights_keys"
# The field of a config that switches declared ties off.
TIE_FIELD = "tie_word_embeddings"


def declares_ties(model_class: type) -> bool:
    """Tell whether a model class declares ties."""
    return bool(getattr(model_class, _DECLARATION, None))


class DeclaredTies(NamedTuple):
    """The ties that a model and the models in it declare.

    Attributes:
        made: Name to the name of the tensor that it shall be.
        unmade: Those that a config switches off, likewise.
    """

    made: dict[str, str]
    unmade: dict[str, str]


def declared_ties(model: nn.Module) -> DeclaredTies:
    """Return the ties that a model and the models in it declare."""
    ties = DeclaredTies({}, {})
    modules = walk_modules(model)
    # Asking each module for an attribute that it lacks would be slow.
    declaring = {cls for cls in {type(module) for _, module in modules} if hasattr(cls, _DECLARATION)}
    for prefix, module in modules:
        declared = getattr(module, _DECLARATION) if type(module) in declaring or _DECLARATION in vars(module) else None
        if isinstance(declared, dict):
            wanted = getattr(getattr(module, "config", None), TIE_FIELD, True)
            (ties.made if wanted else ties.unmade).update(
                {prefix + name: prefix + other for name, other in declared.items()}
            )
    return ties


def tie_declared(model: nn.Module) -> None:
    """Make the declared ties: put the one parameter in the place of the other.

    Raises:
        ModelDefinitionError: A declaration names no tensor, or two of different shapes.
    """
    for name, other in declared_ties(model).made.items():
        tensors = persistent_tensors(model)
        for declared in (name, other):
            if declared not in tensors:
                raise ModelDefinitionError(
                    f"_tied_weights_keys names {declared!r}, and the model has no such tensor.", model_class=type(model)
                )
        if shape_of(tensors[name]) != shape_of(tensors[other]):
            raise ModelDefinitionError(
                f"_tied_weights_keys ties {name!r} of shape {shape_of(tensors[name])} to {other!r} of shape "
                f"{shape_of(tensors[other])}.",
                model_class=type(model),
            )
        replace_tensor(model, name, tensors[other])
