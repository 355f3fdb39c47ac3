import warnings
from typing import List, Optional, Tuple, Union

import torch
import transformers
from torch import nn
from transformers.modeling_outputs import ImageClassifierOutput
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput, logging

from .configuration_composite import CompositeConfig, PictureConfig
from .modeling_words import WordsModel

logger = logging.get_logger(__name__)


def version_cmp(v1, v2, op="eq"):
    import operator

    from packaging import version

    return getattr(operator, op)(version.parse(v1), version.parse(v2))


class PictureModel(PreTrainedModel):
    config_class = PictureConfig
    main_input_name = "pixel_values"

    def __init__(self, config):
        super().__init__(config)
        self.patch = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.scale = nn.Parameter(torch.full((config.hidden_size,), 0.5))
        self.post_init()

    def forward(self, pixel_values):
        return self.patch(pixel_values).flatten(2).transpose(1, 2) * self.scale


class CompositeModel(PreTrainedModel):
    config_class = CompositeConfig
    main_input_name = "pixel_values"
    base_model_prefix = "language_model"
    _supports_flash_attn_2 = True
    _no_split_modules = ["PictureModel"]

    def __init__(self, config: CompositeConfig, vision_model=None, language_model=None, use_flash_attn=True):
        super().__init__(config)
        assert version_cmp(transformers.__version__, "4.36.2", "ge")
        self.vision_model = vision_model if vision_model is not None else PictureModel(config.vision_config)
        self.language_model = language_model if language_model is not None else WordsModel(config.llm_config)
        self.mlp1 = nn.Sequential(
            nn.LayerNorm(config.vision_config.hidden_size),
            nn.Linear(config.vision_config.hidden_size, config.llm_config.hidden_size),
            nn.GELU(),
        )
        self.post_init()

    def extract_feature(self, pixel_values):
        return self.mlp1(self.vision_model(pixel_values))

    def forward(self, pixel_values, input_ids, return_dict=None):
        return_dict = return_dict if return_dict is not None else self.config.use_return_dict
        words = self.language_model.get_input_embeddings()(input_ids)
        outputs = self.language_model(inputs_embeds=torch.cat([self.extract_feature(pixel_values), words], 1))
        if not return_dict:
            return outputs.to_tuple()
        return outputs
