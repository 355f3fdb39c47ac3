"""PretrainedConfig, opened checkpoints and one-step saving. Standard library only."""

from config_core.checkpoint import CONFIG_NAME, Checkpoint, FolderCheckpoint, open_checkpoint, staged_save
from config_core.config import PreTrainedConfig, PretrainedConfig, register_value_type
from config_core.error_base import ConfigProblem
from config_core.errors import (
    CheckpointChangedError,
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ClassReferenceError,
    ConfigCoreError,
    ConfigDefinitionError,
    ConfigError,
    ConfigFileError,
    ConfigValidationError,
    ForeignConfigError,
    MissingServiceError,
    SaveError,
    SourceCodeError,
    UnknownOptionError,
    UnsafeNameError,
)

__all__ = [
    "CONFIG_NAME",
    "Checkpoint",
    "CheckpointChangedError",
    "CheckpointFileNotFoundError",
    "CheckpointNotFoundError",
    "ClassReferenceError",
    "ConfigCoreError",
    "ConfigDefinitionError",
    "ConfigError",
    "ConfigFileError",
    "ConfigProblem",
    "ConfigValidationError",
    "FolderCheckpoint",
    "ForeignConfigError",
    "MissingServiceError",
    "PreTrainedConfig",
    "PretrainedConfig",
    "SaveError",
    "SourceCodeError",
    "UnknownOptionError",
    "UnsafeNameError",
    "open_checkpoint",
    "register_value_type",
    "staged_save",
]
