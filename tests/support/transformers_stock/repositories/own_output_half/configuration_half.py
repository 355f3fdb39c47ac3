from transformers import PretrainedConfig


class HalfConfig(PretrainedConfig):
    model_type = "stock_half"

    def __init__(self, hidden_size=16, num_labels=3, **kwargs):
        self.hidden_size = hidden_size
        super().__init__(num_labels=num_labels, **kwargs)
