from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


@strict
class PairTextConfig(PreTrainedConfig):
    model_type = "stock_pair_text"
    base_config_key = "text_config"

    vocab_size: int = 12
    hidden_size: int = 16
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    max_position_embeddings: int = 16
    rope_parameters: dict | None = None

    def validate_architecture(self):
        """Part of `@strict`-powered validation."""
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("The number of heads must be a multiple of the number of heads of keys and values.")


@strict
class PairVisionConfig(PreTrainedConfig):
    model_type = "stock_pair_vision"
    base_config_key = "vision_config"

    image_size: int = 16
    patch_size: int = 4
    hidden_size: int = 12
    num_hidden_layers: int = 3
    num_attention_heads: int = 2


@strict
class PairConfig(PreTrainedConfig):
    model_type = "stock_pair"
    sub_configs = {"text_config": PairTextConfig, "vision_config": PairVisionConfig}

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    projection_dim: int = 8
    logit_scale_init_value: float = 2.6592

    def __post_init__(self, **kwargs):
        if self.text_config is None:
            self.text_config = PairTextConfig()
            logger.info("`text_config` is `None`.")
        elif isinstance(self.text_config, dict):
            self.text_config = PairTextConfig(**self.text_config)
        if self.vision_config is None:
            self.vision_config = PairVisionConfig()
        elif isinstance(self.vision_config, dict):
            self.vision_config = PairVisionConfig(**self.vision_config)
        super().__post_init__(**kwargs)
