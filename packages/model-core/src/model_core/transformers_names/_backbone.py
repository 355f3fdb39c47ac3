"""`BackboneMixin`: the part of a model that returns feature maps of some of its stages."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

__all__ = ["BackboneMixin", "BackboneType"]


class BackboneType(enum.Enum):
    """Where the network comes from. Those of timm are made by transformers' own classes, which are not served."""

    TIMM = "timm"
    TRANSFORMERS = "transformers"


class BackboneMixin:
    """Gives a model the stages of its config. A subclass sets `num_features`: the number of channels of each stage."""

    backbone_type: Any = None
    has_attentions: ClassVar[bool] = True
    num_features: Any
    config: Any

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)  # type: ignore[call-arg]  # of the model
        self._init_backbone(config)

    def _init_backbone(self, config: Any) -> None:
        """Read the stages. Code of version 4 calls this itself."""
        self.config = config
        self.backbone_type = BackboneType.TRANSFORMERS
        self.stage_names = config.stage_names
        config.verify_out_features_out_indices()
        self.num_features = None

    @property
    def out_features(self) -> Any:
        """Names of the stages whose feature maps are returned. Assigning them changes the config."""
        return self.config.out_features

    @out_features.setter
    def out_features(self, out_features: Any) -> None:
        self.config.out_features = out_features

    @property
    def out_indices(self) -> Any:
        """Numbers of these stages. Assigning them changes the config."""
        return self.config.out_indices

    @out_indices.setter
    def out_indices(self, out_indices: Any) -> None:
        self.config.out_indices = out_indices

    _out_features, _out_indices = out_features, out_indices  # their names in version 4

    @property
    def out_feature_channels(self) -> dict[str, int]:
        """Name of each stage to its number of channels."""
        return {stage: self.num_features[number] for number, stage in enumerate(self.stage_names)}

    @property
    def channels(self) -> list[int]:
        """Number of channels of each feature map that is returned."""
        return [self.out_feature_channels[name] for name in self.out_features]

    def forward_with_filtered_kwargs(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model without keywords that it does not take."""
        import inspect

        parameters = inspect.signature(self.forward).parameters  # type: ignore[attr-defined]
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        known = {name: value for name, value in kwargs.items() if takes_any or name in parameters}
        if not self.has_attentions:
            known.pop("output_attentions", None)
        return self(*args, **known)  # type: ignore[operator]
