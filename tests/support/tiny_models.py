"""Models of a few numbers each, for the tests of model_core."""

from __future__ import annotations

import torch
from torch import nn

from config_core import PretrainedConfig
from model_core import PreTrainedModel

__all__ = ["HeadModel", "NormModel", "TinyConfig", "TinyModel", "fill_randomly", "same_state"]


class TinyConfig(PretrainedConfig):
    """A width and a number of classes."""

    model_type = "tiny"

    def __init__(self, width=4, depth=2, **kwargs):
        self.width = width
        self.depth = depth
        super().__init__(**kwargs)


class TinyModel(PreTrainedModel):
    """A stack of linear layers, written as the guide writes models."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(config.depth))

    def forward(self, inputs):
        for layer in self.layers:
            inputs = layer(inputs).relu()
        return inputs


class NormModel(PreTrainedModel):
    """Everything that a module can hold besides weights: statistics, tables, plain tensors."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv2d(1, config.width, 3)
        self.norm = nn.BatchNorm2d(config.width)
        self.register_buffer("positions", torch.arange(config.width), persistent=False)
        self.register_buffer("table", torch.linspace(0, 1, config.width))
        self.offset = torch.full((2,), 3.0)

    def forward(self, images):
        return self.norm(self.conv(images)) + self.offset[0] + self.positions.sum() + self.table.sum()


class HeadModel(PreTrainedModel):
    """A TinyModel with a classifier on top."""

    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.head = nn.Linear(config.width, config.num_labels)

    def forward(self, inputs):
        return self.head(self.tiny(inputs))


def fill_randomly(model):
    """Give every floating tensor of a model values that no constructor gives, and return the model."""
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape))
    return model


def same_state(one, other):
    """Return whether two models hold the same tensors bit for bit."""
    state, other_state = one.state_dict(), other.state_dict()
    return state.keys() == other_state.keys() and all(
        state[name].dtype is other_state[name].dtype and torch.equal(state[name], other_state[name]) for name in state
    )
