"""Which tensor of a checkpoint goes to which tensor of a model. Everything is decided from names, shapes and dtypes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import nn

from model_core.errors import ArgumentError, WeightsMismatchError
from model_core.load_report import LoadReport, Mismatch
from model_core.module_tensors import group_shared, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import torch

    from model_core.loading._checkpoint_reading import WeightSource
    from model_core.loading._placement import Placement
    from model_core.loading._safetensors_reading import StoredTensor

__all__ = ["Allowed", "LoadPlan", "NameRules", "Patterns", "check_plan", "plan_load"]

Patterns = bool | str | re.Pattern[str] | Iterable[str | re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class NameRules:
    """How names in a checkpoint become names in a model.

    Attributes:
        key_mapping: Regular expressions and their replacements; the first that is found in a name renames it.
        base_model_prefix: Attribute of the inner model in models with a head. Names are tried as they stand, then with
            `prefix.` before them, then without it.
        ignored_missing: Regular expressions; a name in which one is found may be absent without being reported.
        ignored_unexpected: Regular expressions; likewise for names that the model has no place for.
        tied: Names whose tensor is by the model's own declaration that of another: `{name: other}`.
        untied: Likewise, where the config switches that off: one may have the values of the other, and no more.
    """

    key_mapping: Mapping[str, str] = field(default_factory=dict)
    base_model_prefix: str = ""
    ignored_missing: tuple[str, ...] = ()
    ignored_unexpected: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)
    untied: Mapping[str, str] = field(default_factory=dict)

    def spellings(self, name: str) -> list[str]:
        """Return a name as it stands, with the prefix of the inner model, and without it."""
        if not self.base_model_prefix:
            return [name]
        prefix = f"{self.base_model_prefix}."
        return [name, prefix + name, name.removeprefix(prefix)]

    def place(self, name: str, tensors: Collection[str]) -> str | None:
        """Return the name in the model for a name in the checkpoint, or None if the model has no place for it.

        Raises:
            ArgumentError: A key of `key_mapping` is not a regular expression.
        """
        return _place(name, tensors, self)[0]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a load lets pass: the arguments of `from_pretrained` of the same names.

    Raises:
        ArgumentError: One of them holds no names.
    """

    allow_missing: Patterns = ()
    allow_unexpected: Patterns = ()
    ignore_mismatched_sizes: bool = False

    def __post_init__(self) -> None:
        for argument in ("allow_missing", "allow_unexpected"):
            object.__setattr__(self, argument, _listed(argument, getattr(self, argument)))


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A load that only has to be carried out.

    Attributes:
        targets: Name in the checkpoint to the name in the model that takes its values.
        repeats: Name in the checkpoint to the name in the checkpoint whose values it must have, since both are the same
            tensor in the model.
        shared: Name in the model to all names of the same tensor, where it has several.
        ties: Name in the model to the name of the tensor, loaded or kept, that is put in its place.
        copies: Name in the model to the name of the loaded tensor whose values it gets, in memory of its own.
        extra: Name of a module's extra state to the name in the checkpoint.
        report: What fits and what does not.
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
    """Match a checkpoint with a model.

    Args:
        tensors: The parameters and persistent buffers of the model, by name.
        source: The checkpoint.
        rules: How names are matched.
        placement: What dtype the values get.
        extra_states: Names of the extra state of modules, whose values have no shape that could be known before.

    Raises:
        ArgumentError: A key of `key_mapping` is not a regular expression.
    """
    rest, extra = dict(source.tensors), {}
    if extra_states:
        extra = {place: name for name in source.tensors if (place := rules.place(name, extra_states)) is not None}
        rest = {name: stored for name, stored in source.tensors.items() if name not in extra.values()}
    supplied, unexpected = _match_names(tensors, rest, rules)
    mismatched = [
        Mismatch(name, stored.shape, shape_of(tensors[name]) or (), stored.dtype, tensors[name].dtype)
        for name, stored in supplied.items()
        if not _fits(stored, tensors[name])
    ]
    unfit = {entry.name for entry in mismatched}
    fitting = {name: stored for name, stored in supplied.items() if name not in unfit} if unfit else supplied

    targets, repeats, shared = _share_out(tensors, fitting)
    reached = {*targets.values(), *(alias for names in shared.values() for alias in names)}
    # What the constructor made in place of unfit values, under all names that it has.
    groups = group_shared(tensors) if unfit else []
    kept = unfit.union(*(names for names in groups if not unfit.isdisjoint(names))) - reached
    ties = _ties(tensors, reached, kept, source.tied, rules)
    untied = rules.untied.items() | {(other, name) for name, other in rules.untied.items()}
    copies = dict(ties.items() & untied)
    accounted = reached | ties.keys() | kept
    missing = {
        name: shape_of(tensor) or ()
        for name, tensor in tensors.items()
        if name not in accounted and not _found(rules.ignored_missing, name)
    }
    missing |= {name: () for name in extra_states if name not in extra and not _found(rules.ignored_missing, name)}
    report = LoadReport(
        source=source.name,
        loaded=tuple(name for name in tensors if name in reached or ties.get(name) in reached),
        missing=missing,
        unexpected={
            name: source.tensors[name].shape for name in unexpected if not _found(rules.ignored_unexpected, name)
        },
        mismatched=tuple(mismatched),
        converted={
            name: (stored.dtype, dtype)
            for name, stored in fitting.items()
            if (dtype := placement.dtype_for(tensors[name], stored.dtype)) is not stored.dtype
        }
        if placement.dtype
        else {},
        files=_files_in_question(source, [*unexpected, *(supplied[name].name for name in unfit)], missing),
    )
    ties = {name: other for name, other in ties.items() if name not in copies}
    return LoadPlan(targets, repeats, shared, ties, copies, extra, report)


