"""Audio tagging."""

from transformers import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)

AUDIO_PRETRAINED_CONFIG_ARCHIVE_MAP = {"stock-tiny": "https://example.org/config.json"}


class AudioConfig(PretrainedConfig):
    model_type = "stock_audio"

    def __init__(self, name=None, outputdim=7, n_mels=16, n_fft=64, hop_size=16, embed_dim=12, num_labels=None, **kwargs):
        if num_labels is not None:
            outputdim = num_labels
        kwargs["num_labels"] = outputdim
        super().__init__(**kwargs)
        self.name = name
        self.outputdim = outputdim
        self.n_mels = n_mels
        self.n_fft = n_fft
        self.hop_size = hop_size
        self.embed_dim = embed_dim
        if name is not None:
            logger.info(f"Using the preset {name}")
