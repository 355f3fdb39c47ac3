"""Models whose config and every value say of which version they are, to see what a folder holds."""

from __future__ import annotations

import torch

from tiny_models import TinyConfig, TinyModel

__all__ = ["VersionedModel", "found_versions", "versioned_model"]


class VersionedConfig(TinyConfig):
    def __init__(self, version=0, **kwargs):
        self.version = version
        super().__init__(**kwargs)


class VersionedModel(TinyModel):
    config_class = VersionedConfig


def versioned_model(version, *, width):
    """Make a model of four layers whose config and every value are the version."""
    model = VersionedModel(VersionedConfig(width=width, depth=4, version=version))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(version)
    return model


def found_versions(folder):
    """Load what is in the folder: the version of the config, and all that are in the weights."""
    model = VersionedModel.from_pretrained(folder)
    return model.config.version, sorted({end.item() for weight in model.parameters() for end in weight.aminmax()})
