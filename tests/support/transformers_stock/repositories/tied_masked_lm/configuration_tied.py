from transformers import PretrainedConfig


class TiedConfig(PretrainedConfig):
    model_type = "stock_tied"
    attribute_map = {"hidden_size": "d_model", "num_hidden_layers": "n_layer"}

    def __init__(self, vocab_size=40, d_model=16, n_layer=2, pad_token_id=1, **kwargs):
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.n_layer = n_layer
        super().__init__(pad_token_id=pad_token_id, **kwargs)
