"""The same models twice: with our base classes, and with transformers' where it is installed.

`OURS` and `THEIRS` have the same names, so that a test says which it means and nothing else differs.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import nn
from torch.nn.utils import parametrizations

from config_core import PretrainedConfig
from model_core import PreTrainedModel

try:
    import transformers
except ImportError:
    transformers = None

__all__ = ["OURS", "THEIRS", "TWINS", "fill_differently"]

# The models that are carried from one side to the other.
TWINS = ("Norms", "Tied", "Recurrent", "Parametrized", "Headed", "Timm")


def define(config_base, model_base):
    """Return the config class and the model classes for a pair of base classes."""

    class TwinConfig(config_base):
        model_type = "interchange-twin"

        def __init__(self, width=8, *, tie_word_embeddings=True, **kwargs):
            self.width = width
            self.tie_word_embeddings = tie_word_embeddings  # transformers ties nothing without it
            super().__init__(**kwargs)

    class Twin(model_base):
        config_class = TwinConfig

        def _init_weights(self, module):
            """Leave the modules' own initialisation."""

    class Norms(Twin):
        """Batch statistics, whole numbers among them, a buffer, a scalar, an empty tensor, and channels last."""

        def __init__(self, config):
            super().__init__(config)
            self.conv = nn.Conv2d(3, config.width, 3).to(memory_format=torch.channels_last)
            self.norm = nn.BatchNorm2d(config.width)
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
            self.register_buffer("mask", torch.ones(config.width, dtype=torch.bool))
            self.scale = nn.Parameter(torch.ones(()))
            self.empty = nn.Parameter(torch.empty(0, 4))
            self.post_init()

    class Tied(Twin):
        """A head that is the embedding."""

        _tied_weights_keys = {"head.weight": "embedding.weight"}  # noqa: RUF012 - as authors write it

        def __init__(self, config):
            super().__init__(config)
            self.embedding = nn.Embedding(10, config.width)
            self.head = nn.Linear(config.width, 10, bias=False)
            self.post_init()

    class Recurrent(Twin):
        """A module that keeps its parameters in lists of its own."""

        def __init__(self, config):
            super().__init__(config)
            self.lstm = nn.LSTM(config.width, config.width, num_layers=2, bidirectional=True)
            self.post_init()

    class Parametrized(Twin):
        """A weight that is computed from others."""

        def __init__(self, config):
            super().__init__(config)
            self.linear = parametrizations.weight_norm(nn.Linear(config.width, config.width))
            self.post_init()

    class Inner(Twin):
        """Linear layers, enough of them for several shards."""

        base_model_prefix = "inner"

        def __init__(self, config):
            super().__init__(config)
            self.layers = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(4))
            self.post_init()

    class Headed(Twin):
        """The inner model and a head."""

        base_model_prefix = "inner"

        def __init__(self, config):
            super().__init__(config)
            self.inner = Inner(config)
            self.head = nn.Linear(config.width, 3)
            self.post_init()

    class Timm(Twin):
        """A network of timm's."""

        def __init__(self, config):
            super().__init__(config)
            self.model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2, channels=(8, 8, 8, 8), stem_width=4)
            self.post_init()

    return SimpleNamespace(
        Config=TwinConfig,
        Twin=Twin,
        Norms=Norms,
        Tied=Tied,
        Recurrent=Recurrent,
        Parametrized=Parametrized,
        Inner=Inner,
        Headed=Headed,
        Timm=Timm,
    )


OURS = define(PretrainedConfig, PreTrainedModel)
THEIRS = None if transformers is None else define(transformers.PretrainedConfig, transformers.PreTrainedModel)


def fill_differently(model):
    """Give every tensor of a model values that no constructor gives, and return the model."""
    with torch.no_grad():
        for tensor in {id(tensor): tensor for tensor in model.state_dict(keep_vars=True).values()}.values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape))
            else:
                tensor.copy_(torch.randint(0, 2, tensor.shape))
    return model
