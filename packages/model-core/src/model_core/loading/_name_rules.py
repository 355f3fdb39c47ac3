"""How names in a checkpoint become names in a model.

Where a class has a `base_model_prefix`, a checkpoint may be one of the base model or one of a model with a head, and so
may the model; the base model may itself have a base model. Which it is is decided once for all names of the checkpoint.
Name by name it could not be told: each of these models may have a `norm`, and none must get the tensor of another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from model_core.declarations import declared_patterns, declared_renamings
from model_core.errors import ArgumentError
from model_core.module_tensors import shape_of
from model_core.tied_weights import DeclaredTies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import torch
    from torch import nn

    from model_core.loading._weight_sources import WeightSource

__all__ = [
    "NameRules",
    "NameTranslation",
    "Renaming",
    "ScopedPattern",
    "checked_key_mapping",
    "decide_names",
    "scoped_patterns",
    "scoped_renamings",
]

# Deeper nests of a base model in a base model are not looked for.
_MAX_DEPTH = 8
_Shape = tuple[int, ...] | None


class Renaming(NamedTuple):
    """A regular expression for names, and its replacement.

    Attributes:
        pattern: The expression, which is searched for in the rest of a name.
        replacement: What replaces all that it matches.
        scopes: The prefixes of the names that it is for; `""` for all names.
    """

    pattern: str
    replacement: str
    scopes: tuple[str, ...] = ("",)


_Renamings = tuple[Renaming, ...]


class ScopedPattern(NamedTuple):
    """A regular expression for the names of tensors in one module of a model.

    Attributes:
        scope: Prefix of the names in the module, `""` for the whole model.
        pattern: The expression, which is searched for in the rest of a name.
    """

    scope: str
    pattern: re.Pattern[str]

    def matches(self, name: str) -> bool:
        """Return whether a tensor is in the module and its name there matches."""
        return name.startswith(self.scope) and self.pattern.search(name[len(self.scope) :]) is not None


def checked_key_mapping(key_mapping: object) -> Mapping[str, str]:
    """Return the argument of this name, or an empty mapping for None.

    Raises:
        ArgumentError: It is no mapping, or an expression or a replacement is invalid.
    """
    expected = "a dict from regular expressions to replacements"
    mapping = {} if key_mapping is None else key_mapping
    if not isinstance(mapping, Mapping):
        raise ArgumentError("key_mapping", key_mapping, expected=expected)
    for pattern, replacement in mapping.items():
        try:
            re.compile(pattern).sub(replacement, "")
        except (re.error, TypeError, IndexError) as error:
            shown = {pattern: replacement}
            raise ArgumentError("key_mapping", shown, expected=f"{expected} ({error})") from error
    return mapping


def scoped_patterns(parts: Iterable[tuple[str, nn.Module]], declaration: str) -> tuple[ScopedPattern, ...]:
    """Return the patterns that a model and the models inside it declare.

    Args:
        parts: The model and the models inside it, with their prefixes.
        declaration: Name of the attribute.

    Raises:
        ModelDefinitionError: A declaration that an instance or a property holds has the wrong type.
    """
    return tuple(
        ScopedPattern(prefix, pattern) for prefix, part in parts for pattern in declared_patterns(part, declaration)
    )


def scoped_renamings(parts: Iterable[tuple[str, nn.Module]]) -> tuple[Renaming, ...]:
    """Return the renamings that a model and the models inside it declare, each for the names of its own tensors.

    Args:
        parts: As for `scoped_patterns`.

    Raises:
        ModelDefinitionError: As for `scoped_patterns`.
    """
    return tuple(
        Renaming(pattern, replacement, (prefix,))
        for prefix, part in parts
        for pattern, replacement in declared_renamings(part)
    )


@dataclass(frozen=True, slots=True)
class NameRules:
    """What the caller and the model class say about names.

    Attributes:
        key_mapping: The caller's regular expressions and their replacements. The first one that matches part of a name
            renames it.
        declared_renamings: Those of the class and of the models inside it, which come after the caller's. They are for
            older checkpoints: one whose names fit better without them is not renamed.
        base_model_prefixes: Attribute of the base model in models with a head, then that of its own base model, and so
            on.
        ignored_missing: Tensors of the model that may be missing and are not reported.
        ignored_unexpected: Tensors of the checkpoint that may be unexpected, likewise.
        ties: The ties that the model declares.
    """

    key_mapping: Mapping[str, str] = field(default_factory=dict)
    declared_renamings: _Renamings = ()
    base_model_prefixes: tuple[str, ...] = ()
    ignored_missing: tuple[ScopedPattern, ...] = ()
    ignored_unexpected: tuple[ScopedPattern, ...] = ()
    ties: DeclaredTies = field(default_factory=lambda: DeclaredTies({}, {}))

    def ignores_missing(self, name: str) -> bool:
        """Return whether a tensor of the model may be missing without being reported."""
        return any(pattern.matches(name) for pattern in self.ignored_missing)

    def ignores_unexpected(self, *names: str | None) -> bool:
        """Return whether a tensor of the checkpoint, by any of its names, may be unexpected without being reported."""
        return any(pattern.matches(name) for pattern in self.ignored_unexpected for name in names if name)


@dataclass(frozen=True, slots=True)
class NameTranslation:
    """How the names of one checkpoint become names of one model.

    Attributes:
        renamings: Regular expressions and replacements; the first one that matches renames.
        added: Path of the checkpoint's model in the model, with a dot at its end, or `""`.
        removed: Path of the model in the checkpoint's model, likewise.
        fixed: Names that are names of the model already, whatever the rest says.
    """

    renamings: _Renamings = ()
    added: str = ""
    removed: str = ""
    fixed: frozenset[str] = frozenset()

    @property
    def is_identity(self) -> bool:
        """Whether every name stays as it is."""
        return not (self.renamings or self.added or self.removed)

    def to_model(self, name: str) -> str | None:
        """Return the name in the model, whether the model has it or not; None for a part that the model lacks."""
        if name in self.fixed:
            return name
        renamed = _rename(name, self.renamings)
        return self.added + renamed.removeprefix(self.removed) if renamed.startswith(self.removed) else None

    def to_checkpoint(self, name: str) -> str | None:
        """Return the name, before any renaming, that a checkpoint of this kind has for a name of the model.

        None for a part of the model that such a checkpoint lacks.
        """
        return self.removed + name.removeprefix(self.added) if name.startswith(self.added) else None

    def renames(self, name: str) -> bool:
        """Return whether a renaming matches a name of the checkpoint, even if it leaves the name as it is."""
        return name not in self.fixed and _renamed(name, self.renamings) is not None

    def collisions(self, stored: Iterable[str], tensors: Collection[str]) -> dict[str, list[str]]:
        """Return the tensors of the model that several tensors of the checkpoint become, and these.

        Args:
            stored: Names in the checkpoint.
            tensors: Names in the model.
        """
        found: dict[str, list[str]] = {}
        for name in stored if self.renamings else ():
            if (match := self.to_model(name)) in tensors and match:
                found.setdefault(match, []).append(name)
        return {match: names for match, names in found.items() if len(names) > 1}


def decide_names(rules: NameRules, source: WeightSource, tensors: Mapping[str, torch.Tensor]) -> NameTranslation:
    """Decide how the names of a checkpoint become names of a model.

    What is chosen leaves the fewest tensors unexplained. A checkpoint of the base model leaves the tensors of the head
    unexplained for nobody, and neither does a base model those of the head in a checkpoint. In a tie, a checkpoint that
    the prefix can explain is of the other kind, since it would otherwise lack the whole base model.

    Args:
        rules: What the caller and the class say.
        source: The checkpoint.
        tensors: The parameters and persistent buffers of the model, by name.
    """
    given = tuple(Renaming(*pair) for pair in rules.key_mapping.items())
    prefixes = rules.base_model_prefixes
    if not prefixes and not rules.declared_renamings:
        return NameTranslation(given)
    stored = {name: tensor.shape for name, tensor in source.tensors.items()}
    if not given and stored.keys() == tensors.keys():
        return NameTranslation()
    stored |= {name: stored[other] for name, other in source.tied.items() if other in stored}
    shapes = {name: shape_of(tensor) for name, tensor in tensors.items()}
    head = f"{prefixes[0]}." if prefixes else ""
    best = NameTranslation(given)
    least: int | None = None
    for names in _candidates(given, rules, stored, shapes):
        renamed = (
            {_rename(name, names.renamings): shape for name, shape in stored.items()} if names.renamings else stored
        )
        unexplained = _num_unexplained(renamed, shapes, names, head)
        if unexplained is not None and (least is None or unexplained < least):
            best, least = names, unexplained
    return best


def _candidates(
    given: _Renamings, rules: NameRules, stored: Collection[str], model: Collection[str]
) -> Iterator[NameTranslation]:
    """Yield how names may become names of the model; of those that explain equally much, the first is right."""
    for declared in dict.fromkeys([(), rules.declared_renamings]):
        renamed = {_rename(name, given + declared) for name in stored} if given or declared else stored
        for path in _paths_of_base_models(model, rules.base_model_prefixes):
            yield NameTranslation(given + _inside(declared, path), added=path)
        for path in _paths_of_base_models(renamed, rules.base_model_prefixes):
            yield NameTranslation(given + _outside(declared, path), removed=path)
        yield NameTranslation(given + declared)


def _paths_of_base_models(names: Iterable[str], prefixes: Sequence[str]) -> list[str]:
    """Return the paths that begin these names and consist of prefixes of base models, shorter ones first."""
    if not prefixes:
        return []
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, prefixes))})\.")
    found: set[str] = set()
    for name in names:
        end = 0
        for _ in range(_MAX_DEPTH):
            match = pattern.match(name, end)
            if match is None:
                break
            end = match.end()
            found.add(name[:end])
    return sorted(found, key=len)


def _outside(renamings: _Renamings, path: str) -> _Renamings:
    """Return renamings of a model for a checkpoint in which it is at a path: of names with the path, or without it."""
    return tuple(entry._replace(scopes=(path + entry.scopes[0], *entry.scopes)) for entry in renamings)


def _inside(renamings: _Renamings, path: str) -> _Renamings:
    """Return renamings of a model for a checkpoint of the part at a path: those of that part, and of all names."""
    return tuple(
        entry._replace(scopes=(entry.scopes[0].removeprefix(path),))
        for entry in renamings
        if not entry.scopes[0] or entry.scopes[0].startswith(path)
    )


def _num_unexplained(
    stored: Mapping[str, _Shape], model: Mapping[str, _Shape], names: NameTranslation, head: str
) -> int | None:
    """Return how many tensors a translation leaves unexplained, or None if it does not come into question.

    Args:
        stored: Shapes of the checkpoint's tensors, by names that have been renamed already.
        model: Shapes of the model's.
        names: The translation.
        head: Beginning of the names of all tensors that are not the head's, or `""`.
    """
    path = names.added or names.removed
    if not path:
        return _unexplained_if_kept(stored, model, head)
    outer, inner = (model, stored) if names.added else (stored, model)
    of_base = {name.removeprefix(path): shape for name, shape in outer.items() if name.startswith(path)}
    common = of_base.keys() & inner.keys()
    return _num_differing(of_base, inner, common) if common else None


def _unexplained_if_kept(stored: Mapping[str, _Shape], model: Mapping[str, _Shape], prefix: str) -> int | None:
    """Return how many tensors differ if names stay. A base model or a head that is wholly absent is a part left out."""
    common = stored.keys() & model.keys()
    if not common:
        return None
    absent = model.keys() - common
    unexplained = len(stored) - len(common) + _num_mismatched(stored, model, common)
    for is_inner in (True, False) if prefix else ():
        if any(name.startswith(prefix) == is_inner for name in common):
            unexplained += sum(name.startswith(prefix) == is_inner for name in absent)
    return unexplained if prefix else unexplained + len(absent)


def _num_differing(one: Mapping[str, _Shape], other: Mapping[str, _Shape], common: set[str]) -> int:
    return len(one) + len(other) - 2 * len(common) + _num_mismatched(one, other, common)


def _num_mismatched(one: Mapping[str, _Shape], other: Mapping[str, _Shape], names: Iterable[str]) -> int:
    return sum(None not in (one[name], other[name]) and one[name] != other[name] for name in names)


def _rename(name: str, renamings: _Renamings) -> str:
    renamed = _renamed(name, renamings)
    return name if renamed is None else renamed


def _renamed(name: str, renamings: _Renamings) -> str | None:
    """Return what the first renaming that matches makes of a name, or None if none does."""
    for pattern, replacement, scopes in renamings:
        for scope in scopes:
            if name.startswith(scope):
                renamed, count = re.subn(pattern, replacement, name[len(scope) :])
                if count:
                    return scope + renamed
    return None
