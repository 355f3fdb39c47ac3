"""PretrainedConfig, opened checkpoints and one-step saving. Standard library only."""

from config_core.checkpoint import CONFIG_NAME, Checkpoint, FolderCheckpoint, open_checkpoint
from config_core.errors import (
    AutoClassNameError,
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ClassReferenceError,
    ConfigCoreError,
    ConfigDefinitionError,
    ConfigError,
    ConfigFileError,
    ConfigValidationError,
    MissingServiceError,
    SaveError,
    SourceCodeError,
    UnknownOptionError,
    UnsafeNameError,
)
from config_core.pretrained_config import PreTrainedConfig, PretrainedConfig
from config_core.staged_save import staged_save

__all__ = [
    "CONFIG_NAME",
    "AutoClassNameError",
    "Checkpoint",
    "CheckpointFileNotFoundError",
    "CheckpointNotFoundError",
    "ClassReferenceError",
    "ConfigCoreError",
    "ConfigDefinitionError",
    "ConfigError",
    "ConfigFileError",
    "ConfigValidationError",
    "FolderCheckpoint",
    "MissingServiceError",
    "PreTrainedConfig",
    "PretrainedConfig",
    "SaveError",
    "SourceCodeError",
    "UnknownOptionError",
    "UnsafeNameError",
    "open_checkpoint",
    "staged_save",
]
