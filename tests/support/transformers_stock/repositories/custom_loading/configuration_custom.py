from transformers import PretrainedConfig
from transformers.utils import CONFIG_NAME, WEIGHTS_NAME


class CustomConfig(PretrainedConfig):
    model_type = "stock_custom"

    def __init__(self, hidden_size=6, extra_losses=None, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.extra_losses = extra_losses if extra_losses is not None else {}
        assert CONFIG_NAME == "config.json"

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **kwargs):
        cls._set_token_in_kwargs(kwargs)
        config_dict, kwargs = cls.get_config_dict(pretrained_model_name_or_path, **kwargs)
        return cls.from_dict(config_dict, **kwargs)
