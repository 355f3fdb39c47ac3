"""A config class with fields of every kind, and a model of two small tensors for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from config_core import PretrainedConfig

__all__ = ["Kind", "PartConfig", "Range", "RichConfig"]


class Kind(Enum):
    """Two names."""

    A = "a"
    B = "b"


@dataclass
class Range:
    """Two numbers."""

    low: float = 0.0
    high: float = 1.0


class PartConfig(PretrainedConfig):
    """A config inside another."""

    model_type = "fuzzed_part"

    def __init__(self, width: int = 4, rates: tuple[float, ...] = (0.1,), **kwargs: Any) -> None:
        self.width = width
        self.rates = rates
        super().__init__(**kwargs)


@dataclass
class RichConfig(PretrainedConfig):
    """Fields of every kind."""

    model_type = "fuzzed"

    size: int = 3
    rate: float = 0.5
    name: str = "x"
    flag: bool = False
    maybe: int | None = None
    either: int | str | list[int] = 1
    mode: Literal["fast", "slow", 3] = "fast"
    kind: Kind = Kind.A
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = (1, 2)
    names: list[str] = field(default_factory=lambda: ["a", "b"])
    unique: set[int] = field(default_factory=lambda: {1, 2})
    by_name: dict[str, float] = field(default_factory=lambda: {"a": 1.0})
    by_number: dict[int, str] = field(default_factory=lambda: {0: "a"})
    nested: dict[str, list[dict[str, int]]] = field(default_factory=lambda: {"a": [{"b": 1}]})
    span: Range = field(default_factory=Range)
    spans: list[Range] = field(default_factory=lambda: [Range()])
    place: Path = Path("a/b")
    anything: Any = None
    part: PartConfig = field(default_factory=PartConfig)
    parts: list[PartConfig] = field(default_factory=lambda: [PartConfig(width=2)])
