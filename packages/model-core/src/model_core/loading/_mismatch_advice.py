"""What to do if the weights of a checkpoint do not match a model: the renaming, the config field, the options.

Advice comes in the order in which it should be tried. An option that leaves values of the checkpoint unused stands
last, and none is named that would give a model of which the checkpoint holds nothing.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from model_core.load_report import LoadReport
from model_core.loading._config_remedies import arguments_of, config_remedies
from model_core.loading._layout_hints import about_converted, about_rearranged, about_stacked
from model_core.loading._python_code import Code, code_of_arguments
from model_core.loading._renaming_hints import find_renamings, module_pattern
from model_core.loading._reparametrized_names import (
    about_computed_weights,
    about_reparametrized,
    reparametrized_names,
)
from model_core.state_dicts import about_missing_buffers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import torch

    from config_core.config import PretrainedConfig
    from model_core.loading._name_rules import NameTranslation
    from model_core.loading._weight_sources import WeightSource

__all__ = ["MismatchAdvice", "advise", "allowing"]

_Shape = tuple[int, ...]

_MAX_ENTRIES = 6
_MAX_WAYS = 5
# Real names have 150 characters. In one of a megabyte, every module would be looked for.
_LONGEST_NAME = 1000


class MismatchAdvice(NamedTuple):
    """Advice about weights that do not match.

    Attributes:
        remedies: Arguments that make them match, each with what it does.
        ways: The arguments of each way to load what the model has, by name, the likeliest first.
        remaining: What would match and what would not with the first remedy, or what does.
        all_names: Names of the tensors of the model, and of the checkpoint.
    """

    remedies: tuple[str, ...]
    ways: tuple[dict[str, Any], ...]
    remaining: LoadReport
    all_names: tuple[Collection[str], Collection[str]]


class _Way(NamedTuple):
    """A way to load a checkpoint.

    Attributes:
        mapping: The renaming.
        report: What matches and what does not with it.
        names: How the names of the checkpoint become names of the model with it.
    """

    mapping: Mapping[str, str]
    report: LoadReport
    names: NameTranslation

    def is_better_than(self, report: LoadReport) -> bool:
        """Return whether more matches than in a report, and less does not."""
        return len(self.report.loaded) > len(report.loaded) and _num_differences(self.report) < _num_differences(report)

    def arguments(self, source: WeightSource, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments, given the key_mapping of the caller."""
        arguments = {"key_mapping": Code(_mapping_code({**self.mapping, **given}))} if self.mapping else {}
        if self.report.unexpected and not self.report.missing:
            arguments["allow_unexpected"] = Code(allowing(self.report.unexpected, source.tensors))
        return arguments

    def unexpected_in_model(self) -> dict[str, tuple[str, _Shape]]:
        """Return what is unexpected by the names that a model would have for it, with its name in the checkpoint."""
        unexpected = self.report.unexpected.items()
        return {self.names.to_model(name) or name: (name, shape) for name, shape in unexpected}

    def report_in_model(self) -> LoadReport:
        """Return the report with what is unexpected by the names that a model would have for it."""
        unexpected = {name: shape for name, (_, shape) in self.unexpected_in_model().items()}
        return dataclasses.replace(self.report, unexpected=unexpected)


