"""The names of a state dict that is saved: those of the model, or the save is refused.

A wrapper such as `DistributedDataParallel`, or a module that `torch.compile` returns, adds parts to the names in its
state dict. These are removed. Everything else that does not match the model could not be loaded again.
"""

from __future__ import annotations

from collections import defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from model_core.errors import StateDictError
from model_core.module_tensors import group_shared, shape_of, without_wrappers, wrapper_prefixes
from model_core.state_dicts import about_missing_buffers
from model_core.torch_dtypes import is_convertible
from model_core.torch_internals import has_flat_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["match_state_dict", "own_state_dict", "with_tied_names"]

# Parts of names that nothing else is called: of torch.compile, FSDP and activation checkpointing.
_WRAPPER_PARTS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
# Of data-parallel wrappers and `AveragedModel`; an author may call a layer so, too.
_MODULE = "module"
_AVERAGED_COUNT = "n_averaged"
_MAX_LISTED = 8


def own_state_dict(model: nn.Module) -> dict[str, Any]:
    """Return the state dict of a model, without what wrappers inside it add to names."""
    state_dict: dict[str, Any] = model.state_dict(keep_vars=True)
    if prefixes := wrapper_prefixes(model):
        return {without_wrappers(name, prefixes): value for name, value in state_dict.items()}
    return state_dict


def match_state_dict(
    model: nn.Module, given: Mapping[str, Any], *, may_lack: Callable[[str], bool], ties: Mapping[str, str]
) -> dict[str, Any]:
    """Return the state dict of a caller under the names of the model.

    Args:
        model: The model.
        given: The state dict, which is not changed. It may be that of a wrapper around the model.
        may_lack: Whether it may lack the tensor of a name.
        ties: The ties that the model declares.

    Raises:
        StateDictError: It has names that the model does not have, lacks some, or has other shapes.
    """
    if any(has_flat_parameters(module) for module in model.modules()):
        # The model's own names are not known, and asking for them would make the processes talk to each other.
        return {_without(name, _WRAPPER_PARTS): value for name, value in given.items()}
    own = own_state_dict(model)
    targets = _match_names(given, own)
    matched = {targets[name]: value for name, value in given.items() if name in targets}
    is_average = _AVERAGED_COUNT in given and any(name.startswith(f"{_MODULE}.") for name in given)
    unexpected = [name for name in given if name not in targets and not (is_average and name == _AVERAGED_COUNT)]
    present = with_tied_names(own, matched, ties)
    missing = [name for name in own if name not in present and not may_lack(name)]
    mismatched = [name for name, value in matched.items() if not _fits(value, own[name])]
    if unexpected or missing or mismatched:
        problem = _describe(model, own, matched, unexpected=unexpected, missing=missing, mismatched=mismatched)
        raise StateDictError(problem, unexpected=unexpected, missing=missing, mismatched=mismatched)
    return matched


def _match_names(given: Iterable[str], own: Collection[str]) -> dict[str, str]:
    """Return the names of a state dict that stand for names of the model, and these."""
    plain = {name: _without(name, _WRAPPER_PARTS) for name in given}
    inner = {name: text.removeprefix(f"{_MODULE}.") for name, text in plain.items() if text.startswith(f"{_MODULE}.")}
    wraps_all = plain.keys() - inner.keys() <= {_AVERAGED_COUNT}
    if inner and wraps_all and len(set(inner.values())) == len(inner) and all(text in own for text in inner.values()):
        return inner
    sources: dict[str, str] = {}
    for name, text in plain.items():
        if text in own:
            sources.setdefault(text, name)
    targets = {name: text for text, name in sources.items()}
    if len(targets) == len(plain):
        return targets
    free: dict[str, list[str]] = defaultdict(list)
    for name in set(own).difference(targets.values()):
        free[_without(name, {_MODULE})].append(name)
    for name, text in plain.items():
        if name not in targets and len(candidates := free.get(_without(text, {_MODULE}), [])) == 1:
            targets[name] = candidates.pop()
    return targets


