"""A few lines of what config_core is for: a config that is written, read back and changed on the way."""

from __future__ import annotations

from config_core import PretrainedConfig


class ProbeConfig(PretrainedConfig):
    model_type = "probe"

    def __init__(self, hidden_size: int = 8, layers: tuple[int, ...] = (1, 2), **kwargs) -> None:
        self.hidden_size = hidden_size
        self.layers = layers
        super().__init__(**kwargs)


config = ProbeConfig(hidden_size=16, num_labels=3)
config.save_pretrained("probe")
loaded = ProbeConfig.from_pretrained("probe")
assert loaded.to_dict() == config.to_dict()
assert loaded.num_labels == 3
assert ProbeConfig.from_pretrained("probe", hidden_size=32).hidden_size == 32
