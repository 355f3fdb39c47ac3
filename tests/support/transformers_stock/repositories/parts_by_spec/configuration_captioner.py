from huggingface_hub.dataclasses import strict
from transformers import AutoConfig
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec
from transformers.utils import auto_docstring
from transformers.utils.type_validators import interval


@auto_docstring(checkpoint="stock/captioner")
@strict
class CaptionerTextConfig(PreTrainedConfig):
    model_type = "stock_captioner_text"
    base_config_key = "text_config"

    vocab_size: int = 12
    hidden_size: int = 8
    dropout: float = interval(min=0.0, max=1.0)(default=0.0)


@strict
class CaptionerVisionConfig(PreTrainedConfig):
    model_type = "stock_captioner_vision"
    base_config_key = "vision_config"

    patch_size: int = 4
    hidden_size: int = 6
    num_heads: int = 2
    head_width: int | None = None

    def __post_init__(self, **kwargs):
        if self.head_width is None:
            self.head_width = self.hidden_size // self.num_heads
        super().__post_init__(**kwargs)


@strict
class CaptionerAudioConfig(CaptionerVisionConfig):
    model_type = "stock_captioner_audio"
    base_config_key = "audio_config"


@strict
class CaptionerConfig(PreTrainedConfig):
    model_type = "stock_captioner"
    attribute_map = {"projection_dim": "projection_dim", "width": "projection_dim"}
    sub_configs_defaults = {
        "vision_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="stock_captioner_vision",
            init_kwargs={"hidden_size": 12, "num_heads": 3},
        ),
        "text_config": CaptionerTextConfig,
        "audio_config": SubConfigSpec(config_class=CaptionerAudioConfig, optional=True),
    }

    vision_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    audio_config: dict | PreTrainedConfig | None = None
    projection_dim: int = 4
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if not self.tie_word_embeddings and getattr(self.text_config, "tie_word_embeddings", False):
            self.tie_word_embeddings = True


AutoConfig.register("stock_captioner_vision", CaptionerVisionConfig, exist_ok=True)
AutoConfig.register("stock_captioner_audio", CaptionerAudioConfig, exist_ok=True)
