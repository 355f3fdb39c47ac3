from transformers import PretrainedConfig


class TimmVisionConfig(PretrainedConfig):
    model_type = "stock_timm_vision"

    def __init__(self, architecture: str = "resnet10t", initializer_range: float = 0.02, num_classes=5, **kwargs):
        self.architecture = architecture
        self.initializer_range = initializer_range
        self.num_classes = num_classes
        super().__init__(num_labels=num_classes, **kwargs)
