"""The model of the example checkpoint."""

from __future__ import annotations

import json
from typing import Any

from .configuration_tiny import TinyConfig


class TinyModel:
    """The model."""

    config_class = TinyConfig

    def __init__(self, config: TinyConfig) -> None:
        """Make a model of zeros."""
        self.config = config
        self.weights = [0.0] * config.size

    @classmethod
    def from_pretrained(cls, checkpoint: Any, *, config: TinyConfig) -> TinyModel:
        """Load the weights of a checkpoint."""
        model = cls(config)
        model.weights = json.loads(checkpoint.read_bytes("weights.json", limit=10_000))
        return model
