from transformers import AutoConfig, PretrainedConfig


class BackboneStockConfig(PretrainedConfig):
    model_type = "stock_backbone"

    def __init__(self, hidden_size=8, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size


class WithBackboneConfig(PretrainedConfig):
    model_type = "stock_with_backbone"
    sub_configs = {"vision_config": AutoConfig}

    def __init__(self, vision_config=None, **kwargs):
        if not isinstance(vision_config, PretrainedConfig):
            vision_config = BackboneStockConfig(**(vision_config or {}))
        self.vision_config = vision_config
        super().__init__(**kwargs)


AutoConfig.register("stock_backbone", BackboneStockConfig)
AutoConfig.register("stock_with_backbone", WithBackboneConfig)
