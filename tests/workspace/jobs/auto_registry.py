"""A few lines of what auto_registry is for: a folder becomes the config and the model that were registered for it."""

from __future__ import annotations

from auto_registry import AutoConfig, AutoModel
from config_core import PretrainedConfig


class ProbeConfig(PretrainedConfig):
    model_type = "probe"

    def __init__(self, hidden_size: int = 8, **kwargs) -> None:
        self.hidden_size = hidden_size
        super().__init__(**kwargs)


class ProbeModel:
    config_class = ProbeConfig

    def __init__(self, config: ProbeConfig) -> None:
        self.config = config

    @classmethod
    def from_pretrained(cls, checkpoint, *, config, **_) -> ProbeModel:
        assert checkpoint.has("config.json")
        return cls(config)


AutoConfig.register("probe", ProbeConfig)
AutoModel.register(ProbeConfig, ProbeModel)
ProbeConfig(hidden_size=16).save_pretrained("probe")

assert type(AutoConfig.from_pretrained("probe")) is ProbeConfig
model = AutoModel.from_pretrained("probe")
assert type(model) is ProbeModel
assert model.config.hidden_size == 16
assert type(AutoModel.from_config(ProbeConfig())) is ProbeModel
