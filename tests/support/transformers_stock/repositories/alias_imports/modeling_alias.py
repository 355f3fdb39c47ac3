from __future__ import annotations

import importlib
import typing

import torch
import transformers.modeling_outputs as outputs
from transformers import modeling_utils, pytorch_utils as pu

from . import configuration_alias as conf

if typing.TYPE_CHECKING:
    from transformers import GenerationMixin
    from transformers.cache_utils import Cache

try:
    from transformers.cache_utils import DynamicCache, NoSuchCacheEver
except ImportError:
    DynamicCache = None

activations = importlib.import_module("transformers.activations")


class AliasModel(modeling_utils.PreTrainedModel):
    config_class = conf.AliasConfig

    def __init__(self, config):
        super().__init__(config)
        self.conv = pu.Conv1D(config.width, 3)
        self.act = activations.ACT2FN["relu2"]
        self.norm = torch.nn.LayerNorm(config.width)

    def chat(self, cache: "Cache" = None):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained("x")

    def forward(self, features, cache: Cache | None = None):
        import transformers

        hidden = self.norm(self.act(self.conv(features)))
        assert transformers.utils.is_torch_available()
        return outputs.BaseModelOutput(last_hidden_state=hidden, hidden_states=(features, hidden))
