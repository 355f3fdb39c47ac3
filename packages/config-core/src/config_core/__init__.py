"""PretrainedConfig, opened checkpoints and one-step saving. Standard library only."""

from typing import TYPE_CHECKING, Any

from config_core.checkpoint import CONFIG_NAME, Checkpoint, FolderCheckpoint, open_checkpoint
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

if TYPE_CHECKING:
    from config_core.checkpoint import staged_save

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


def __getattr__(name: str) -> Any:
    if name != "staged_save":  # programs that only load do not need it
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from config_core.checkpoint import staged_save

    return staged_save


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
