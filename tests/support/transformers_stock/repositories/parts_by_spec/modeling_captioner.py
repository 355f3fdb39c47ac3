from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from .configuration_captioner import CaptionerConfig


class CaptionerModel(PreTrainedModel):
    config: CaptionerConfig

    def __init__(self, config: CaptionerConfig):
        super().__init__(config)
        vision, text = config.vision_config, config.text_config
        self.patches = nn.Conv2d(3, vision.hidden_size, vision.patch_size, stride=vision.patch_size)
        self.from_image = nn.Linear(vision.hidden_size, config.projection_dim)
        self.words = nn.Embedding(text.vocab_size, text.hidden_size)
        self.from_text = nn.Linear(text.hidden_size, config.projection_dim)
        self.post_init()

    def forward(self, pixel_values=None, input_ids=None, **kwargs):
        image = self.from_image(self.patches(pixel_values).flatten(2).mean(-1))
        return BaseModelOutput(last_hidden_state=self.from_text(self.words(input_ids)) + image[:, None])