def advise(
    report: LoadReport,
    tensors: Mapping[str, torch.Tensor],
    source: WeightSource,
    names: NameTranslation,
    *,
    config: PretrainedConfig | None,
    key_mapping: Mapping[str, str],
    attempt: Callable[[Mapping[str, str], Mapping[str, Any]], tuple[LoadReport, NameTranslation]],
) -> MismatchAdvice:
    """Return what to do about a report of tensors that do not match.

    Args:
        report: What matches and what does not.
        tensors: The parameters and persistent buffers of the model, by name.
        source: The checkpoint.
        names: How the names of this checkpoint became names of the model.
        config: The config of the model, if it has one.
        key_mapping: The caller's.
        attempt: Returns the report of a load with another key_mapping and other config fields, and how names become
            names of the model; what is known already if such a model cannot be made.
    """
    if computed := about_computed_weights(report, tensors, source.tensors):
        everything = LoadReport(source.name, loaded=tuple(tensors))
        return MismatchAdvice((computed,), (), everything, (tensors, source.tensors))
    missing, unexpected = map(_without_long_names, _in_checkpoint_names(report, names))
    remedies = _set_reparametrized_apart(missing, unexpected)
    unmapped = _Way({}, *attempt({}, {}))
    leaves_out_mapping = _num_differences(unmapped.report) < _num_differences(report)
    if leaves_out_mapping:
        ways = [unmapped]
        remedies.append(f"leave out key_mapping: {len(unmapped.report.loaded):,} tensors match without it")
    else:
        found = _suggested_mappings(missing, unexpected, report, source, names)
        tried = [_Way(mapping, *attempt({**mapping, **key_mapping}, {})) for mapping in found]
        better = [way for way in tried if way.is_better_than(report)]
        ways = [way for way in better if 2 * len(way.report.loaded) > len(better[0].report.loaded)]
        ways = ways or [_Way({}, report, names)]
        remedies += _about_ways(ways, report, source, key_mapping)
    first, *others = ways
    mapping = {} if leaves_out_mapping else {**first.mapping, **key_mapping}

    def with_fields(fields: Mapping[str, Any]) -> _Way:
        return _Way(first.mapping, *attempt(mapping, fields)) if fields else first

    rearranged = about_rearranged(first.report) or about_converted(first.report, source.code_to_read)
    fields = []
    if not rearranged:
        fields = config_remedies(
            first.report_in_model(), config, lambda arguments: with_fields(arguments).report_in_model()
        )
    remaining = first.report
    if others:
        remaining = dataclasses.replace(remaining, unexpected={})  # each way says what it skips
    stacked = about_stacked(
        first.report.missing, first.unexpected_in_model(), all_stored=source.tensors, code_to_read=source.code_to_read
    )
    remedies += [
        *rearranged,
        *stacked,
        *_about_collisions(names.collisions(source.tensors, tensors)),
        *_about_absent(first.report, tensors),
        *map(str, fields),
    ]
    arguments = {"key_mapping": None} if leaves_out_mapping else {}
    arguments |= with_fields(arguments_of(fields)).arguments(source, key_mapping) | arguments_of(fields)
    other_arguments = (way.arguments(source, key_mapping) for way in others)
    return MismatchAdvice(tuple(remedies), (arguments, *other_arguments), remaining, (tensors, source.tensors))


def allowing(names: Iterable[str], all_names: Iterable[str]) -> str:
    """Return what allows some names, as Python code: `['head']`, `['layers.*.norm.*']`, or True if a list were long.

    Args:
        names: The names to allow.
        all_names: The names of all tensors, of which no others are to be allowed by a list.
    """
    wanted = dict.fromkeys(names)
    others = [name for name in all_names if name not in wanted]
    other_modules = {module for name in others for module in _modules(name)}
    entries = dict.fromkeys(
        next((module for module in _modules(name) if module not in other_modules), name) for name in wanted
    )
    if len(entries) > _MAX_ENTRIES:
        entries = dict.fromkeys(_pattern(entry, is_module=entry not in wanted) for entry in entries)
        if len(entries) > _MAX_ENTRIES or any(fnmatch.filter(others, pattern) for pattern in entries):
            return "True"
    return repr(list(entries))


def _modules(name: str) -> list[str]:
    """Return the paths of the modules that a tensor is in, outer ones first; none for a very long name."""
    parts = name.split(".") if len(name) <= _LONGEST_NAME else []
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _pattern(entry: str, *, is_module: bool) -> str:
    """Return a pattern for a module or tensor and those whose names differ from it in numbers."""
    pattern = ".".join("*" if part.isdigit() else part for part in entry.split("."))
    return f"{pattern}.*" if is_module and pattern != entry else pattern


def _num_differences(report: LoadReport) -> int:
    return len(report.missing) + len(report.unexpected) + len(report.mismatched)


def _in_checkpoint_names(report: LoadReport, names: NameTranslation) -> tuple[dict[str, _Shape], dict[str, _Shape]]:
    """Return what is missing and what is unexpected in a checkpoint of this kind, by its names there."""
    missing = {
        stored: shape for name, shape in report.missing.items() if (stored := names.to_checkpoint(name)) is not None
    }
    unexpected = {name: shape for name, shape in report.unexpected.items() if not names.removed or names.to_model(name)}
    return missing, unexpected


