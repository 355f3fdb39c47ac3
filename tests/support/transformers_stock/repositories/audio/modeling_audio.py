import collections
from functools import partial
from typing import Any, Callable, Optional, Tuple, Union

import torch
import torch.utils.checkpoint
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import add_start_docstrings, logging

from .configuration_audio import AudioConfig

logger = logging.get_logger(__name__)


class FrontEnd(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_fft, self.hop = config.n_fft, config.hop_size
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        frequencies = torch.linspace(0, 1, config.n_fft // 2 + 1)
        centres = torch.linspace(0, 1, config.n_mels)
        bank = (1 - (frequencies[:, None] - centres[None]).abs() * config.n_mels).clamp(min=0)
        self.register_buffer("filterbank", bank, persistent=False)

    def forward(self, x):
        spectrum = torch.stft(x, self.n_fft, self.hop, window=self.window, return_complex=True).abs() ** 2
        mel = spectrum.transpose(1, 2) @ self.filterbank
        return 10.0 * torch.log10(mel.clamp(min=1e-10)).transpose(1, 2)


class AudioPreTrainedModel(PreTrainedModel):
    config_class = AudioConfig
    base_model_prefix = "audio"
    main_input_name = "input_values"
    supports_gradient_checkpointing = True

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.2)
            if module.bias is not None:
                nn.init.constant_(module.bias, 0)
        elif isinstance(module, nn.LayerNorm):
            nn.init.constant_(module.bias, 0)
            nn.init.constant_(module.weight, 1.0)


class AudioModel(AudioPreTrainedModel):
    def __init__(self, config: AudioConfig) -> None:
        super().__init__(config)
        self.front_end = FrontEnd(config)
        self.init_bn = nn.BatchNorm2d(config.n_mels, momentum=0.01)
        self.patch_embed = nn.Conv2d(1, config.embed_dim, 4, stride=4)
        self.time_pos_embed = nn.Parameter(torch.randn(1, config.embed_dim, 1, 16) * 0.02)
        self.post_init()

    def forward(self, input_values: torch.Tensor):
        x = self.front_end(input_values)
        x = self.init_bn(x.unsqueeze(1).permute(0, 2, 1, 3)).permute(0, 2, 1, 3)
        x = self.patch_embed(x)
        x = x + self.time_pos_embed[..., : x.shape[-1]]
        return SequenceClassifierOutput(logits=x.flatten(2).transpose(1, 2))


@add_start_docstrings("""Audio model with a classification head.""")
class AudioForAudioClassification(AudioPreTrainedModel):
    def __init__(self, config: AudioConfig) -> None:
        super().__init__(config)
        self.encoder = AudioModel(config)
        self.outputlayer = nn.Sequential(nn.LayerNorm(config.embed_dim), nn.Linear(config.embed_dim, config.outputdim))
        self.post_init()

    def forward(self, input_values: torch.Tensor, labels: Optional[torch.Tensor] = None):
        last_hidden_states = self.encoder(input_values).logits
        logits = self.outputlayer(last_hidden_states).sigmoid().mean(1)
        loss = nn.functional.binary_cross_entropy(logits, labels) if labels is not None else None
        return SequenceClassifierOutput(logits=logits, loss=loss, hidden_states=last_hidden_states)
