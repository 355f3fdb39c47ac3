"""Planning a load: which tensor of a checkpoint goes to which tensor of a model.

Everything is decided from names, shapes and dtypes, before any value is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from model_core.load_report import LoadReport, Mismatch
from model_core.module_tensors import group_shared, shape_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    import torch

    from model_core.loading._name_rules import NameRules
    from model_core.loading._placement import Placement
    from model_core.loading._safetensors_file import StoredTensor
    from model_core.loading._weight_sources import WeightSource

__all__ = ["LoadPlan", "plan_load"]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What goes where in a load.

    Attributes:
        targets: Name in the checkpoint to the name in the model that gets its values.
        repeats: Name in the checkpoint to another name in the checkpoint that must have equal values, because both are
            one tensor in the model.
        shared: Name in the model to all names of the same tensor, for loaded tensors with several names.
        ties: Name in the model to the name of the tensor, loaded or kept, that is assigned in its place.
        copies: Name in the model to the name of the loaded tensor whose values it gets, in memory of its own.
        extra: Name of a module's extra state to its name in the checkpoint.
        report: What matches and what does not.
    """

    targets: dict[str, str]
    repeats: dict[str, str]
    shared: dict[str, tuple[str, ...]]
    ties: dict[str, str]
    copies: dict[str, str]
    extra: dict[str, str]
    report: LoadReport


def plan_load(
    tensors: Mapping[str, torch.Tensor],
    source: WeightSource,
    rules: NameRules,
    *,
    placement: Placement,
    extra_states: Collection[str] = (),
) -> LoadPlan:
    """Match the tensors of a checkpoint with those of a model.

    Args:
        tensors: The parameters and persistent buffers of the model, by name.
        source: The checkpoint.
        rules: How names are matched.
        placement: The dtype that values are converted to.
        extra_states: Names of the extra state of modules. Its shape is not known in advance.

    Raises:
        ArgumentError: A key of `key_mapping` is not a regular expression.
    """
    extra = _match_extra_state(source, rules, extra_states)
    stored = source.tensors
    if extra:
        stored = {name: entry for name, entry in stored.items() if name not in extra.values()}
    matched, unexpected = _match_names(tensors, stored, rules)
    mismatched = _find_mismatches(tensors, matched)
    differing = {entry.name for entry in mismatched}
    fitting = {name: entry for name, entry in matched.items() if name not in differing} if differing else matched

    targets, repeats, shared = _assign_targets(tensors, fitting)
    loaded = {*targets.values(), *(alias for names in shared.values() for alias in names)}
    kept = _with_aliases(tensors, differing) - loaded
    ties = _find_ties(tensors, loaded, kept, source.tied, rules)
    copies = dict(ties.items() & _in_both_directions(rules.ties.disabled))
    accounted = loaded | ties.keys() | kept
    missing = {name: shape_of(tensor) or () for name, tensor in tensors.items() if name not in accounted}
    missing |= {name: () for name in extra_states if name not in extra}
    missing = {name: shape for name, shape in missing.items() if not rules.ignores_missing(name)}
    report = LoadReport(
        source=source.name,
        loaded=tuple(name for name in tensors if name in loaded or ties.get(name) in loaded),
        missing=missing,
        unexpected={name: stored[name].shape for name in unexpected if not rules.ignores_unexpected(name)},
        mismatched=mismatched,
        converted=_find_conversions(tensors, fitting, placement),
        files=_files_to_blame(source, [*unexpected, *(matched[name].name for name in differing)], missing),
    )
    ties = {name: other for name, other in ties.items() if name not in copies}
    return LoadPlan(targets, repeats, shared, ties, copies, extra, report)


def _match_extra_state(source: WeightSource, rules: NameRules, extra_states: Collection[str]) -> dict[str, str]:
    """Return the names of extra state that the checkpoint holds, and their names there."""
    if not extra_states:
        return {}
    return {match: name for name in source.tensors if (match := rules.match(name, extra_states)) is not None}


def _match_names(
    tensors: Mapping[str, torch.Tensor], stored: Mapping[str, StoredTensor], rules: NameRules
) -> tuple[dict[str, StoredTensor], list[str]]:
    """Return the tensors of the checkpoint by their names in the model, and the names that match nothing."""
    matched: dict[str, StoredTensor] = {}
    if not rules.key_mapping:
        matched = {name: entry for name, entry in stored.items() if name in tensors}
    others = [(name, *rules.ranked_match(name, tensors)) for name in stored if name not in matched]
    unexpected = set()
    # A name that matches unchanged takes precedence over one that matches with or without the prefix.
    for name, match, _ in sorted(others, key=lambda other: other[2]):
        if match is None or match in matched:
            unexpected.add(name)
        else:
            matched[match] = stored[name]
    return matched, [name for name in stored if name in unexpected]


