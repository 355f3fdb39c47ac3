"""Tied weights: one tensor under several names.

Ties that a constructor makes, by assigning one parameter twice, need no declaration: they are found by identity. A
class may also declare ties, `_tied_weights_keys = {"head.weight": "embedding.weight"}`, or make them in a method
`tie_weights`. Every load makes both, and so does `post_init()`. `tie_word_embeddings=False`, in the config or passed to
a load, switches declared ties off.
"""

from __future__ import annotations

import inspect
import re
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from model_core.declarations import declared_ties_of
from model_core.errors import ModelDefinitionError
from model_core.module_tensors import (
    all_tensors,
    layout_of,
    named_tensors,
    persistent_tensors,
    replace_tensor,
    shape_of,
    walk_modules,
)
from model_core.tensor_memory import equal_bytes
from model_core.torch_internals import twin_on_meta

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from model_core.module_tensors import TensorLayout

__all__ = [
    "TIE_FIELD",
    "DeclaredTies",
    "declared_ties",
    "declares_ties",
    "layout_after_ties",
    "make_ties",
    "tie_declared",
]

_DECLARATION = "_tied_weights_keys"
_PLAIN_NAME = re.compile(r"[\w.]+")
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


def declared_ties(model: nn.Module, modules: Sequence[tuple[str, nn.Module]] | None = None) -> DeclaredTies:
    """Return the ties that a model and its submodels declare.

    Args:
        model: The model.
        modules: Its modules with their prefixes, if they are known.

    Raises:
        ModelDefinitionError: A declaration that an instance or a property holds has the wrong type.
    """
    ties = DeclaredTies({}, {})
    modules = walk_modules(model) if modules is None else modules
    # Looking up a missing attribute on every module would be slow.
    declaring = {cls for cls in {type(module) for _, module in modules} if hasattr(cls, _DECLARATION)}
    for prefix, module in modules:
        if type(module) not in declaring and _DECLARATION not in vars(module):
            continue
        enabled = getattr(getattr(module, "config", None), TIE_FIELD, True)
        declared = declared_ties_of(module)
        expanded = _expanded(declared, persistent_tensors(module)) if declared else {}
        (ties.enabled if enabled else ties.disabled).update(
            {prefix + name: prefix + other for name, other in expanded.items()}
        )
    return ties


