"""The names of a classifier's classes, as `id2label` and `label2id` hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["default_labels", "label_numbers", "read_labels"]

_MOST_DIGITS = 20


def default_labels(count: int) -> dict[int, str]:
    """Return the names of classes that were given none: `LABEL_0` and so on."""
    return {number: f"LABEL_{number}" for number in range(count)}


def label_numbers(labels: Mapping[int, str]) -> dict[str, int]:
    """Return `label2id` for an `id2label`. Of two classes of one name the later counts, as in ImageNet's own list."""
    return {label: number for number, label in labels.items()}


def read_labels(id2label: Mapping[Any, Any] | None, label2id: Mapping[Any, Any] | None) -> dict[int, str] | None:
    """Return the names by number from what a caller or a file gave; None if nothing.

    Numbers count from 0, and may be text, as they are in JSON.

    Raises:
        ConfigError: One of the two is malformed, or they contradict each other.
    """
    if id2label is None and label2id is None:
        return None
    given = _mapping("label2id", label2id or {})
    numbers = _read("label2id", ((number, label) for label, number in given.items()))
    if id2label is None:
        return dict(sorted(numbers.items()))
    labels = _read("id2label", _mapping("id2label", id2label).items())
    for number, label in numbers.items():
        if labels.get(number) != label:
            raise ConfigError(
                f"label2id says that {label!r} is {number}, but id2label says {labels.get(number)!r}. Give only "
                "one of the two; the other is made from it."
            )
    return labels


def _mapping(name: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: expected a dict, got {type(value).__name__} {value!r:.80}.")
    return value


def _is_number(key: Any) -> bool:
    if isinstance(key, str):
        return key.isdecimal() and len(key) <= _MOST_DIGITS
    return type(key) is int and key >= 0


def _read(name: str, labels: Iterable[tuple[Any, Any]]) -> dict[int, str]:
    read: dict[int, str] = {}
    for key, label in labels:
        number = int(key) if _is_number(key) else None
        if number is None:
            raise ConfigError(f"{name}: expected numbers of classes, got {key!r:.80}.")
        if number in read:
            raise ConfigError(f"{name}: two names have the same number, {number}.")
        if not isinstance(label, str):
            raise ConfigError(f"{name}: expected names of classes, got {label!r} for {number}.")
        read[number] = label
    return read
