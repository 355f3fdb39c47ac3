import copy
from dataclasses import dataclass
from typing import Optional, Tuple, Union

import torch
import torch.nn as nn
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput

from .configuration_series import SeriesConfig


@dataclass
class SeriesPredictionOutput(ModelOutput):
    """
    Output of the prediction.
    """

    loss: Optional[torch.FloatTensor] = None
    prediction_outputs: torch.FloatTensor = None
    backbone_hidden_state: torch.FloatTensor = None
    loc: torch.FloatTensor = None
    scale: torch.FloatTensor = None


class StdScaler(nn.Module):
    def forward(self, data, observed):
        denominator = observed.sum(1, keepdim=True).clamp_min(1.0)
        loc = (data * observed).sum(1, keepdim=True) / denominator
        variance = (((data - loc) * observed) ** 2).sum(1, keepdim=True) / denominator
        scale = torch.sqrt(variance + 1e-5)
        return (data - loc) / scale, loc, scale


class MixerBlock(nn.Module):
    def __init__(self, config: SeriesConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.d_model)
        self.patch_mixer = nn.Linear(config.num_patches, config.num_patches)
        self.feature_mixer = nn.Sequential(nn.Linear(config.d_model, 2 * config.d_model), nn.GELU(), nn.Linear(2 * config.d_model, config.d_model))

    def forward(self, x):
        x = x + self.patch_mixer(self.norm(x).transpose(-1, -2)).transpose(-1, -2)
        return x + self.feature_mixer(self.norm(x))


class SeriesPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
    main_input_name = "past_values"
    config_class = SeriesConfig
    supports_gradient_checkpointing = False

    def _init_weights(self, module):
        """Initialize weights"""
        if isinstance(module, nn.LayerNorm):
            module.bias.data.zero_()
            module.weight.data.fill_(1.0)
        elif isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=0.4)


class SeriesModel(SeriesPreTrainedModel):
    def __init__(self, config: SeriesConfig):
        super().__init__(config)
        self.use_return_dict = config.use_return_dict
        self.scaler = StdScaler()
        self.patcher = nn.Linear(config.patch_length, config.d_model)
        self.mixers = nn.ModuleList([MixerBlock(config) for _ in range(config.num_layers)])
        position = torch.arange(config.num_patches)[:, None] / config.num_patches
        self.register_buffer("position_enc", torch.sin(position * torch.arange(config.d_model)), persistent=False)
        if getattr(config, "post_init", False):
            self.post_init()

    def forward(self, past_values):
        scaled, loc, scale = self.scaler(past_values, torch.ones_like(past_values))
        patches = scaled.transpose(1, 2).unfold(-1, self.config.patch_length, self.config.patch_length)
        x = self.patcher(patches) + self.position_enc
        for mixer in self.mixers:
            x = mixer(x)
        return x, loc, scale


class SeriesForPrediction(SeriesPreTrainedModel):
    def __init__(self, config: SeriesConfig):
        super().__init__(config)
        config.check = "kept"
        self.backbone = SeriesModel(config)
        self.head = nn.Linear(config.num_patches * config.d_model, config.prediction_length)

    def forward(self, past_values, future_values=None, return_dict=None):
        return_dict = return_dict if return_dict is not None else self.backbone.use_return_dict
        x, loc, scale = self.backbone(past_values)
        y = self.head(x.flatten(-2)).transpose(1, 2) * scale + loc
        loss = None if future_values is None else nn.functional.mse_loss(y, future_values)
        output = SeriesPredictionOutput(loss=loss, prediction_outputs=y, backbone_hidden_state=x, loc=loc, scale=scale)
        return output if return_dict else output.to_tuple()
