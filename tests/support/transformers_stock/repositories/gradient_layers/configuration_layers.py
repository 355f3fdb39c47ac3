from transformers import PretrainedConfig
from transformers.utils import ExplicitEnum


class Mode(ExplicitEnum):
    PLAIN = "plain"
    FANCY = "fancy"


class LayersConfig(PretrainedConfig):
    model_type = "stock_layers"

    def __init__(self, hidden_size=10, num_hidden_layers=3, mode="plain", **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.mode = Mode(mode).value