def _without_long_names(tensors: Mapping[str, _Shape]) -> dict[str, _Shape]:
    return {name: shape for name, shape in tensors.items() if len(name) <= _LONGEST_NAME}


def _set_reparametrized_apart(missing: dict[str, _Shape], unexpected: dict[str, _Shape]) -> list[str]:
    """Remove the tensors that are computed from others on one side only, and return what to do about them."""
    in_checkpoint = reparametrized_names(unexpected, missing)
    in_model = reparametrized_names(missing, unexpected)
    remedies = about_reparametrized(dict.fromkeys(in_checkpoint.values()), dict.fromkeys(in_model.values()))
    for name in (*in_checkpoint, *in_model, *in_checkpoint.values(), *in_model.values()):
        missing.pop(name, None)
        unexpected.pop(name, None)
    return remedies


def _about_collisions(collisions: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what to do about tensors of the checkpoint that renamings give one name, if there are any."""
    return [
        f"{' and '.join(rivals)} of the checkpoint become {target}: narrow the expressions that rename them"
        for target, rivals in islice(collisions.items(), 1)
    ]


def _about_absent(report: LoadReport, tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Return what to do if nothing is missing but buffers, or an output that may be tied to an embedding."""
    if not report.missing or report.unexpected or report.mismatched:
        return []
    missing = {name: tensors[name] for name in report.missing if name in tensors}
    if missing and (reason := about_missing_buffers(missing.values())):
        return [f"{reason}: save or pass model.state_dict()"]
    if len(missing) == 1:
        ((name, tensor),) = missing.items()
        embeddings = [other for other in report.loaded if "emb" in other and tensors[other].shape == tensor.shape]
        if len(embeddings) == 1:
            tie = {name: embeddings[0]}
            return [f"_tied_weights_keys = {tie} in the class ties the two, if they were one when they were saved"]
    return []


def _suggested_mappings(
    missing: Mapping[str, _Shape],
    unexpected: Mapping[str, _Shape],
    report: LoadReport,
    source: WeightSource,
    names: NameTranslation,
) -> list[dict[str, str]]:
    """Return mappings from names of the checkpoint to names that would match, not yet tried out."""
    matched = source.tensors.keys() - report.unexpected.keys()
    if mappings := find_renamings(missing, unexpected, matched):
        return mappings
    of_head = [name for name, shape in report.unexpected.items() if report.missing.get(name) == shape]
    if names.added and of_head:
        # The checkpoint holds the base model and tensors of a head beside it, neither with the prefix.
        heads = dict.fromkeys(name.partition(".")[0] for name in of_head)
        return [{f"^(?!{module_pattern(heads)})": names.added}]
    return []


def _about_ways(ways: list[_Way], report: LoadReport, source: WeightSource, given: Mapping[str, str]) -> list[str]:
    """Return what to do if a renaming helps, or one of several."""
    mapping, renamed = ways[0].mapping, ways[0].report
    if not mapping:
        return []
    if len(ways) == 1:
        place = " (in front of your own)" if given else ""
        number = len(renamed.loaded) - len(report.loaded)
        effect = f"renames {number:,} of its tensors to those of the model with equal shapes"
        return [f"key_mapping={_mapping_code(mapping)}{place} {effect}"]
    shown = [
        f"{code_of_arguments(way.arguments(source, given))} takes {len(way.report.loaded):,} tensors"
        for way in ways[:_MAX_WAYS]
    ]
    shown += [f"and {len(ways) - len(shown)} more"] if len(ways) > len(shown) else []
    several = "it has them several times, such as those in training and their moving average"
    return [f"choose one of {len(ways)} sets of tensors, because {several}:", *shown]


def _mapping_code(mapping: Mapping[str, str]) -> str:
    return (
        f"{{{', '.join(f'{_literal(pattern)}: {_literal(replacement)}' for pattern, replacement in mapping.items())}}}"
    )


def _literal(text: str) -> str:
    """Return a text as Python code, raw if it has backslashes."""
    is_raw = "\\" in text and '"' not in text and text.isprintable() and not text.endswith("\\")
    return f'r"{text}"' if is_raw else repr(text) if '"' in text or not text.isprintable() else f'"{text}"'