def _files_in_question(source: WeightSource, unfit: Iterable[str], missing: Collection[str]) -> tuple[str, ...]:
    """Return the files that do not fit: those that hold such tensors, or the only one if it lacks some."""
    files = {source.tensors[name].filename for name in unfit}
    if missing and not files:
        everything = {tensor.filename for tensor in source.tensors.values()}
        files = everything if len(everything) == 1 else set()
    return tuple(sorted(files - {""}))


def check_plan(plan: LoadPlan, allowed: Allowed, *, hint: Callable[[], str] = str) -> None:
    """Refuse a plan that leaves out what the caller did not allow it to.

    Args:
        plan: The plan.
        allowed: What may pass.
        hint: Gives further advice for the error, which is only asked for then.

    Raises:
        WeightsMismatchError: Something is missing, unexpected or mismatched; the error lists everything.
    """
    report = plan.report
    advice = []
    if any(not _allows(allowed.allow_missing, name) for name in report.missing):
        advice.append("allow_missing=[...] keeps the constructor's own values for tensors the checkpoint lacks")
    if any(not _allows(allowed.allow_unexpected, name) for name in report.unexpected):
        advice.append("allow_unexpected=[...] leaves out tensors the model has no place for")
    if report.mismatched and not allowed.ignore_mismatched_sizes:
        advice.append("ignore_mismatched_sizes=True keeps the constructor's own values where sizes or kinds differ")
    if advice:
        raise WeightsMismatchError(
            f"The weights do not fit the model, and nothing was loaded. If this is meant: {'; '.join(advice)}. The "
            f"lists take names, patterns such as 'head.*', or True for all. {hint()}".rstrip(),
            report=report,
        )


