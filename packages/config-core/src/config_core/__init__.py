"""PretrainedConfig, opened checkpoints and one-step saving. Standard library only."""

from config_core.checkpoint import Checkpoint, FolderCheckpoint, open_checkpoint
from config_core.class_reference import ClassReference
from config_core.code_bundle import CodeBundle
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
from config_core.pretrained_config import CONFIG_NAME, PreTrainedConfig, PretrainedConfig
from config_core.staged_save import staged_save

__all__ = [
    "CONFIG_NAME",
    "AutoClassNameError",
    "Checkpoint",
    "CheckpointFileNotFoundError",
    "CheckpointNotFoundError",
    "ClassReference",
    "ClassReferenceError",
    "CodeBundle",
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
