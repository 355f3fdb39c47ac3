"""Configs in every style."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from config_core import (  # two names for one class
    PreTrainedConfig,
)
from config_core import (
    PretrainedConfig as Base,
)


@dataclass
class PartConfig(Base):
    """With `@dataclass`."""

    model_type = "wide-part"
    width: int = 4
    kernel: tuple[int, int] = (1, 2)
    names: list[str] = field(default_factory=lambda: ["a"])
    KIND: ClassVar[str] = "part"

    def __post_init__(self) -> None:
        self.double = self.width * 2


class PlainConfig(PreTrainedConfig, extra="forbid"):
    """Without it."""

    model_type = "wide-plain"
    size: int = 3
    steps: list[int] = [1, 2]  # noqa: RUF012 - each config has its own


class SmallConfig(PlainConfig):
    """With another default."""

    model_type = "wide-small"
    size = 2


class WideConfig(Base):
    """With an `__init__`."""

    model_type = "wide"
    attribute_map = {"hidden_size": "width", "num_labels": "num_classes"}  # noqa: RUF012
    sub_configs = {"part": PartConfig, "plain": PlainConfig, "small": SmallConfig}  # noqa: RUF012
    beside: float = 0.5

    def __init__(  # noqa: PLR0917 - as people write it
        self,
        width: int = 8,
        num_classes: int = 5,
        rates: tuple[float, ...] = (0.1, 0.2),
        part: PartConfig | None = None,
        plain: PlainConfig | None = None,
        small: SmallConfig | None = None,
        **kwargs: Any,
    ) -> None:
        self.width = width
        self.num_classes = num_classes
        self.rates = rates
        self.part = part
        self.plain = plain
        self.small = small
        super().__init__(**kwargs)
        self.ratio = self.width / 2

    def validate(self) -> None:
        """Check the width too."""
        super().validate()
        if self.width <= 0:
            raise ValueError(f"width must be positive, got {self.width}")


class WiderConfig(WideConfig):
    """With another default for a keyword of an inherited `__init__`."""

    model_type = "wider"
    width: int = 16


class BodyConfig(Base):
    """With fields of the base class in its body."""

    model_type = "body"
    num_labels: int = 3
    dim: int = 4
    problem_type: str | None = "regression"


class Scale(Enum):
    """What multiplies the outputs."""

    ONE = "one"
    TWO = "two"


@dataclass
class ScaledPartConfig(PartConfig):
    """A part with values that JSON does not have."""

    model_type = "wide-scaled-part"
    scale: Scale = Scale.ONE
    scales: dict[int, Scale] = field(default_factory=dict)
    ranges: list[tuple[int, int]] = field(default_factory=list)


class TypedConfig(Base):
    """Its annotations alone say what its fields are."""

    model_type = "wide-typed"
    part: ScaledPartConfig
    either: PlainConfig | PartConfig | None = None
    parts: list[PartConfig]

    def __init__(self, part=None, parts=(), **kwargs: Any) -> None:
        self.part = part if part is not None else ScaledPartConfig()
        self.parts = list(parts)
        super().__init__(**kwargs)
