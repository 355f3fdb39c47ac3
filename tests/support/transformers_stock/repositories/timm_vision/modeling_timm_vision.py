from typing import Optional, Tuple, Union

import timm
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutput

from .configuration_timm_vision import TimmVisionConfig


class TimmVisionPreTrainedModel(PreTrainedModel):
    config_class = TimmVisionConfig
    main_input_name = "pixel_values"
    _no_split_modules = []

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight = nn.Parameter(module.weight.normal_(mean=0.0, std=self.config.initializer_range))
            if module.bias is not None:
                module.bias = nn.Parameter(module.bias.zero_())


class TimmVisionForImageClassification(TimmVisionPreTrainedModel):
    def __init__(self, config, pretrained=False):
        super().__init__(config)
        self.model = timm.create_model(config.architecture, pretrained=pretrained, num_classes=config.num_classes)
        self.post_init()

    def forward(
        self,
        pixel_values: Optional[torch.FloatTensor] = None,
        labels: Optional[torch.LongTensor] = None,
        return_dict: Optional[bool] = None,
        **kwargs,
    ) -> Union[ImageClassifierOutput, Tuple[torch.Tensor]]:
        return_dict = return_dict if return_dict is not None else self.config.use_return_dict
        logits = self.model(pixel_values)
        loss = None
        if labels is not None:
            loss = nn.functional.cross_entropy(logits, labels)
        if not return_dict:
            return (loss, logits) if loss is not None else (logits,)
        return ImageClassifierOutput(loss=loss, logits=logits)