def _find_mismatches(tensors: Mapping[str, torch.Tensor], matched: Mapping[str, StoredTensor]) -> tuple[Mismatch, ...]:
    return tuple(
        Mismatch(name, stored.shape, shape_of(tensors[name]) or (), stored.dtype, tensors[name].dtype)
        for name, stored in matched.items()
        if not _fits(stored, tensors[name])
    )


def _fits(stored: StoredTensor, tensor: torch.Tensor) -> bool:
    """Return whether the shapes are equal and the dtypes are equal or both floating-point."""
    dtype = tensor.dtype
    if stored.dtype is not dtype and not (stored.dtype.is_floating_point and dtype.is_floating_point):
        return False
    return nn.parameter.is_lazy(tensor) or tensor.shape == stored.shape


def _assign_targets(
    tensors: Mapping[str, torch.Tensor], fitting: Mapping[str, StoredTensor]
) -> tuple[dict[str, str], dict[str, str], dict[str, tuple[str, ...]]]:
    """Return `targets`, `repeats` and `shared` of a plan: each tensor of the model is loaded once."""
    targets = {stored.name: name for name, stored in fitting.items()}
    repeats: dict[str, str] = {}
    shared: dict[str, tuple[str, ...]] = {}
    for names in group_shared(tensors):
        given = [name for name in names if name in fitting]
        if not given:
            continue
        first, *others = given
        shared[first] = tuple(names)
        for name in others:
            del targets[fitting[name].name]
            repeats[fitting[name].name] = fitting[first].name
    return targets, repeats, shared


def _with_aliases(tensors: Mapping[str, torch.Tensor], names: set[str]) -> set[str]:
    """Return names together with all other names of the same tensors."""
    if not names:
        return names
    return names.union(*(group for group in group_shared(tensors) if not names.isdisjoint(group)))


def _find_ties(
    tensors: Mapping[str, torch.Tensor],
    loaded: set[str],
    kept: set[str],
    recorded: Mapping[str, str],
    rules: NameRules,
) -> dict[str, str]:
    """Return tensors that the checkpoint lacks because they are tied to another one, which is loaded or kept.

    Args:
        tensors: The tensors of the model.
        loaded: Names of those that the checkpoint has.
        kept: Names of those that do not match and keep the constructor's values.
        recorded: The ties that the checkpoint records.
        rules: How names are matched, and the ties that the model declares.
    """
    pairs = [
        (target, partner)
        for name, other in recorded.items()
        if (target := rules.match(name, tensors)) and (partner := rules.match(other, tensors))
    ]
    for name, other in rules.ties.enabled.items():
        pairs += [(name, other), (other, name)]
    ties: dict[str, str] = {}
    for name, other in pairs:
        is_absent = name in tensors and name not in loaded and name not in ties
        has_partner = other in loaded or (other in kept and name not in kept)
        if is_absent and has_partner and shape_of(tensors[name]) == shape_of(tensors[other]):
            ties[name] = other
    return ties


def _in_both_directions(ties: Mapping[str, str]) -> AbstractSet[tuple[str, str]]:
    return ties.items() | {(other, name) for name, other in ties.items()}


def _find_conversions(
    tensors: Mapping[str, torch.Tensor], fitting: Mapping[str, StoredTensor], placement: Placement
) -> dict[str, tuple[torch.dtype, torch.dtype]]:
    """Return the loaded tensors whose dtype changes, with both dtypes."""
    if placement.dtype is None:
        return {}
    return {
        name: (stored.dtype, dtype)
        for name, stored in fitting.items()
        if (dtype := placement.dtype_for(tensors[name], stored.dtype)) is not stored.dtype
    }


def _files_to_blame(source: WeightSource, names: Iterable[str], missing: Collection[str]) -> tuple[str, ...]:
    """Return the files that hold these tensors; if there are none but some are missing, the only file."""
    files = {source.tensors[name].filename for name in names}
    if missing and not files:
        all_files = {tensor.filename for tensor in source.tensors.values()}
        files = all_files if len(all_files) == 1 else set()
    return tuple(sorted(files - {""}))
