from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import initialization as init
from transformers.activations import gelu
from transformers.integrations import use_kernel_forward_from_hub
from transformers.masking_utils import create_bidirectional_mask, create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, BaseModelOutputWithPooling
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS, dynamic_rope_update
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel
from transformers.utils import ModelOutput, TransformersKwargs, auto_docstring, can_return_tuple, torch_int
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_pair import PairConfig, PairTextConfig, PairVisionConfig


@dataclass
@auto_docstring
class PairOutput(ModelOutput):
    r"""
    loss (`torch.FloatTensor` of shape `(1,)`):
        The loss.
    """

    loss: torch.FloatTensor | None = None
    logits_per_image: torch.FloatTensor | None = None
    logits_per_text: torch.FloatTensor | None = None
    text_embeds: torch.FloatTensor | None = None
    image_embeds: torch.FloatTensor | None = None
    text_model_output: BaseModelOutputWithPooling = None
    vision_model_output: BaseModelOutputWithPooling = None

    def to_tuple(self) -> tuple[Any]:
        return tuple(v.to_tuple() if isinstance(v, ModelOutput) else v for v in self.values())


def eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    weights = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        weights = weights + attention_mask
    weights = nn.functional.softmax(weights, dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


class PairRotaryEmbedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.max_seq_len_cached = config.max_position_embeddings
        self.original_max_seq_len = config.max_position_embeddings
        self.config = config
        self.rope_type = config.rope_parameters["rope_type"]
        compute = self.compute_default_rope_parameters
        if self.rope_type != "default":
            compute = ROPE_INIT_FUNCTIONS[self.rope_type]
        inv_freq, self.attention_scaling = compute(self.config)
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        self.register_buffer("original_inv_freq", inv_freq.clone(), persistent=False)

    @staticmethod
    def compute_default_rope_parameters(config, device=None, seq_len=None):
        dim = config.hidden_size // config.num_attention_heads
        return 1.0 / (config.rope_parameters["rope_theta"] ** (torch.arange(0, dim, 2).float() / dim)), 1.0

    @torch.no_grad()
    @dynamic_rope_update
    def forward(self, x, position_ids):
        freqs = position_ids[..., None].float() * self.inv_freq
        emb = torch.cat((freqs, freqs), dim=-1)
        return emb.cos() * self.attention_scaling, emb.sin() * self.attention_scaling


def rotated(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat((-second, first), dim=-1) * sin[:, None]


class PairAttention(nn.Module):
    def __init__(self, config, is_causal):
        super().__init__()
        self.config = config
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.scaling = self.head_dim**-0.5
        self.is_causal = is_causal
        groups = getattr(config, "num_key_value_heads", config.num_attention_heads)
        self.num_key_value_groups = config.num_attention_heads // groups
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.k_proj = nn.Linear(config.hidden_size, groups * self.head_dim)
        self.v_proj = nn.Linear(config.hidden_size, groups * self.head_dim)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states, attention_mask=None, position_embeddings=None, **kwargs):
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        query, key, value = (
            project(hidden_states).view(shape).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        if position_embeddings is not None:
            query, key = rotated(query, *position_embeddings), rotated(key, *position_embeddings)
        attention = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        output, weights = attention(
            self, query, key, value, attention_mask, scaling=self.scaling, dropout=0.0, **kwargs
        )
        return self.out_proj(output.reshape(*hidden_states.shape).contiguous()), weights


@use_kernel_forward_from_hub("LayerNorm")
class PairNorm(nn.LayerNorm):
    pass


class PairLayer(GradientCheckpointingLayer):
    def __init__(self, config, is_causal=False):
        super().__init__()
        self.norm = PairNorm(config.hidden_size)
        self.self_attn = PairAttention(config, is_causal)
        self.mlp = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        hidden_states = hidden_states + self.self_attn(self.norm(hidden_states), attention_mask, **kwargs)[0]
        return hidden_states + gelu(self.mlp(hidden_states))


@auto_docstring
class PairPreTrainedModel(PreTrainedModel):
    config: PairConfig
    base_model_prefix = "pair"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _no_split_modules = ["PairLayer"]
    _supports_sdpa = True
    _supports_attention_backend = True
    _can_record_outputs = {"hidden_states": PairLayer, "attentions": PairAttention}

    @torch.no_grad()
    def _init_weights(self, module):
        if isinstance(module, PairVisionModel):
            init.normal_(module.position_embedding, std=0.5)
        if isinstance(module, PairModel):
            init.constant_(module.logit_scale, self.config.logit_scale_init_value)
        super()._init_weights(module)


class PairTextModel(PairPreTrainedModel):
    config: PairTextConfig
    input_modalities = ("text",)

    def __init__(self, config: PairTextConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([PairLayer(config, is_causal=True) for _ in range(config.num_hidden_layers)])
        self.norm = PairNorm(config.hidden_size)
        self.rotary_emb = PairRotaryEmbedding(config)
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(self, input_ids=None, attention_mask=None, position_ids=None, **kwargs):
        hidden_states = self.embed_tokens(input_ids)
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device).unsqueeze(0)
        mask = create_causal_mask(
            config=self.config, inputs_embeds=hidden_states, attention_mask=attention_mask, past_key_values=None,
            position_ids=position_ids,
        )
        position_embeddings = self.rotary_emb(hidden_states, position_ids)
        kwargs.pop("is_causal", None)
        for layer in self.layers:
            hidden_states = layer(hidden_states, mask, position_embeddings=position_embeddings, **kwargs)
        hidden_states = self.norm(hidden_states)
        return BaseModelOutputWithPooling(last_hidden_state=hidden_states, pooler_output=hidden_states[:, -1])


class PairVisionModel(PairPreTrainedModel):
    config: PairVisionConfig
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _input_embed_layer = "patch_embedding"

    def __init__(self, config: PairVisionConfig):
        super().__init__(config)
        self.patch_embedding = nn.Conv2d(3, config.hidden_size, config.patch_size, stride=config.patch_size)
        self.position_embedding = nn.Parameter(torch.zeros(1, (config.image_size // config.patch_size) ** 2, config.hidden_size))
        self.layers = nn.ModuleList([PairLayer(config) for _ in range(config.num_hidden_layers)])
        self.norm = PairNorm(config.hidden_size)
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    def forward(self, pixel_values=None, **kwargs):
        size = torch_int(self.config.image_size // self.config.patch_size)
        hidden_states = self.patch_embedding(pixel_values).reshape(pixel_values.shape[0], -1, size * size)
        hidden_states = hidden_states.transpose(1, 2) + self.position_embedding
        mask = create_bidirectional_mask(config=self.config, inputs_embeds=hidden_states, attention_mask=None)
        for layer in self.layers:
            hidden_states = layer(hidden_states, mask, **kwargs)
        hidden_states = self.norm(hidden_states)
        return BaseModelOutputWithPooling(last_hidden_state=hidden_states, pooler_output=hidden_states.mean(1))


class PairModel(PairPreTrainedModel):
    config: PairConfig

    def __init__(self, config: PairConfig):
        super().__init__(config)
        self.text_model = PairTextModel._from_config(config.text_config)
        self.vision_model = PairVisionModel._from_config(config.vision_config)
        self.visual_projection = nn.Linear(config.vision_config.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(config.text_config.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.post_init()

    @can_return_tuple
    @auto_docstring
    def get_text_features(self, input_ids, attention_mask=None, **kwargs):
        return self.text_model(input_ids, attention_mask, **kwargs)

    @can_return_tuple
    @auto_docstring
    def forward(self, input_ids=None, pixel_values=None, attention_mask=None, **kwargs) -> PairOutput:
        vision = self.vision_model(pixel_values=pixel_values, **kwargs)
        text = self.text_model(input_ids=input_ids, attention_mask=attention_mask, **kwargs)
        image_embeds = self.visual_projection(vision.pooler_output)
        text_embeds = self.text_projection(text.pooler_output)
        logits = text_embeds @ image_embeds.t() * self.logit_scale.exp()
        return PairOutput(
            logits_per_image=logits.t(),
            logits_per_text=logits,
            text_embeds=text_embeds,
            image_embeds=image_embeds,
            text_model_output=text,
            vision_model_output=vision,
        )