def _expanded(declared: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return ties of tensors for ties that modules or regular expressions declare, as in transformers 5.

    A declaration that names tensors, or that stands for none or not for as many on both sides, is left as it is. An
    expression may stand for none: a model with a single layer has none to tie to the first.
    """
    ties: dict[str, str] = {}
    for name, other in declared.items():
        targets, sources = _declared_names(name, names), _declared_names(other, names)
        is_mistaken = not targets and _PLAIN_NAME.fullmatch(name)
        if is_mistaken or not sources or len(targets) % len(sources):
            targets, sources = [name], [other]
        for target, source in zip(targets, cycle(sources), strict=False):
            if target != source:
                ties[target] = ties.get(source, source)
    return ties


def _declared_names(declared: str, names: Collection[str]) -> list[str]:
    """Return the tensor of this name, or those whose names begin with it as a regular expression."""
    if declared in names:
        return [declared]
    try:
        pattern = re.compile(declared)
    except re.error:
        return []
    return sorted(name for name in names if pattern.match(name))


def tie_declared(model: nn.Module, modules: Sequence[tuple[str, nn.Module]] | None = None) -> None:
    """Make the declared ties by assigning one parameter in place of the other.

    Args:
        model: The model.
        modules: Its modules with their prefixes, if they are known.

    Raises:
        ModelDefinitionError: A declared name is not a tensor of the model, or the shapes differ.
    """
    ties = declared_ties(model, modules).enabled
    tensors = persistent_tensors(model) if ties else {}
    for name, other in ties.items():
        for declared in (name, other):
            if declared not in tensors:
                raise ModelDefinitionError(
                    f"_tied_weights_keys names {declared!r}, but the model has no such tensor.", model_class=type(model)
                )
        one, partner = tensors[name], tensors[other]
        if one is partner:
            continue
        if shape_of(one) != shape_of(partner):
            raise ModelDefinitionError(
                f"_tied_weights_keys ties {name!r} of shape {shape_of(one)} to {other!r} of shape {shape_of(partner)}.",
                model_class=type(model),
            )
        if isinstance(one, nn.Parameter) == isinstance(partner, nn.Parameter):
            replace_tensor(model, name, partner)
            tensors[name] = partner
        else:  # a parameter and a buffer can only share memory
            one.data = partner.detach()


def make_ties(
    model: nn.Module,
    base: type[nn.Module],
    *,
    modules: Sequence[tuple[str, nn.Module]] | None = None,
    missing: Collection[str] | None = None,
) -> list[torch.Tensor]:
    """Call the `tie_weights` that authors wrote for a model and the models inside it, then make the declared ties.

    Args:
        model: The model.
        base: The class whose own `tie_weights` makes the declared ties and is not called.
        modules: The modules of the model with their prefixes, if they are known.
        missing: After a load, the names of the tensors that the checkpoint lacks.

    Returns:
        The tensors that these methods made after a load, which it has not placed yet.

    Raises:
        ModelDefinitionError: A declared name is not a tensor of the model, or the shapes differ.
    """
    modules = walk_modules(model) if modules is None else modules
    made: list[torch.Tensor] = []
    if written := _classes_that_tie(modules, base):
        before = None if missing is None else named_tensors(model)
        for prefix, module in reversed(modules):
            if type(module) in written:
                _call_tie_weights(module, None if missing is None else _inside(prefix, missing))
        if before is not None:
            _put_back(
                model, {name: tensor for name, tensor in before.persistent.items() if name not in (missing or ())}
            )
            known = set(map(id, before.all().values()))
            made = [tensor for tensor in all_tensors(model) if id(tensor) not in known]
    tie_declared(model, modules)
    return made


def _put_back(model: nn.Module, loaded: Mapping[str, torch.Tensor]) -> None:
    """Put loaded tensors back in place of new ones with other values, since a method may make its modules anew."""
    known = {id(tensor) for tensor in loaded.values()}
    for name, tensor in persistent_tensors(model).items() if loaded else ():
        old = loaded.get(name)
        if old is not None and id(tensor) not in known and not equal_bytes(tensor, old):
            replace_tensor(model, name, old)


def layout_after_ties(
    model: nn.Module, base: type[nn.Module], modules: Sequence[tuple[str, nn.Module]]
) -> TensorLayout | None:
    """Return the layout that the tensors of a model have after the `tie_weights` of authors, or None.

    The model is not changed: the methods are called on a twin of it without values. One that raises an error there
    tells nothing.

    Args:
        model: The model.
        base: As for `make_ties`.
        modules: As for `make_ties`.
    """
    if not _classes_that_tie(modules, base):
        return None
    try:
        twin = twin_on_meta(model)
        with torch.device("meta"):
            make_ties(twin, base)
    except Exception:  # noqa: BLE001 - the author's code may need values
        return None
    return layout_of(twin)


def _classes_that_tie(modules: Sequence[tuple[str, nn.Module]], base: Any) -> set[type]:
    """Return the classes of models that have a `tie_weights` of their author's."""
    classes: set[Any] = {type(module) for _, module in modules}
    return {cls for cls in classes if issubclass(cls, base) and cls.tie_weights is not base.tie_weights}


def _inside(prefix: str, names: Collection[str]) -> set[str]:
    """Return the names of tensors in one module, as they are there."""
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def _call_tie_weights(module: Any, missing: set[str] | None) -> None:
    """Call `tie_weights`, with the arguments that transformers 5 passes if it takes them."""
    tie_weights = module.tie_weights
    arguments: dict[str, Any] = {} if missing is None else {"missing_keys": missing, "recompute_mapping": False}
    if arguments:
        parameters = inspect.signature(tie_weights).parameters
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            arguments = {name: value for name, value in arguments.items() if name in parameters}
    tie_weights(**arguments)