def _without(name: str, parts: Collection[str]) -> str:
    return ".".join(part for part in name.split(".") if part not in parts)


def with_tied_names(own: Mapping[str, Any], names: Iterable[str], ties: Mapping[str, str]) -> set[str]:
    """Return names together with the other names of the same tensors.

    Args:
        own: The state dict of a model.
        names: Some of its names.
        ties: The ties that the model declares.
    """
    present = set(names)
    groups = group_shared({name: value for name, value in own.items() if isinstance(value, torch.Tensor)})
    for group in [*groups, *map(list, ties.items())]:
        if not present.isdisjoint(group):
            present.update(group)
    return present


def _fits(value: Any, own: Any) -> bool:
    """Return whether a value can be loaded in place of the model's own."""
    if not (isinstance(value, torch.Tensor) and isinstance(own, torch.Tensor)):
        return True
    if nn.parameter.is_lazy(own) or own.numel() == 0:  # DeepSpeed empties parameters that are elsewhere
        return True
    can_convert = is_convertible(value.dtype) and is_convertible(own.dtype)
    return value.shape == own.shape and (value.dtype == own.dtype or can_convert)


def _describe(
    model: nn.Module,
    own: Mapping[str, Any],
    matched: Mapping[str, Any],
    *,
    unexpected: list[str],
    missing: list[str],
    mismatched: list[str],
) -> str:
    problem = f"The state_dict does not match {type(model).__qualname__}, so what is saved could not be loaded."
    lines = [f"{problem} Pass all tensors of the model, under the names of model.state_dict()."]
    if unexpected:
        guesses = {name: get_close_matches(name, missing or own, n=1) for name in unexpected[:_MAX_LISTED]}
        lines.append(
            f"  not in the model: {_listed(unexpected, lambda name: ''.join(f' (near {g})' for g in guesses[name]))}"
        )
    if missing:
        lines.append(f"  missing: {_listed(missing, lambda _: '')}")
        if not (unexpected or mismatched) and (reason := about_missing_buffers(own[name] for name in missing)):
            lines.append(f"  {reason.capitalize()}: pass model.state_dict().")
    if mismatched:
        lines.append(
            "  different: "
            + _listed(mismatched, lambda name: f" ({_kind(matched[name])} for {_kind(own[name])} in the model)")
        )
    if not matched and not unexpected:
        lines.append(
            "  It is empty, as get_model_state_dict with full_state_dict=True returns it in all processes but one: "
            "pass is_main_process=(rank == 0)."
        )
    if change := _change_of_prefix(unexpected, own):
        lines.append(f"  Pass state_dict={{{change}: value for name, value in state_dict.items()}}.")
    return "\n".join(lines)


def _change_of_prefix(names: list[str], own: Collection[str]) -> str:
    """Return Python code for the change of a prefix that makes all of these names the model's, or `""`."""
    first = names[0] if names else ""
    surplus = next((first.removesuffix(name) for name in own if first.endswith(f".{name}")), "")
    if surplus and all(name.startswith(surplus) and name.removeprefix(surplus) in own for name in names):
        return f"name.removeprefix({surplus!r})"
    lacking = next((name.removesuffix(first) for name in own if first and name.endswith(f".{first}")), "")
    if lacking and all(lacking + name in own for name in names):
        return f"{lacking!r} + name"
    return ""


def _listed(names: list[str], note: Callable[[str], str]) -> str:
    shown = ", ".join(f"{name:.200}{note(name)}" for name in names[:_MAX_LISTED])
    return shown if len(names) <= _MAX_LISTED else f"{shown} and {len(names) - _MAX_LISTED} more"


def _kind(tensor: torch.Tensor) -> str:
    return f"{shape_of(tensor)} {str(tensor.dtype).removeprefix('torch.')}"
