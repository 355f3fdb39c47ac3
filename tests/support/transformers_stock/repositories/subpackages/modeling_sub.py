import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.file_utils import ModelOutput

from .configuration_sub import SubConfig
from .layers.feed_forward import FeedForward


class SubModel(PreTrainedModel):
    config: SubConfig
    config_class = SubConfig

    def __init__(self, config, *inputs, **kwargs):
        super().__init__(config, *inputs, **kwargs)
        self.inputs = nn.Linear(4, config.width)
        self.feed_forward = FeedForward(config.width, config.activation)
        self.missing_here = nn.Identity()

    def forward(self, features, **kwargs):
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=self.feed_forward(self.inputs(features)))
