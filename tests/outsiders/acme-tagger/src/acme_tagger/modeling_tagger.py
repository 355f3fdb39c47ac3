import torch
from model_core import PreTrainedModel

from .configuration_tagger import TaggerConfig


class TaggerModel(PreTrainedModel):
    config_class = TaggerConfig

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.num_words, config.width)
        self.head = torch.nn.Linear(config.width, config.num_labels)

    def forward(self, words):
        return {"logits": self.head(self.words(words))}
