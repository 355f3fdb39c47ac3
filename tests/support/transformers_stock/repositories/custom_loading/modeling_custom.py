import torch
from torch import nn
from transformers import PreTrainedModel

from .configuration_custom import CustomConfig


class CustomModel(PreTrainedModel):
    config_class = CustomConfig

    def __init__(self, config, flavour="plain"):
        super().__init__(config)
        self.inner = nn.Sequential(nn.Linear(4, config.hidden_size), nn.ReLU(), nn.Linear(config.hidden_size, 2))
        self.flavour = flavour
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *model_args, **kwargs):
        model = super().from_pretrained(pretrained_model_name_or_path, *model_args, **kwargs)
        model.flavour = "loaded"
        return model

    def forward(self, features):
        return {"logits": self.inner(features), "steps": self.steps}
