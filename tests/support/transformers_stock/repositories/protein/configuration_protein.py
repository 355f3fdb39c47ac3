from dataclasses import asdict, dataclass
from typing import Optional

from transformers import PretrainedConfig, logging

logger = logging.get_logger(__name__)


@dataclass
class FoldConfig:
    width: int = 8
    use_it: bool = False

    def to_dict(self):
        return asdict(self)


class ProteinConfig(PretrainedConfig):
    model_type = "stock_protein"

    def __init__(
        self,
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        hidden_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        token_dropout=True,
        rotary_base: int = 10000.0,
        fold_config=None,
        vocab_list=None,
        **kwargs,
    ):
        super().__init__(pad_token_id=pad_token_id, mask_token_id=mask_token_id, **kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads
        self.num_hidden_layers = num_hidden_layers
        self.token_dropout = token_dropout
        self.rotary_base = rotary_base
        if fold_config is None:
            logger.info("No fold_config supplied, using default values.")
            fold_config = FoldConfig()
        elif isinstance(fold_config, dict):
            fold_config = FoldConfig(**fold_config)
        self.fold_config = fold_config
        self.vocab_list = vocab_list

    def to_dict(self):
        output = super().to_dict()
        if isinstance(self.fold_config, FoldConfig):
            output["fold_config"] = self.fold_config.to_dict()
        return output
