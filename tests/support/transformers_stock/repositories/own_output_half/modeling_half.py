from collections import OrderedDict
from dataclasses import dataclass
from typing import Dict, Optional

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from .configuration_half import HalfConfig


@dataclass
class HalfOutput(ModelOutput):
    logits: torch.FloatTensor = None
    features: Optional[Dict[str, torch.Tensor]] = None


class HalfModel(PreTrainedModel):
    config_class = HalfConfig
    _keep_in_fp32_modules = ["norm"]

    def __init__(self, config: HalfConfig):
        super().__init__(config)
        self.inputs = nn.Linear(5, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.head = nn.Linear(config.hidden_size, config.num_labels)
        self.register_buffer("offset", torch.linspace(-1, 1, config.hidden_size), persistent=False)
        self.register_buffer("counts", torch.arange(config.hidden_size))
        self.post_init()

    @property
    def dummy_inputs(self):
        return {"features": torch.zeros(1, 5)}

    def forward(self, features):
        hidden = self.inputs(features.to(self.inputs.weight.dtype)) + self.offset.to(self.inputs.weight.dtype)
        hidden = self.norm(hidden.to(self.norm.weight.dtype)).to(self.inputs.weight.dtype)
        return HalfOutput(logits=self.head(hidden), features={"hidden": hidden})
