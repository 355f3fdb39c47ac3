from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_rope_utils import RopeParameters
from transformers.utils import auto_docstring


@auto_docstring(checkpoint="stock/modern-encoder")
class ModernEncoderConfig(PreTrainedConfig):
    model_type = "stock_modern_encoder"
    keys_to_ignore_at_inference = ["past_key_values"]
    default_theta = 160_000.0

    vocab_size: int = 12
    hidden_size: int = 16
    intermediate_size: int = 24
    num_hidden_layers: int = 4
    num_attention_heads: int = 2
    hidden_activation: str = "gelu"
    max_position_embeddings: int = 64
    initializer_range: float = 0.02
    norm_eps: float = 1e-5
    pad_token_id: int | None = 0
    layer_types: list[str] | None = None
    rope_parameters: dict[str, RopeParameters] | RopeParameters | None = None
    sliding_window: int = 2
    eager: bool = False
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs):
        if self.layer_types is None:
            self.layer_types = [
                "sliding_attention" if number % 3 else "full_attention" for number in range(self.num_hidden_layers)
            ]
        default = {kind: {"rope_type": "default", "rope_theta": 10.0**number} for number, kind in enumerate(sorted(set(self.layer_types)), 3)}
        self.rope_parameters = self.rope_parameters if self.rope_parameters is not None else default
        super().__post_init__(**kwargs)
