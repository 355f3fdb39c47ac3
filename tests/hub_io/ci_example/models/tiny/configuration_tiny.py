"""The config of the example checkpoint."""

from __future__ import annotations

from typing import Any

from config_core import PretrainedConfig


class TinyConfig(PretrainedConfig):
    """The config."""

    model_type = "tiny"

    def __init__(self, size: int = 3, **kwargs: Any) -> None:
        """Make a config.

        Args:
            size: Number of weights.
            **kwargs: Other fields.
        """
        self.size = size
        super().__init__(**kwargs)
