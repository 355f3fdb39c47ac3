from transformers import PretrainedConfig


class SubConfig(PretrainedConfig):
    model_type = "stock_sub"

    def __init__(self, width=8, activation="quick_gelu", rope_scaling=None, **kwargs):
        self.width = width
        self.activation = activation
        self.rope_scaling = rope_scaling
        super().__init__(**kwargs)
