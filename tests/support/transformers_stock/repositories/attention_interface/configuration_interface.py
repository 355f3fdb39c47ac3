from transformers import PretrainedConfig


class InterfaceConfig(PretrainedConfig):
    model_type = "stock_interface"

    def __init__(self, vocab_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, use_sdpa=True, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.use_sdpa = use_sdpa
