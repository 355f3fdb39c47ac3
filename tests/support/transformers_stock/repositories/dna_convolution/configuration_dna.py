from transformers import PretrainedConfig


class DnaConfig(PretrainedConfig):
    model_type = "stock_dna"

    def __init__(self, vocab_size=12, d_model=8, max_seq_len=32, order=2, filter_order=4, train_freq=True, **kwargs):
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.max_seq_len = max_seq_len
        self.hyena_order = order
        self.filter_order = filter_order
        self.train_freq = train_freq
        super().__init__(**kwargs)

    @classmethod
    def from_original_config(cls, config_path, **kwargs):
        import json

        with open(config_path) as file:
            return cls(**json.load(file), **kwargs)
