"""Which field of a config explains tensors of another size, or layers that only the model or the checkpoint has."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config import PretrainedConfig
from model_core.load_report import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch

    from model_core.load_report import LoadReport

__all__ = ["ConfigRemedy", "arguments_of", "config_remedies"]

_CLASSES = "num_labels"
_MAX_FIELDS = 3
_MAX_SIZES = 16
_WORDS_FOR_LAYERS = ("layer", "block", "depth")
_SHORTEST_WORD = 3
_NUMBERED = re.compile(r"(?P<path>.+?)\.(?P<number>\d+)\.")


class ConfigRemedy(NamedTuple):
    """A config field whose other value would make model and checkpoint match.

    Attributes:
        field: Its name; that of a field of a part has that of the part in front: `image.depth`.
        value: The value of the checkpoint.
        effect: The rest of a sentence that begins with the argument which sets it.
        layers: Beginnings of the names of the layers of which the model then has as many as the checkpoint.
    """

    field: str
    value: int
    effect: str
    layers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{_argument(self.field, self.value)}{self.effect}"


def config_remedies(
    report: LoadReport, config: PretrainedConfig | None, tensors: Mapping[str, torch.Tensor]
) -> list[ConfigRemedy]:
    """Return arguments for config fields whose other values would make model and checkpoint match.

    Args:
        report: What matches and what does not, by names of the model.
        config: The config of the model, if it has one.
        tensors: The parameters and persistent buffers of the model, by name.
    """
    if config is None:
        return []
    numbers = _numbers(config)
    of_layers = _for_layers(report, numbers, tensors)
    for remedy in of_layers:  # its value is no size, even if they happen to be equal
        del numbers[remedy.field]
    return [*_for_sizes(report, numbers, tensors), *of_layers]


def arguments_of(remedies: Iterable[ConfigRemedy]) -> dict[str, Any]:
    """Return the keyword arguments that set the fields, those of a part together."""
    arguments: dict[str, Any] = {}
    for remedy in remedies:
        part, _, field = remedy.field.rpartition(".")
        fields = arguments.setdefault(part, {}) if part else arguments
        fields[field] = remedy.value
    return arguments


def _for_sizes(
    report: LoadReport, numbers: Mapping[str, int], tensors: Mapping[str, torch.Tensor]
) -> list[ConfigRemedy]:
    """Return the fields that explain all sizes that differ: as they are, or those of which they are multiples."""
    places = _places_of_sizes(report)
    if len(places) > _MAX_SIZES:
        return []
    stored_sizes: dict[int, set[int]] = {}
    for stored, model in places:
        stored_sizes.setdefault(model, set()).add(stored)
    explained = []
    remedies = []
    for (stored, model), positions in places.items():
        fields = _fields_for_size(model, positions, report, numbers, tensors)
        if fields and len(stored_sizes[model]) == 1:
            what = "classes" if fields[0] == _CLASSES else "size"
            explained.append((stored, model))
            remedies += _remedy(fields, stored, f"the {what} of the checkpoint, instead of {model}")
    is_explained = all(any(size[0] * m == size[1] * s for s, m in explained) for size in places)
    return remedies if is_explained else []


def _places_of_sizes(report: LoadReport) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return each pair of sizes, in checkpoint and model, with the dimensions where they are and how many there are."""
    places: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for entry in report.mismatched:
        if len(entry.stored_shape) == len(entry.model_shape):
            for dimension, sizes in enumerate(zip(entry.stored_shape, entry.model_shape, strict=True)):
                if sizes[0] != sizes[1]:
                    places.setdefault(sizes, []).append((dimension, len(entry.model_shape)))
    return places


def _fields_for_size(
    model: int,
    places: Collection[tuple[int, int]],
    report: LoadReport,
    numbers: Mapping[str, int],
    tensors: Mapping[str, torch.Tensor],
) -> list[str]:
    """Return the fields that may give the model tensors of a size, the likeliest first."""
    fields = [name for name, value in numbers.items() if value == model]
    if any(model in tensors[name].shape for name in report.loaded if name in tensors):
        fields = [name for name in fields if name == _CLASSES]  # another value would change what matches
    if any(dimension for dimension, _ in places):
        return [name for name in fields if name != _CLASSES]
    if _CLASSES in fields and any(number == 1 for _, number in places):
        return [_CLASSES]  # a weight with its bias
    return sorted(fields, key=_CLASSES.__eq__)  # a weight alone may be that of an embedding


def _for_layers(
    report: LoadReport, numbers: Mapping[str, int], tensors: Mapping[str, torch.Tensor]
) -> list[ConfigRemedy]:
    """Return the fields that explain layers at the end of a list which only the model or the checkpoint has."""
    lists: dict[tuple[tuple[str, ...], int, int], list[str]] = {}  # by fields and lengths
    sizes = {size for name in report.loaded if name in tensors for size in tensors[name].shape}
    for differing, others in ((report.unexpected, report.missing), (report.missing, report.unexpected)):
        for path in dict.fromkeys(match["path"] for match in map(_NUMBERED.match, differing) if match):
            in_both = (*report.loaded, *(entry.name for entry in report.mismatched))
            in_model, shared, beyond = (_indices(names, path) for names in (tensors, in_both, differing))
            if _indices(others, path) or not shared or max(shared) >= min(beyond):
                continue
            if len(shared | beyond) != max(beyond) + 1:
                continue
            num_stored = len(shared | beyond) if differing is report.unexpected else len(shared)
            fields = [name for name, value in numbers.items() if value == len(in_model) and name != _CLASSES]
            if len(in_model) in sizes:  # a field that is not about layers may be that size
                fields = [name for name in fields if _num_words_about(path, name)]
            fields.sort(key=partial(_num_words_about, path), reverse=True)
            lists.setdefault((tuple(fields), num_stored, len(in_model)), []).append(path)
    remedies = []
    for (names, num_stored, num_built), paths in lists.items():
        effect = f"as many {' and '.join(paths)} as the checkpoint has, instead of {num_built}"
        layers = tuple(f"{path}." for path in paths)
        remedies += [remedy._replace(layers=layers) for remedy in _remedy(names, num_stored, effect)]
    uses = Counter(remedy.field for remedy in remedies)
    return [remedy for remedy in remedies if uses[remedy.field] == 1]  # a field has one value


def _num_words_about(path: str, field: str) -> int:
    """Return how many words in the name of a field are about the layers at a path: `num_enc_layers` has two."""
    words = (*path.split("."), *_WORDS_FOR_LAYERS)
    return sum(
        len(part) >= _SHORTEST_WORD and any(part.startswith(word) or word.startswith(part) for word in words)
        for part in re.split(r"[._]", field)
    )


def _indices(names: Iterable[str], path: str) -> set[int]:
    """Return the numbers of the modules in a list that have one of these tensors."""
    matches = (_NUMBERED.match(name) for name in names)
    return {int(match["number"]) for match in matches if match and match["path"] == path}


def _remedy(fields: Collection[str], value: int, effect: str) -> list[ConfigRemedy]:
    if not fields:
        return []
    first, *others = fields
    arguments = [_argument(name, value) for name in others]
    alternatives = f" (or {shortened(arguments, most=_MAX_FIELDS - 1)})" if arguments else ""
    return [ConfigRemedy(first, value, f"{alternatives} builds the model with {effect}")]


def _argument(field: str, value: int) -> str:
    """Return the argument that sets a field of a config, or of a part of it: `depth=2`, `image={'depth': 2}`."""
    part, _, field = field.rpartition(".")
    return f"{part}={{{field!r}: {value}}}" if part else f"{field}={value}"


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
