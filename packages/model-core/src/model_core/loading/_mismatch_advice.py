"""What to do if the weights of a checkpoint do not match a model: the renaming, the config field, the options.

Advice comes in the order in which it should be tried. An option that leaves values of the checkpoint unused stands
last, and none is named that would give a model of which the checkpoint holds nothing.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from model_core.load_report import shortened
from model_core.loading._load_plan import plan_load
from model_core.loading._name_rules import decide_names
from model_core.loading._renaming_hints import find_renamings, module_pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch

    from config_core.config import PretrainedConfig
    from model_core.load_report import LoadReport
    from model_core.loading._name_rules import NameRules, NameTranslation
    from model_core.loading._placement import Placement
    from model_core.loading._weight_sources import WeightSource

__all__ = ["MismatchAdvice", "advise", "allowing"]

_MAX_ENTRIES = 6
_MAX_FIELDS = 3


class MismatchAdvice(NamedTuple):
    """Advice about weights that do not match.

    Attributes:
        remedies: Arguments that make them match, each with what it does.
        remaining: What would match and what would not with the first remedy, or what does.
        all_names: Names of the tensors of the model, and of the checkpoint.
    """

    remedies: tuple[str, ...]
    remaining: LoadReport
    all_names: tuple[Collection[str], Collection[str]]


def advise(
    report: LoadReport,
    tensors: Mapping[str, torch.Tensor],
    source: WeightSource,
    rules: NameRules,
    names: NameTranslation,
    *,
    config: PretrainedConfig | None,
    placement: Placement,
    extra_states: Collection[str],
) -> MismatchAdvice:
    """Return what to do about a report of tensors that do not match.

    Args:
        report: What matches and what does not.
        tensors: The parameters and persistent buffers of the model, by name.
        source: The checkpoint.
        rules: How names are matched.
        names: How the names of this checkpoint became names of the model.
        config: The config of the model, if it has one.
        placement: As for `plan_load`.
        extra_states: As for `plan_load`.
    """
    remedies, remaining = [], report
    mapping = _suggested_mapping(report, source, names)
    if mapping:
        combined = dataclasses.replace(rules, key_mapping=mapping | dict(rules.key_mapping))
        renamed = plan_load(
            tensors,
            source,
            combined,
            decide_names(combined, source, tensors),
            placement=placement,
            extra_states=extra_states,
        ).report
        if len(renamed.loaded) > len(report.loaded) and _num_differences(renamed) < _num_differences(report):
            remaining = renamed
            remedies.append(_mapping_remedy(mapping, len(renamed.loaded) - len(report.loaded), rules.key_mapping))
    remedies += _config_remedies(remaining, config, tensors)
    return MismatchAdvice(tuple(remedies), remaining, (tensors, source.tensors))


def allowing(names: Iterable[str], all_names: Iterable[str]) -> str:
    """Return the list that allows some names, as Python code: modules where a list of all their tensors would be long.

    Args:
        names: The names to allow.
        all_names: The names of all tensors, of which no others are to be allowed.
    """
    names = list(names)
    wanted = set(names)
    others = {module for name in all_names if name not in wanted for module in _modules(name)}
    entries = dict.fromkeys(
        next((module for module in _modules(name) if module not in others), name) for name in dict.fromkeys(names)
    )
    quoted = [repr(entry) for entry in entries]
    return f"[{', '.join(quoted[:_MAX_ENTRIES])}{', ...' if len(quoted) > _MAX_ENTRIES else ''}]"


def _modules(name: str) -> list[str]:
    """Return the paths of the modules that a tensor is in, outer ones first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _num_differences(report: LoadReport) -> int:
    return len(report.missing) + len(report.unexpected) + len(report.mismatched)


def _suggested_mapping(report: LoadReport, source: WeightSource, names: NameTranslation) -> dict[str, str]:
    """Return a mapping from names of the checkpoint to names that would match, not yet tried out."""
    unexpected = {
        name: shape for name, shape in report.unexpected.items() if names.use != "removed" or names.to_model(name)
    }
    missing = {
        stored: shape for name, shape in report.missing.items() if (stored := names.to_checkpoint(name)) is not None
    }
    matched = source.tensors.keys() - report.unexpected.keys()
    if mapping := find_renamings(missing, unexpected, matched):
        return mapping
    of_head = [name for name, shape in report.unexpected.items() if report.missing.get(name) == shape]
    if names.use == "added" and of_head:
        # The checkpoint holds the base model and tensors of a head beside it, neither with the prefix.
        heads = dict.fromkeys(name.partition(".")[0] for name in of_head)
        return {f"^(?!{module_pattern(heads)})": names.prefix}
    return {}


def _mapping_remedy(mapping: Mapping[str, str], number: int, given: Mapping[str, str]) -> str:
    place = " (in front of your own)" if given else ""
    code = ", ".join(f"{_literal(pattern)}: {_literal(replacement)}" for pattern, replacement in mapping.items())
    return f"key_mapping={{{code}}}{place} gives {number:,} tensors the names of tensors of the model with equal shapes"


def _literal(text: str) -> str:
    """Return a text as Python code, raw if it has backslashes."""
    is_raw = "\\" in text and '"' not in text and text.isprintable() and not text.endswith("\\")
    return f'r"{text}"' if is_raw else repr(text) if '"' in text or not text.isprintable() else f'"{text}"'


def _config_remedies(
    report: LoadReport, config: PretrainedConfig | None, tensors: Mapping[str, torch.Tensor]
) -> list[str]:
    """Return config fields whose values explain the shapes that differ."""
    sizes = {
        (stored, model)
        for entry in report.mismatched
        if len(entry.stored_shape) == len(entry.model_shape)
        for stored, model in zip(entry.stored_shape, entry.model_shape, strict=True)
        if stored != model
    }
    if config is None or len(sizes) != 1:
        return []
    ((stored, model),) = sizes
    fields = [name for name, value in _numbers(config).items() if value == model]
    if any(model in tensors[name].shape for name in report.loaded if name in tensors):
        fields = [name for name in fields if name == "num_labels"]  # another value would change what matches
    if any(entry.stored_shape[1:] != entry.model_shape[1:] for entry in report.mismatched):
        fields = [name for name in fields if name != "num_labels"]
    if not fields:
        return []
    alternatives = shortened([f"{name}={stored}" for name in fields[1:]], most=_MAX_FIELDS - 1)
    others = f" (or {alternatives})" if alternatives else ""
    what = "classes" if fields[0] == "num_labels" else "size"
    return [f"{fields[0]}={stored}{others} builds the model with the {what} of the checkpoint, instead of {model}"]


def _numbers(config: PretrainedConfig) -> dict[str, int]:
    """Return the fields of a config that are whole numbers, the number of classes first."""
    fields: dict[str, Any] = {"num_labels": getattr(config, "num_labels", None), **vars(config)}
    aliases = set(getattr(config, "attribute_map", {}).values())
    return {
        name: value
        for name, value in fields.items()
        if type(value) is int and not name.startswith("_") and not (name in aliases and value == fields["num_labels"])
    }
