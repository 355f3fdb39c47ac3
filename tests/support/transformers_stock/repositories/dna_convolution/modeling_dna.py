import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import transformers
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, CausalLMOutput

from .configuration_dna import DnaConfig


def fftconv(u, k, D):
    seqlen = u.shape[-1]
    fft_size = 2 * seqlen
    k_f = torch.fft.rfft(k, n=fft_size) / fft_size
    u_f = torch.fft.rfft(u.to(dtype=k.dtype), n=fft_size)
    y = torch.fft.irfft(u_f * k_f, n=fft_size, norm="forward")[..., :seqlen]
    return (y + u * D.unsqueeze(-1)).to(dtype=u.dtype)


@torch.jit.script
def mul_sum(q, y):
    return (q * y).sum(dim=1)


class Sin(nn.Module):
    def __init__(self, config):
        super().__init__()
        freq = 10.0 * torch.ones(1, config.filter_order)
        self.freq = nn.Parameter(freq) if config.train_freq else freq

    def forward(self, x):
        return torch.sin(self.freq * x)


class PositionalEmbedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        seq_len = config.max_seq_len
        t = torch.linspace(0, 1, seq_len)[None, :, None]
        w = 2 * math.pi * torch.linspace(0, seq_len - 1, seq_len)[None, :, None] / seq_len
        f = torch.linspace(1e-4, 1, 2)[None, None]
        z = torch.exp(-1j * f * w)
        z = torch.cat([t, z.real, z.imag], dim=-1)
        self.z = nn.Parameter(z, requires_grad=True)
        self.register_buffer("t", t)


class Filter(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(config.d_model))
        self.pos_emb = PositionalEmbedding(config)
        act = Sin(config)
        self.implicit_filter = nn.Sequential(
            nn.Linear(5, config.filter_order), act, nn.Linear(config.filter_order, config.d_model, bias=False)
        )
        self.register_buffer("deltas", torch.linspace(1, 5, config.d_model)[None, None], persistent=False)

    def forward(self, L):
        h = self.implicit_filter(self.pos_emb.z[:, :L])
        return h * torch.exp(-self.pos_emb.t[:, :L] * self.deltas.abs())


class DnaModel(PreTrainedModel):
    config_class = DnaConfig
    base_model_prefix = "hyena"
    supports_gradient_checkpointing = False
    _no_split_modules = ["Filter"]
    _skip_keys_device_placement = "past_key_values"
    _keys_to_ignore_on_load_missing = [r"freq"]

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.word_embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.in_proj = nn.Linear(config.d_model, 3 * config.d_model)
        self.filter_fn = Filter(config)
        self.out_proj = nn.Linear(config.d_model, config.d_model)
        self.post_init()

    def _init_weights(self, module, initializer_range=0.3):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=initializer_range)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, p in self.named_parameters():
            if name in ["out_proj.weight"]:
                nn.init.normal_(p, mean=0.0, std=initializer_range / math.sqrt(2 * 2))

    def forward(self, input_ids, output_hidden_states=None):
        x0, x1, v = self.in_proj(self.word_embeddings(input_ids)).transpose(1, 2).chunk(3, dim=1)
        k = self.filter_fn(input_ids.shape[1])[0].transpose(0, 1)
        y = fftconv(v * x1, k, self.filter_fn.bias)
        y = mul_sum(torch.stack([y, y * x0], 1), torch.stack([x0, x1], 1)).transpose(1, 2)
        return BaseModelOutputWithNoAttention(last_hidden_state=self.out_proj(y))
