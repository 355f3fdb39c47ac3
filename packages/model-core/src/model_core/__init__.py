"""PreTrainedModel: from a config and safetensors to a torch module, and back."""

from model_core.errors import (
    ArgumentError,
    ConfigClassError,
    ModelCoreError,
    ModelDefinitionError,
    ModelSizeError,
    StateDictError,
    UnsavableTensorError,
    UnsupportedOptionError,
    WeightsFileError,
    WeightsMismatchError,
    WeightsNotFoundError,
)
from model_core.load_report import LoadReport, Mismatch
from model_core.pretrained_model import PreTrainedModel

__all__ = [
    "ArgumentError",
    "ConfigClassError",
    "LoadReport",
    "Mismatch",
    "ModelCoreError",
    "ModelDefinitionError",
    "ModelSizeError",
    "PreTrainedModel",
    "StateDictError",
    "UnsavableTensorError",
    "UnsupportedOptionError",
    "WeightsFileError",
    "WeightsMismatchError",
    "WeightsNotFoundError",
]
