"""Planning a load: which tensor of a checkpoint goes to which tensor of a model.

Everything is decided from names, shapes and dtypes, before any value is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_core.load_report import LoadReport, Mismatch
from model_core.module_tensors import group_shared, shape_of
from model_core.torch_dtypes import is_convertible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch

    from model_core.loading._name_rules import NameRules, NameTranslation
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
        copies: Name in the model to the name of the loaded tensor whose values it gets, in memory of its own.
        extra: Name of a module's extra state to its name in the checkpoint.
        report: What matches and what does not.
    """

    targets: dict[str, str]
    repeats: dict[str, str]
    shared: dict[str, tuple[str, ...]]
    copies: dict[str, str]
    extra: dict[str, str]
    report: LoadReport


def plan_load(
    tensors: Mapping[str, torch.Tensor],
    source: WeightSource,
    rules: NameRules,
    names: NameTranslation,
    *,
    placement: Placement,
    extra_states: Collection[str] = (),
) -> LoadPlan:
    """Match the tensors of a checkpoint with those of a model.

    Args:
        tensors: The parameters and persistent buffers of the model, by name.
        source: The checkpoint.
        rules: Which names are ignored, and which ties the model declares.
        names: How names in the checkpoint become names in the model.
        placement: The dtype that values are converted to.
        extra_states: Names of the extra state of modules. Its shape is not known in advance.
    """
    extra = _match_extra_state(source, names, extra_states)
    stored = source.tensors
    if extra:
        stored = {name: entry for name, entry in stored.items() if name not in extra.values()}
    matched, unexpected = _match_names(tensors, stored, names)
    mismatched = _find_mismatches(tensors, matched)
    differing = {entry.name for entry in mismatched}
    fitting = {name: entry for name, entry in matched.items() if name not in differing} if differing else matched

    targets, repeats, shared = _assign_targets(tensors, fitting)
    loaded = {*targets.values(), *(alias for names in shared.values() for alias in names)}
    kept = _with_aliases(tensors, differing) - loaded
    recorded = _recorded_ties(tensors, source, names)
    copies = _find_copies(tensors, loaded, recorded)
    # The tensor that the file has in its place does not match: that is what the report says.
    kept |= {name for name, other in recorded if other in kept and name not in loaded}
    accounted = loaded | copies.keys() | kept
    missing = {name: shape_of(tensor) or () for name, tensor in tensors.items() if name not in accounted}
    missing |= {name: () for name in extra_states if name not in extra}
    missing = {name: shape for name, shape in missing.items() if not rules.ignores_missing(name)}
    report = LoadReport(
        source=source.name,
        loaded=tuple(name for name in tensors if name in loaded or name in copies),
        missing=missing,
        unexpected={
            name: stored[name].shape for name in unexpected if not rules.ignores_unexpected(name, names.to_model(name))
        },
        mismatched=mismatched,
        converted=_find_conversions(tensors, fitting, placement),
        copied=copies,
        files=_files_to_blame(source, [*unexpected, *(matched[name].name for name in differing)], missing),
    )
    return LoadPlan(targets, repeats, shared, copies, extra, report)


def _match_extra_state(source: WeightSource, names: NameTranslation, extra_states: Collection[str]) -> dict[str, str]:
    """Return the names of extra state that the checkpoint holds, and their names there."""
    if not extra_states:
        return {}
    return {match: name for name in source.tensors if (match := names.to_model(name)) in extra_states and match}


def _match_names(
    tensors: Mapping[str, torch.Tensor], stored: Mapping[str, StoredTensor], names: NameTranslation
) -> tuple[dict[str, StoredTensor], list[str]]:
    """Return the tensors of the checkpoint by their names in the model, and the names that match nothing."""
    if names.is_identity:
        return (
            {name: entry for name, entry in stored.items() if name in tensors},
            [name for name in stored if name not in tensors],
        )
    matched: dict[str, StoredTensor] = {}
    unexpected = set()
    translated = [(name, names.to_model(name)) for name in stored]
    # Of two names that become one, that which is renamed takes precedence: somebody has said what it is.
    for name, match in sorted(translated, key=lambda pair: pair[0] == pair[1]):
        if match is None or match not in tensors or match in matched:
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
    """Return whether the shapes are equal, and the dtypes are equal or can be converted."""
    dtype = tensor.dtype
    if stored.dtype is not dtype and not (is_convertible(stored.dtype) and is_convertible(dtype)):
        return False
    return shape_of(tensor) in (None, stored.shape)


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


def _recorded_ties(
    tensors: Mapping[str, torch.Tensor], source: WeightSource, names: NameTranslation
) -> list[tuple[str, str]]:
    """Return the ties that the checkpoint records, as names of the model."""
    pairs = [(names.to_model(name), names.to_model(other)) for name, other in source.tied.items()]
    return [(name, other) for name, other in pairs if name in tensors and other in tensors and name and other]


def _find_copies(
    tensors: Mapping[str, torch.Tensor], loaded: set[str], recorded: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Return tensors that were saved as one with another tensor, which is loaded, and are two in the model."""
    return {
        name: other
        for name, other in recorded
        if name not in loaded and other in loaded and shape_of(tensors[name]) == shape_of(tensors[other])
    }


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
