"""Which fields of a config explain tensors of another size, or layers that only the model or the checkpoint has.

A field may explain a number that differs if that is its value. It does if a model with the number of the checkpoint
matches in more, and in nothing less.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config import PretrainedConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from model_core.load_report import LoadReport

__all__ = ["ConfigRemedy", "arguments_of", "config_remedies"]

_CLASSES = "num_labels"
_MAX_NUMBERS = 16
_LARGEST_NUMBER = 2**20  # of layers or classes in a model that is worth trying
_NUMBERED = re.compile(r"(?P<path>.+?)\.(?P<number>\d+)\.")

_Numbers = tuple[int, int]  # in the checkpoint and in the model


class ConfigRemedy(NamedTuple):
    """A config field whose other value makes model and checkpoint match.

    Attributes:
        field: Its name; that of a field of a part has that of the part in front: `image.depth`.
        value: The value of the checkpoint.
        effect: What a model of this value has.
    """

    field: str
    value: int
    effect: str

    def __str__(self) -> str:
        part, _, field = self.field.rpartition(".")
        argument = f"{part}={{{field!r}: {self.value}}}" if part else f"{field}={self.value}"
        return f"{argument} builds the model with {self.effect}"


def config_remedies(
    report: LoadReport, config: PretrainedConfig | None, attempt: Callable[[Mapping[str, Any]], LoadReport]
) -> list[ConfigRemedy]:
    """Return config fields whose other values make model and checkpoint match.

    Args:
        report: What matches and what does not, by names of the model.
        config: The config of the model, if it has one.
        attempt: Returns the report of a load with these config fields.
    """
    fields = {} if config is None else _numbers(config)
    of_layers, report = _helpful(lambda each: [*_lengths(each).values()], fields, [], report, attempt)
    of_all, report = _helpful(_sizes, fields, of_layers, report, attempt)
    if _sizes(report):  # without a model of these sizes, that of some is of no use
        return of_layers
    return [*of_all[len(of_layers) :], *of_layers]


def arguments_of(remedies: Iterable[ConfigRemedy]) -> dict[str, Any]:
    """Return the keyword arguments that set the fields, those of a part together."""
    arguments: dict[str, Any] = {}
    for remedy in remedies:
        part, _, field = remedy.field.rpartition(".")
        fields = arguments.setdefault(part, {}) if part else arguments
        fields[field] = remedy.value
    return arguments


def _helpful(
    differing: Callable[[LoadReport], list[_Numbers]],
    fields: Mapping[str, int],
    known: list[ConfigRemedy],
    report: LoadReport,
    attempt: Callable[[Mapping[str, Any]], LoadReport],
) -> tuple[list[ConfigRemedy], LoadReport]:
    """Return known remedies with those of numbers that differ, and what still does not match with all of them."""
    found = list(known)
    for stored, model in list(dict.fromkeys(differing(report)))[:_MAX_NUMBERS]:
        for field, value in fields.items():
            if value != model or stored > _LARGEST_NUMBER or any(field == remedy.field for remedy in found):
                continue
            after = attempt(arguments_of([*found, ConfigRemedy(field, stored, "")]))
            counts = [differing(each).count((stored, model)) for each in (after, report)]
            if counts[0] < counts[1] and _differences(after) < _differences(report):
                found.append(ConfigRemedy(field, stored, _effect(field, model, report, after)))
                report = after
    return found, report


def _differences(report: LoadReport) -> set[tuple[object, ...]]:
    """Return what differs: lengths of lists, tensors that are on one side only, and dimensions of tensors."""
    found: set[tuple[object, ...]] = {(path, *numbers) for path, numbers in _lengths(report).items()}
    for name, shape in (*report.missing.items(), *report.unexpected.items()):
        found |= {(name, dimension) for dimension in range(-1, len(shape))}
    for entry in report.mismatched:
        stored, model = entry.stored_shape, entry.model_shape
        same = len(stored) == len(model)
        found |= {(entry.name, d) for d in range(len(model)) if not same or stored[d] != model[d]}
    return found


def _effect(field: str, model: int, before: LoadReport, after: LoadReport) -> str:
    """Return what the model has with another value of a field."""
    if lists := [path for path in _lengths(before) if path not in _lengths(after)]:
        return f"as many {' and '.join(lists)} as the checkpoint has, instead of {model}"
    return f"the {'classes' if field == _CLASSES else 'size'} of the checkpoint, instead of {model}"


def _sizes(report: LoadReport) -> list[_Numbers]:
    """Return the sizes that differ."""
    shapes = [(entry.stored_shape, entry.model_shape) for entry in report.mismatched]
    pairs = [pair for stored, model in shapes if len(stored) == len(model) for pair in zip(stored, model, strict=True)]
    return [(stored, model) for stored, model in pairs if stored != model]


def _lengths(report: LoadReport) -> dict[str, _Numbers]:
    """Return how many layers each list has of which one side has more, by its path."""
    in_both = _layers([*report.loaded, *(entry.name for entry in report.mismatched)])
    missing, unexpected = _layers(report.missing), _layers(report.unexpected)
    lengths = {
        path: (len(numbers | unexpected.get(path, set())), len(numbers | missing.get(path, set())))
        for path, numbers in in_both.items()
    }
    return {path: (stored, model) for path, (stored, model) in lengths.items() if stored != model}


def _layers(names: Iterable[str]) -> dict[str, set[int]]:
    """Return the numbers of the layers that have one of these tensors, by the path of their list."""
    layers: dict[str, set[int]] = {}
    for match in filter(None, map(_NUMBERED.match, names)):
        layers.setdefault(match["path"], set()).add(int(match["number"]))
    return layers


def _numbers(config: PretrainedConfig) -> dict[str, int]:
    """Return the fields of a config that are whole numbers, the number of classes first, and those of its parts."""
    fields: dict[str, Any] = {_CLASSES: getattr(config, _CLASSES, None), **vars(config)}
    aliases = set(getattr(config, "attribute_map", {}).values())
    own = _integers(fields)
    numbers = {name: own[name] for name in own if not (name in aliases and own[name] == own.get(_CLASSES))}
    for name, part in fields.items():
        if isinstance(part, PretrainedConfig):
            numbers |= {f"{name}.{field}": value for field, value in _integers(vars(part)).items()}
    return numbers


def _integers(fields: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in fields.items() if type(value) is int and not name.startswith("_")}
