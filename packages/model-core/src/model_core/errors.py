"""Errors of model_core. Each is also the builtin exception that callers already catch.

ModelCoreError
├── ModelDefinitionError (TypeError)          a model class breaks the contract of subclasses
├── CheckpointingError (ValueError)           gradient checkpointing was asked of a model that has none
├── ConfigClassError (TypeError)              a model was given something that is no config of its class
├── ArgumentError (ValueError)                an argument of a load or save cannot be understood or obeyed
├── WeightsNotFoundError (FileNotFoundError)  a checkpoint has no weights, or lacks some of its files
├── WeightsFileError (ValueError, OSError)    a file of weights cannot be read as one
│   └── MixedSavesError                       the files of weights were not written by one save
├── WeightsMismatchError (RuntimeError)       the weights and the model do not fit together
└── UnsavableTensorError (ValueError)         a tensor of the model has no form in safetensors
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.error_base import SentenceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from model_core.load_report import LoadReport

__all__ = [
    "ArgumentError",
    "CheckpointingError",
    "ConfigClassError",
    "MixedSavesError",
    "ModelCoreError",
    "ModelDefinitionError",
    "UnsavableTensorError",
    "WeightsFileError",
    "WeightsMismatchError",
    "WeightsNotFoundError",
]


class ModelCoreError(SentenceError):
    """Base of every error that model_core raises on purpose."""


class ModelDefinitionError(ModelCoreError, TypeError):
    """A model class is written in a way that could not be loaded or saved.

    Attributes:
        model_class: The class.
    """

    def __init__(self, problem: str, *, model_class: type) -> None:
        super().__init__(f"{model_class.__qualname__}: {problem}")
        self.model_class = model_class


class CheckpointingError(ModelCoreError, ValueError):
    """Gradient checkpointing was asked of a model that does not support it.

    Attributes:
        model_class: The class of the model.
    """

    def __init__(self, problem: str, *, model_class: type) -> None:
        super().__init__(f"{model_class.__qualname__} does not support gradient checkpointing: {problem}")
        self.model_class = model_class


class ConfigClassError(ModelCoreError, TypeError):
    """A model was given something that is not a config of its class.

    Attributes:
        model_class: The class of the model.
        config: What was given.
    """

    def __init__(self, *, model_class: type, config: object, expected: type) -> None:
        given = config if isinstance(config, type) else type(config)
        kind = "the class " if isinstance(config, type) else "an object of "
        again = ""
        if (given.__module__, given.__qualname__) == (expected.__module__, expected.__qualname__):
            again = " These are two classes of the same name: their module was imported, or their cell run, twice."
        super().__init__(
            f"{model_class.__qualname__} takes a config of {expected.__module__}.{expected.__qualname__}, got {kind}"
            f"{given.__module__}.{given.__qualname__}.{again} To load from a folder or repository, call "
            f"{model_class.__qualname__}.from_pretrained(...)."
        )
        self.model_class = model_class
        self.config = config


class ArgumentError(ModelCoreError, ValueError):
    """An argument of a load or save cannot be understood, or not together with another.

    Attributes:
        argument: Name of the argument.
        value: What was given.
    """

    def __init__(self, argument: str, value: object, *, allowed: str) -> None:
        super().__init__(f"{argument}={value!r} cannot be used. Allowed: {allowed}.")
        self.argument = argument
        self.value = value


class WeightsNotFoundError(ModelCoreError, FileNotFoundError):
    """A checkpoint has no weights, or its index names files that are not there.

    Attributes:
        checkpoint: The checkpoint in words.
        filenames: The files that are missing, or that were looked for and any of which would do.
    """

    def __init__(self, problem: str, *, checkpoint: str, filenames: Iterable[str]) -> None:
        self.filenames = tuple(filenames)
        super().__init__(f"{checkpoint} {problem}: {', '.join(self.filenames)}.")
        self.checkpoint = checkpoint


class WeightsFileError(ModelCoreError, ValueError, OSError):
    """A file of weights is damaged, or not what its name says.

    Attributes:
        file: The file.
    """

    def __init__(self, problem: str, *, file: object) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file


class MixedSavesError(WeightsFileError):
    """The files of weights in a checkpoint were written by different saves: their values do not belong together.

    Attributes:
        saves: Names of the files, those of one save together.
    """

    def __init__(self, *, checkpoint: str, saves: Iterable[Iterable[str]]) -> None:
        self.saves = tuple(tuple(filenames) for filenames in saves)
        listed = "; ".join(
            f"of save {number}: {', '.join(filenames)}" for number, filenames in enumerate(self.saves, start=1)
        )
        super().__init__(
            f"its weights were written by {len(self.saves)} different saves ({listed}). Copy or download the whole "
            "checkpoint again, into an empty folder, or remove the files that do not belong to it",
            file=checkpoint,
        )


class WeightsMismatchError(ModelCoreError, RuntimeError):
    """The weights of a checkpoint and the tensors of a model do not fit together. No weight was used.

    Attributes:
        report: What fits and what does not.
    """

    def __init__(self, problem: str, *, report: LoadReport) -> None:
        super().__init__(f"{problem}\n{report}")
        self.report = report


class UnsavableTensorError(ModelCoreError, ValueError):
    """A value in the state of a model cannot be stored in safetensors. Nothing was written.

    Attributes:
        name: Its name in the state.
    """

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(
            f"{name} {reason}, which safetensors cannot store. Convert it, or leave it out by naming it in "
            "`_keys_to_ignore_on_save`."
        )
        self.name = name
