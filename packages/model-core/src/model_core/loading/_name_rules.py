"""How names in a checkpoint become names in a model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model_core.errors import ArgumentError
from model_core.tied_weights import DeclaredTies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["NameRules"]


@dataclass(frozen=True, slots=True)
class NameRules:
    """How names in a checkpoint become names in a model, and which of them a model class does without.

    Attributes:
        key_mapping: Regular expressions and their replacements. The first one that matches part of a name renames it.
        base_model_prefix: Attribute of the base model in models with a head. A name is tried unchanged, then with
            `prefix.` in front, then without it.
        ignored_missing: Regular expressions. A name that one of them matches may be missing and is not reported.
        ignored_unexpected: Regular expressions, likewise for unexpected names.
        ties: The ties that the model declares.
    """

    key_mapping: Mapping[str, str] = field(default_factory=dict)
    base_model_prefix: str = ""
    ignored_missing: tuple[str, ...] = ()
    ignored_unexpected: tuple[str, ...] = ()
    ties: DeclaredTies = field(default_factory=lambda: DeclaredTies({}, {}))

    def candidates(self, name: str) -> list[str]:
        """Return a name unchanged, with the prefix of the base model, and without it."""
        if not self.base_model_prefix:
            return [name]
        prefix = f"{self.base_model_prefix}."
        return [name, prefix + name, name.removeprefix(prefix)]

    def match(self, name: str, tensors: Collection[str]) -> str | None:
        """Return the name in the model for a name in the checkpoint, or None if the model has no such tensor.

        Raises:
            ArgumentError: A key of `key_mapping` is not a regular expression.
        """
        return self.ranked_match(name, tensors)[0]

    def ranked_match(self, name: str, tensors: Collection[str]) -> tuple[str | None, int]:
        """Return the name in the model as `match` does, and how many candidates were tried before it.

        Raises:
            ArgumentError: A key of `key_mapping` is not a regular expression.
        """
        candidates = self.candidates(_rename(name, self.key_mapping))
        return next(
            ((candidate, rank) for rank, candidate in enumerate(candidates) if candidate in tensors),
            (None, len(candidates)),
        )

    def ignores_missing(self, name: str) -> bool:
        """Return whether a tensor of the model may be missing without being reported."""
        return _any_matches(self.ignored_missing, name)

    def ignores_unexpected(self, name: str) -> bool:
        """Return whether a tensor of the checkpoint may be unexpected without being reported."""
        return _any_matches(self.ignored_unexpected, name)


def _rename(name: str, key_mapping: Mapping[str, str]) -> str:
    for pattern, replacement in key_mapping.items():
        try:
            renamed, count = re.subn(pattern, replacement, name)
        except (re.error, TypeError) as error:
            expected = f"a dict from regular expressions to replacements ({error})"
            raise ArgumentError("key_mapping", {pattern: replacement}, expected=expected) from error
        if count:
            return renamed
    return name


def _any_matches(patterns: Iterable[str], name: str) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)
