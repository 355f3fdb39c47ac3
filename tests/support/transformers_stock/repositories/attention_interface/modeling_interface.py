from typing import Callable, Optional

import torch
from torch import nn
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from transformers.modeling_flash_attention_utils import FlashAttentionKwargs
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, can_return_tuple

from .configuration_interface import InterfaceConfig


def eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    weights = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        weights = weights + attention_mask
    weights = nn.functional.softmax(weights, dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


class InterfaceLayer(GradientCheckpointingLayer):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.heads = config.num_attention_heads
        self.scaling = (config.hidden_size // self.heads) ** -0.5
        self.is_causal = False
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden, attention_mask=None, **kwargs: Unpack[FlashAttentionKwargs]):
        query, key, value = self.qkv(hidden).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attention: Callable = eager_attention_forward
        if self.config._attn_implementation != "eager":
            attention = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        output, _ = attention(self, query, key, value, attention_mask, scaling=self.scaling, **kwargs)
        return hidden + output.reshape(*hidden.shape).contiguous()


class InterfaceModel(PreTrainedModel):
    config: InterfaceConfig
    config_class = InterfaceConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True

    def __init__(self, config):
        super().__init__(config)
        if config.use_sdpa:
            config._attn_implementation = "sdpa"
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([InterfaceLayer(config) for _ in range(config.num_hidden_layers)])
        self.post_init()

    @can_return_tuple
    def forward(self, input_ids: Optional[torch.Tensor] = None, **kwargs: Unpack[TransformersKwargs]) -> BaseModelOutput:
        assert not is_deepspeed_zero3_enabled()
        hidden = self.embed_tokens(input_ids)
        for layer in self.layers:
            hidden = layer(hidden, **kwargs)
        return BaseModelOutput(last_hidden_state=hidden)
