import torch
from torch import nn
from transformers import initialization as init
from transformers.backbone_utils import BackboneMixin, filter_output_hidden_states
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BackboneOutput, BaseModelOutput
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import auto_docstring
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_stages import StagesConfig


class StagesLayer(GradientCheckpointingLayer):
    def __init__(self, config):
        super().__init__()
        self.convolution = nn.Conv2d(config.hidden_size, config.hidden_size, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(config.hidden_size))

    def forward(self, hidden_states):
        return hidden_states + torch.relu(self.convolution(hidden_states)) * self.scale[:, None, None]


class StagesPreTrainedModel(PreTrainedModel):
    config: StagesConfig
    base_model_prefix = "stages"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _can_record_outputs = {"hidden_states": StagesLayer}

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, StagesLayer):
            init.uniform_(module.scale, 0.5, 1.5)


class StagesModel(StagesPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.stem = nn.Conv2d(3, config.hidden_size, 2, stride=2)
        self.layers = nn.ModuleList([StagesLayer(config) for _ in range(config.num_hidden_layers)])
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    def forward(self, pixel_values, **kwargs) -> BaseModelOutput:
        hidden_states = self.stem(pixel_values)
        for layer in self.layers:
            hidden_states = layer(hidden_states)
        return BaseModelOutput(last_hidden_state=hidden_states)


@auto_docstring
class StagesBackbone(BackboneMixin, StagesPreTrainedModel):
    has_attentions = False

    def __init__(self, config):
        super().__init__(config)
        self.num_features = [config.hidden_size] * (config.num_hidden_layers + 1)
        self.stages = StagesModel(config)
        self.post_init()

    @can_return_tuple
    @filter_output_hidden_states
    @auto_docstring
    def forward(self, pixel_values, **kwargs) -> BackboneOutput:
        output = self.stages(pixel_values, **kwargs)
        maps = [
            state * channels
            for stage, state, channels in zip(self.stage_names, output.hidden_states, self.num_features)
            if stage in self.out_features
        ]
        return BackboneOutput(feature_maps=tuple(maps), hidden_states=output.hidden_states)
