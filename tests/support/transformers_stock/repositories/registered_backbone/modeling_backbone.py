from torch import nn
from transformers import AutoModel, PreTrainedModel

from .configuration_backbone import BackboneStockConfig, WithBackboneConfig


class BackboneStockModel(PreTrainedModel):
    config_class = BackboneStockConfig

    def __init__(self, config):
        super().__init__(config)
        self.patches = nn.Conv2d(3, config.hidden_size, 8, 8)
        self.post_init()

    def forward(self, pixel_values):
        return self.patches(pixel_values)


class WithBackboneModel(PreTrainedModel):
    config_class = WithBackboneConfig

    def __init__(self, config, backbone=None):
        super().__init__(config)
        self.backbone = AutoModel.from_config(config.vision_config) if backbone is None else backbone
        self.head = nn.Linear(config.vision_config.hidden_size, 3)
        self.post_init()

    def forward(self, pixel_values):
        return {"logits": self.head(self.backbone(pixel_values).mean((2, 3)))}


AutoModel.register(BackboneStockConfig, BackboneStockModel)
AutoModel.register(WithBackboneConfig, WithBackboneModel)
