from typing import List, Optional, Union

from transformers.configuration_utils import PretrainedConfig


class SeriesConfig(PretrainedConfig):
    model_type = "stock_series"
    attribute_map = {"hidden_size": "d_model"}

    def __init__(
        self,
        context_length: int = 32,
        patch_length: int = 8,
        d_model: int = 12,
        num_layers: int = 2,
        mode: str = "common_channel",
        scaling: Optional[Union[str, bool]] = "std",
        loss: str = "mse",
        quantiles: List[float] = [0.1, 0.5, 0.9],
        prediction_length: int = 4,
        **kwargs,
    ):
        self.num_patches = context_length // patch_length
        self.context_length = context_length
        self.patch_length = patch_length
        self.d_model = d_model
        self.num_layers = num_layers
        self.mode = mode
        self.scaling = scaling
        self.loss = loss
        self.quantiles = quantiles
        self.prediction_length = prediction_length
        super().__init__(**kwargs)
