"""What a model author writes, and what pyright and mypy say of it: an error on each line marked `# error`, no other."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, assert_type

import torch
from torch import nn

from auto_registry import AutoConfig
from config_core import PretrainedConfig
from model_core import PreTrainedModel


class PlainConfig(PretrainedConfig, extra="forbid"):
    model_type = "plain"
    width: int = 8
    sizes: list[int] = [1, 2]  # noqa: RUF012 - each config has its own
    options: dict[str, int] = field(default_factory=dict)
    num_labels: int = 10


class DeepConfig(PlainConfig):
    model_type = "deep"
    num_labels = 3
    depth: int


@dataclass
class DecoratedConfig(PretrainedConfig):
    model_type = "decorated"
    width: int = 8
    part: PlainConfig | None = None


class ClassicConfig(PretrainedConfig):
    model_type = "classic"

    def __init__(self, width: int = 3, **kwargs: Any) -> None:
        self.width = width
        super().__init__(**kwargs)


class AnnotatedModel(PreTrainedModel):
    config: PlainConfig

    def __init__(self, config: PlainConfig) -> None:
        super().__init__(config)
        self.layer = nn.Linear(self.config.width, self.config.num_labels)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(values) * self.config.widht)  # error


class NamedModel(PreTrainedModel):
    config_class = ClassicConfig

    def __init__(self, config: ClassicConfig) -> None:
        super().__init__(config)
        self.layer = nn.Linear(self.config.width, 2)


def configs() -> None:
    config = PlainConfig(width=3, num_labels=3, dtype="bfloat16", architectures=None)
    PlainConfig(widht=3)  # error
    PlainConfig(width="s")  # error
    PlainConfig(sizes=["s"])  # error
    DeepConfig(width=2)  # error
    assert_type(DeepConfig(depth=2, width=2).depth, int)
    DecoratedConfig(width=1, part=config, id2label={0: "cat", 1: "dog"})
    DecoratedConfig(widht=1)  # error
    DecoratedConfig(part=ClassicConfig())  # error
    ClassicConfig(3, num_labels=3)
    ClassicConfig(width="s")  # error
    assert_type(config.num_labels, int)
    assert_type(config.id2label, dict[int, str])
    assert_type(dataclasses.replace(config, width=2), PlainConfig)


def loading() -> None:
    assert_type(PlainConfig.from_pretrained("folder", width=3), PlainConfig)
    assert_type(PlainConfig.from_pretrained("folder", return_unused_kwargs=True), tuple[PlainConfig, dict[str, Any]])
    assert_type(PlainConfig.from_dict({}, return_unused_kwargs=True), tuple[PlainConfig, dict[str, Any]])
    assert_type(AutoConfig.from_pretrained("folder"), PretrainedConfig)
    assert_type(AutoConfig.from_pretrained("x", return_unused_kwargs=True), tuple[PretrainedConfig, dict[str, Any]])
    model = AnnotatedModel.from_pretrained("folder")
    assert_type(model, AnnotatedModel)
    assert_type(model.config.width, int)
    assert_type(model.push_to_hub("owner/name", private=True).oid, str)
    model.push_to_hub("owner/name", privat=True)  # error
    model.config.push_to_hub("owner/name").commit_ulr  # error # noqa: B018
