"""Loading the weights of a checkpoint into a model that has been constructed."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from config_core.code import served_names_of
from config_core.errors import CheckpointChangedError
from config_core.messages import escaping_logger
from model_core.construction import construct_without_values
from model_core.declarations import kept_in_float32
from model_core.errors import ModelDefinitionError
from model_core.load_report import shortened
from model_core.loading._allowed_differences import check_report
from model_core.loading._load_plan import plan_load
from model_core.loading._mismatch_advice import advise
from model_core.loading._model_config import mismatch_hint
from model_core.loading._module_hooks import extra_states, run_post_hooks, run_pre_hooks
from model_core.loading._name_rules import decide_names
from model_core.loading._placement import Placement
from model_core.loading._weight_assignment import assign_weights
from model_core.loading._weight_sources import reading_weights
from model_core.module_tensors import group_shared, named_tensors, persistent_tensors
from model_core.tensor_memory import has_values
from model_core.torch_internals import is_distributed_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig
    from model_core.construction import DeferredConstruction
    from model_core.load_report import LoadReport
    from model_core.loading._allowed_differences import AllowedDifferences
    from model_core.loading._mismatch_advice import MismatchAdvice
    from model_core.loading._name_rules import NameRules, NameTranslation
    from model_core.loading._weight_sources import WeightSource
    from model_core.module_tensors import NamedTensors

__all__ = ["load_weights", "ways_to_load"]

_logger = escaping_logger(__name__)


def load_weights(
    model: nn.Module,
    named: NamedTensors,
    weights: WeightSource,
    *,
    deferred: DeferredConstruction,
    rules: NameRules,
    placement: Placement,
    allowed: AllowedDifferences,
    checkpoint: Checkpoint | None,
    construct: Callable[[PretrainedConfig], nn.Module],
    tie: Callable[[Collection[str]], list[torch.Tensor]],
) -> LoadReport:
    """Match the weights of a checkpoint with a model, check the result, and only then assign values.

    Args:
        model: The model, as it was constructed.
        named: Its modules and tensors.
        weights: The weights.
        deferred: The initialisation that construction has left out so far.
        rules: How names are matched.
        placement: The dtype and device of the tensors.
        allowed: Which differences the caller allows.
        checkpoint: The checkpoint of the weights; None if they come from a state dict.
        construct: Makes a model like this one, of another config.
        tie: Makes the ties of the model again, given the names of the tensors that the checkpoint lacks, and returns
            the tensors that it had to make.

    Returns:
        What matched and what did not.

    Raises:
        WeightsMismatchError: Checkpoint and model differ in a way that the caller does not allow.
        WeightsFileError: A file is damaged, or the checkpoint was saved to in the meantime.
        ModelDefinitionError: The constructor made tensors that cannot take values.
    """
    _check_can_be_filled(model, named)
    states = extra_states(named.modules)
    with reading_weights(checkpoint):
        names = decide_names(rules, weights, named.persistent)
        weights, names = run_pre_hooks(named.modules, weights, named.persistent, names)

        plan = plan_load(named.persistent, weights, rules, names, placement=placement, extra_states=states)
        check_report(
            plan.report,
            allowed,
            model_class=type(model),
            advise=lambda: _advise(model, named, weights, rules, names, report=plan.report, construct=construct),
            collisions={
                name: rivals
                for name, rivals in names.collisions(weights.tensors, named.persistent).items()
                if sum(map(names.renames, rivals)) > 1  # a name that nobody renames gives way to one that is renamed
            },
            hint=lambda: mismatch_hint(type(model), checkpoint),
        )
        _check_can_take_values(model, {name: named.persistent[name] for name in plan.targets.values()})
        assign_weights(named, plan, weights, placement=placement, deferred=deferred)
        if checkpoint is not None and checkpoint.was_replaced():
            raise CheckpointChangedError(str(checkpoint))
    placement.apply(model)
    if made := tie(plan.report.missing):
        placement = dataclasses.replace(placement, kept_in_float32=kept_in_float32(model, named_tensors(model)))
        placement.apply(model, only=made)
    report = _with_remaining_copies(model, plan.report, rules)
    if served := served_names_of(type(model)):
        report = dataclasses.replace(report, served_names=served)
    run_post_hooks(named.modules, report)
    return report


def ways_to_load(
    model: nn.Module,
    named: NamedTensors,
    weights: WeightSource,
    rules: NameRules,
    construct: Callable[[PretrainedConfig], nn.Module],
) -> Sequence[dict[str, Any]]:
    """Return the arguments of each way to load weights, by name.

    Args:
        model: The model, whose tensors may be without values.
        named: Its modules and tensors.
        weights: The weights.
        rules: How names are matched.
        construct: Makes a model like this one, of another config.
    """
    report, names = _outcome(named, weights, rules)
    return _advise(model, named, weights, rules, names, report=report, construct=construct).ways


def _advise(
    model: nn.Module,
    named: NamedTensors,
    weights: WeightSource,
    rules: NameRules,
    names: NameTranslation,
    *,
    report: LoadReport,
    construct: Callable[[PretrainedConfig], nn.Module],
) -> MismatchAdvice:
    """Return what to do about weights that do not match, each renaming and each config field tried out."""
    config: Any = getattr(model, "config", None)

    def construct_with(fields: Mapping[str, Any]) -> nn.Module:
        changed = copy.deepcopy(config)
        changed.update(dict(fields))
        return construct(changed)

    def attempt(key_mapping: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[LoadReport, NameTranslation]:
        others = dataclasses.replace(rules, key_mapping=key_mapping)
        if not fields:
            return _outcome(named, weights, others)
        other = construct_without_values(lambda: construct_with(fields))
        return (report, names) if other is None else _outcome(named_tensors(other), weights, others)

    return advise(
        report,
        named.persistent,
        weights,
        names,
        config=config,
        key_mapping=rules.key_mapping,
        attempt=attempt,
    )


def _outcome(named: NamedTensors, weights: WeightSource, rules: NameRules) -> tuple[LoadReport, NameTranslation]:
    """Return what a load would match, and how names in the checkpoint would become names in the model."""
    names = decide_names(rules, weights, named.persistent)
    states = extra_states(named.modules)
    plan = plan_load(named.persistent, weights, rules, names, placement=Placement(), extra_states=states)
    return plan.report, names


def _with_remaining_copies(model: nn.Module, report: LoadReport, rules: NameRules) -> LoadReport:
    """Return a report without copies that were tied after all, and log those that nobody has asked for."""
    if not report.copied:
        return report
    tensors = persistent_tensors(model)
    copied = {
        name: other
        for name, other in report.copied.items()
        if not group_shared({name: tensors[name], other: tensors[other]})
    }
    disabled = {frozenset(pair) for pair in rules.ties.disabled.items()}
    unasked = {name: other for name, other in copied.items() if frozenset((name, other)) not in disabled}
    if unasked:
        listed = shortened([f"{name} (copied from {other})" for name, other in unasked.items()])
        _logger.warning(
            "%s was saved with tied weights that %s does not tie: %s. They have equal values now and will be trained "
            "apart. To tie them, assign one parameter to both in tie_weights() or declare _tied_weights_keys.",
            report.source,
            type(model).__name__,
            listed,
        )
    return dataclasses.replace(report, copied=copied)


def _check_can_be_filled(model: nn.Module, named: NamedTensors) -> None:
    """Check that every tensor is whole and has memory, also those that the checkpoint lacks."""
    tensors = named.all()
    if distributed := next((name for name, tensor in tensors.items() if is_distributed_tensor(tensor)), ""):
        raise ModelDefinitionError(
            f"its constructor spreads {distributed} over processes. Load the whole model in every process, and call "
            "parallelize_module, distribute_tensor or fully_shard afterwards.",
            model_class=type(model),
        )
    if any(tensor.is_meta for tensor in tensors.values()):
        raise ModelDefinitionError(
            "its constructor left tensors on the meta device. Call from_pretrained outside of torch.device('meta'): it "
            "does not initialise tensors that the checkpoint replaces anyway.",
            model_class=type(model),
        )


def _check_can_take_values(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Check that tensors which get values have memory of their own for them, element by element."""
    for name, tensor in tensors.items():
        if nn.parameter.is_lazy(tensor):
            continue
        if tensor.is_nested or tensor.layout is not torch.strided or not has_values(tensor):
            kind = "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")
            raise ModelDefinitionError(
                f"its constructor makes {name} a {kind} {type(tensor).__name__}, which cannot take the values of a "
                "checkpoint: only dense tensors with memory of their own can. Quantise or convert it after the load.",
                model_class=type(model),
            )
