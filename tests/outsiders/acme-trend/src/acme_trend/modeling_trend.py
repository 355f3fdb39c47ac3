import numpy as np
from config_core import open_checkpoint, staged_save

from .configuration_trend import TrendConfig


class TrendModel:
    config_class = TrendConfig

    def __init__(self, config):
        self.config = config
        self.weight = np.full(config.window, 1 / config.window)

    def __call__(self, values):
        return self.weight @ values[-self.config.window :]

    def save_pretrained(self, folder):
        with staged_save(folder) as staging:
            self.config.write_to(staging)
            np.save(staging / "weight.npy", self.weight)

    @classmethod
    def from_pretrained(cls, checkpoint, *, config=None):
        checkpoint = open_checkpoint(checkpoint)
        model = cls(config or TrendConfig.from_pretrained(checkpoint))
        model.weight = np.load(checkpoint.local_path("weight.npy"))
        return model
