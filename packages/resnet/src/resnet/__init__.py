"""ResNet on timm's blocks as a custom model with its own config.

The names below are imported on first use, because the config needs neither torch nor timm, but the models do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet.configuration_resnet import ResnetConfig
    from resnet.errors import MissingExtraError, PretrainedWeightsError, ResnetError, TimmNameError
    from resnet.modeling_resnet import ResnetModel, ResnetModelForImageClassification
    from resnet.timm_weights import config_from_timm, from_timm, timm_names

__all__ = [
    "MissingExtraError",
    "PretrainedWeightsError",
    "ResnetConfig",
    "ResnetError",
    "ResnetModel",
    "ResnetModelForImageClassification",
    "TimmNameError",
    "config_from_timm",
    "from_timm",
    "timm_names",
]

# The light ones first: looking for a name imports those before its own.
_MODULES = ("configuration_resnet", "errors", "modeling_resnet", "timm_weights")


def __getattr__(name: str) -> Any:
    for module in _MODULES if name in __all__ else ():
        home = import_module(f"{__name__}.{module}")
        if name in home.__all__:
            return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
