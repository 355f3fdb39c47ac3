from typing import Optional

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import auto_docstring, torch_int
from transformers.utils.deprecation import deprecate_kwarg
from transformers.utils.generic import can_return_tuple

from .configuration_layers import LayersConfig


class StockLayer(GradientCheckpointingLayer):
    def __init__(self, config):
        super().__init__()
        self.linear = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x, scale=1.0):
        return x + torch.tanh(self.linear(x)) * scale


@auto_docstring
class LayersPreTrainedModel(PreTrainedModel):
    config: LayersConfig
    base_model_prefix = "layers_model"
    supports_gradient_checkpointing = True

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)


@auto_docstring(custom_intro="Some layers.")
class LayersModel(LayersPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([StockLayer(config) for _ in range(config.num_hidden_layers)])
        self.post_init()

    @can_return_tuple
    @deprecate_kwarg("features", new_name="inputs", version="9.0.0")
    @auto_docstring
    def forward(self, inputs: Optional[torch.Tensor] = None, **kwargs) -> BaseModelOutput:
        x = inputs[:, : torch_int(inputs.shape[1] / 1)]
        for layer in self.layers:
            x = layer(x, scale=0.5)
        return BaseModelOutput(last_hidden_state=x)
