"""Models in every style."""

from __future__ import annotations

import math

import torch
from torch import nn

import model_core
import model_core as core

from .configuration_wide import BodyConfig, Scale, TypedConfig, WideConfig, WiderConfig


class Rotary(nn.Module):
    """A buffer that is never saved, and one that is."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        frequencies = 1.0 / (10000 ** (torch.arange(0, dim, 2).float() / dim))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.register_buffer("scale", torch.full((1,), 3.0))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return states * self.frequencies.sum() * self.scale


class WidePreTrainedModel(core.PreTrainedModel):
    """The base class of the author's models, with an initialisation."""

    config_class = WideConfig
    base_model_prefix = "body"

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(std=0.5)
            module.bias.data.fill_(0.25)


class WideModel(WidePreTrainedModel):
    """A constructor that computes with its tensors, ties two layers, and calls `post_init`."""

    def __init__(self, config: WideConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(11, config.hidden_size)
        self.rotary = Rotary(config.width)
        self.layers = nn.ModuleList(nn.Linear(config.width, config.width) for _ in config.rates)
        self.slope = torch.linspace(0, 0.1, 3)[1].item()
        self.norm = nn.LayerNorm(config.width)
        self.mean = self.norm.weight.mean().item()
        self.free = nn.Parameter(torch.arange(config.part.width).float())
        self.first = nn.Linear(config.width, config.width)
        self.last = self.first
        self.post_init()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.first(self.rotary(self.embedding(ids)))
        for layer in self.layers:
            states = layer(states)
        return self.last(self.norm(states)) * self.slope + self.mean + self.free.sum()


class WideForMaskedLM(WidePreTrainedModel):
    """Ties that are declared."""

    _tied_weights_keys = {"head.weight": "body.embedding.weight"}  # noqa: RUF012

    def __init__(self, config: WideConfig) -> None:
        super().__init__(config)
        self.body = WideModel(config)
        self.head = nn.Linear(config.width, 11, bias=False)

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.body(ids))}


class WideListTied(WideForMaskedLM):
    """Ties that the constructor makes, declared as a list as for transformers 4."""

    _tied_weights_keys = ["head.weight"]  # noqa: RUF012

    def __init__(self, config: WideConfig) -> None:
        super().__init__(config)
        self.head.weight = self.body.embedding.weight


class WideOwnTies(WideForMaskedLM):
    """Ties that a method of the author makes."""

    _tied_weights_keys = None

    def tie_weights(self) -> None:
        self.head.weight = self.body.embedding.weight


class WideForSequenceClassification(WidePreTrainedModel):
    """A head with an initialisation of its own, and no `post_init`."""

    def __init__(self, config: WideConfig) -> None:
        super().__init__(config)
        self.body = WideModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        nn.init.constant_(self.classifier.weight, 0.125)
        self.classifier.bias.data.copy_(torch.arange(config.num_labels).float())

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.classifier(self.body(ids)).mean(1)}


class WiderModel(WideModel):
    """A config class of its own."""

    config_class = WiderConfig


class BodyModel(model_core.PreTrainedModel):
    """A config class by annotation, and a loss by `problem_type`."""

    config: BodyConfig

    def __init__(self, config: BodyConfig) -> None:
        super().__init__(config)
        self.weight = nn.Parameter(torch.randn(config.dim, config.num_labels))

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = ids.float()[..., None] @ self.weight[:1] + math.pi
        is_regression = self.config.problem_type == "regression"
        return {"logits": logits, "loss": logits.square().mean() if is_regression else logits.mean()}


class TypedModel(core.PreTrainedModel):
    """Computes with the parts and the enums of its config."""

    config: TypedConfig

    def __init__(self, config: TypedConfig) -> None:
        super().__init__(config)
        width = config.part.width + sum(part.width for part in config.parts)
        self.embedding = nn.Embedding(11, width)
        self.factor = 2.0 if config.part.scale.value == Scale.TWO.value else 1.0  # transformers may import it twice

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embedding(ids) * self.factor
