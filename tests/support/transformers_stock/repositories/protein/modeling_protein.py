import math
from typing import Optional

import torch
from torch import nn
from transformers.modeling_outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    MaskedLMOutput,
)
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import logging

from .configuration_protein import ProteinConfig

logger = logging.get_logger(__name__)


def rotate_half(x):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


def gelu(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


class RotaryEmbedding(torch.nn.Module):
    def __init__(self, dim: int, base: float):
        super().__init__()
        inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.int64).float() / dim))
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        self._seq_len_cached = None

    def forward(self, q, k):
        t = torch.arange(k.shape[-2]).type_as(self.inv_freq)
        emb = torch.cat((torch.outer(t, self.inv_freq),) * 2, dim=-1)
        cos, sin = emb.cos()[None, None], emb.sin()[None, None]
        return (q * cos) + (rotate_half(q) * sin), (k * cos) + (rotate_half(k) * sin)


class ProteinEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.register_buffer("position_ids", torch.arange(64).expand((1, -1)), persistent=False)
        self.token_dropout = config.token_dropout
        self.mask_token_id = config.mask_token_id

    def forward(self, input_ids, attention_mask):
        embeddings = self.word_embeddings(input_ids)
        if self.token_dropout:
            embeddings = embeddings.masked_fill((input_ids == self.mask_token_id).unsqueeze(-1), 0.0)
            mask_ratio_train = 0.15 * 0.8
            src_lengths = attention_mask.sum(-1)
            mask_ratio_observed = (input_ids == self.mask_token_id).sum(-1).float() / src_lengths
            embeddings = (embeddings * (1 - mask_ratio_train) / (1 - mask_ratio_observed)[:, None, None]).to(
                embeddings.dtype
            )
        return embeddings * attention_mask.unsqueeze(-1) + 0.01 * self.position_ids[0, : input_ids.shape[1], None]


class ProteinLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.rotary_embeddings = RotaryEmbedding(config.hidden_size // self.heads, config.rotary_base)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x, mask):
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = self.rotary_embeddings(q, k)
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        probabilities = (scores + mask[:, None, None, :]).softmax(-1)
        return x + gelu(self.output((probabilities @ v).transpose(1, 2).reshape(b, n, c)))


class ProteinPreTrainedModel(PreTrainedModel):
    config_class = ProteinConfig
    base_model_prefix = "protein"
    _no_split_modules = ["ProteinLayer"]

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=0.3)


class ProteinModel(ProteinPreTrainedModel):
    _keys_to_ignore_on_load_missing = [r"position_ids"]

    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config)
        self.config = config
        self.embeddings = ProteinEmbeddings(config)
        self.layers = nn.ModuleList(ProteinLayer(config) for _ in range(config.num_hidden_layers))
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def forward(self, input_ids, attention_mask=None, return_dict: Optional[bool] = None):
        if self.config.is_decoder if hasattr(self.config, "is_decoder") else False:
            raise NotImplementedError
        return_dict = return_dict if return_dict is not None else self.config.use_return_dict
        if attention_mask is None:
            attention_mask = torch.ones(input_ids.shape, device=self.device)
        x = self.embeddings(input_ids, attention_mask)
        mask = (1.0 - attention_mask.to(self.dtype)) * torch.finfo(self.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        pooled = torch.tanh(self.pooler(x[:, 0])) if self.pooler is not None else None
        if not return_dict:
            return (x, pooled)
        return BaseModelOutputWithPoolingAndCrossAttentions(last_hidden_state=x, pooler_output=pooled)


class ProteinForMaskedLM(ProteinPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.protein = ProteinModel(config, add_pooling_layer=False)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.init_weights()

    def forward(self, input_ids, attention_mask=None):
        return MaskedLMOutput(logits=self.decoder(self.protein(input_ids, attention_mask)[0]) + self.bias)