def _match_names(
    tensors: Mapping[str, torch.Tensor], stored: Mapping[str, StoredTensor], rules: NameRules
) -> tuple[dict[str, StoredTensor], list[str]]:
    """Return name in the model to tensor of the checkpoint, and the names in the checkpoint that are left over."""
    supplied: dict[str, StoredTensor] = {}
    if not rules.key_mapping:
        supplied = {name: entry for name, entry in stored.items() if name in tensors}
    placed = [(name, *_place(name, tensors, rules)) for name in stored if name not in supplied]
    left_over = set()
    # A name that fits as it stands goes before one that fits with or without the prefix.
    for name, target, _ in sorted(placed, key=lambda place: place[2]):
        if target is None or target in supplied:
            left_over.add(name)
        else:
            supplied[target] = stored[name]
    return supplied, [name for name in stored if name in left_over]


def _place(name: str, tensors: Collection[str], rules: NameRules) -> tuple[str | None, int]:
    """Return the name in the model for a name in the checkpoint, or None, and how far it was sought."""
    candidates = rules.spellings(_renamed(name, rules.key_mapping))
    return next(((name, number) for number, name in enumerate(candidates) if name in tensors), (None, len(candidates)))


def _renamed(name: str, key_mapping: Mapping[str, str]) -> str:
    for pattern, replacement in key_mapping.items():
        try:
            renamed, count = re.subn(pattern, replacement, name)
        except (re.error, TypeError) as error:
            raise ArgumentError(
                "key_mapping", {pattern: replacement}, allowed=f"regular expressions and replacements ({error})"
            ) from error
        if count:
            return renamed
    return name


def _fits(stored: StoredTensor, tensor: torch.Tensor) -> bool:
    """Tell whether stored values can be those of a tensor: same shape, and numbers of the same kind."""
    dtype = tensor.dtype
    if stored.dtype is not dtype and not (stored.dtype.is_floating_point and dtype.is_floating_point):
        return False
    return nn.parameter.is_lazy(tensor) or tensor.shape == stored.shape


def _share_out(
    tensors: Mapping[str, torch.Tensor], fitting: Mapping[str, StoredTensor]
) -> tuple[dict[str, str], dict[str, str], dict[str, tuple[str, ...]]]:
    """Give each tensor of the model, which may have several names, to one tensor of the checkpoint."""
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


def _ties(
    tensors: Mapping[str, torch.Tensor],
    reached: set[str],
    kept: set[str],
    recorded: Mapping[str, str],
    rules: NameRules,
) -> dict[str, str]:
    """Find absent tensors that are to be another one, loaded or kept, by the checkpoint's record or the declaration."""
    pairs = [
        (target, partner)
        for name, other in recorded.items()
        if (target := _place(name, tensors, rules)[0]) and (partner := _place(other, tensors, rules)[0])
    ]
    for name, other in rules.tied.items():
        pairs += [(name, other), (other, name)]
    ties: dict[str, str] = {}
    for name, other in pairs:
        absent = name in tensors and name not in reached and name not in ties
        there = other in reached or (other in kept and name not in kept)
        if absent and there and shape_of(tensors[name]) == shape_of(tensors[other]):
            ties[name] = other
    return ties


def _found(patterns: Iterable[str], name: str) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)


def _allows(patterns: Patterns, name: str) -> bool:
    """Tell whether a name is one of those that may be left out."""
    listed = _listed("patterns", patterns)
    if isinstance(listed, bool):
        return listed
    return any(
        pattern.search(name) is not None
        if isinstance(pattern, re.Pattern)
        else fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")
        for pattern in listed
    )


def _listed(argument: str, patterns: object) -> bool | tuple[str | re.Pattern[str], ...]:
    """Return patterns as a tuple, or the truth value that stands for all or none."""
    if isinstance(patterns, bool):
        return patterns
    if isinstance(patterns, (str, re.Pattern)):
        return (patterns,)
    listed = tuple(patterns) if isinstance(patterns, Iterable) else (patterns,)
    if not all(isinstance(pattern, (str, re.Pattern)) for pattern in listed):
        raise ArgumentError(argument, patterns, allowed="names, patterns such as 'head.*', or True for all")
    return listed
