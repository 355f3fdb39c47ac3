"""Errors of model_core. Each is also the builtin exception that callers already catch.

ModelCoreError
├── ModelDefinitionError (TypeError, ValueError)   change the model class: it does not do what was asked for
├── ConfigClassError (TypeError)                   pass a config of the model's class, or call from_pretrained
├── ArgumentError (ValueError)                     correct an argument of a load or save
│   └── UnsupportedOptionError                       omit an option of transformers; an UnknownOptionError too
├── StateDictError (ValueError)                    pass a state dict that matches the model
├── WeightsNotFoundError (FileNotFoundError)       complete the checkpoint: weight files are missing
├── WeightsFileError (ValueError, OSError)         download again: a file is damaged, or files are from several saves
├── WeightsMismatchError (RuntimeError)            load another checkpoint, or allow the differences in `report`
├── ModelSizeError (ValueError, RuntimeError)      correct the config: no such model fits the weights or the memory
└── UnsavableTensorError (ValueError)              convert or exclude a value that safetensors cannot store
"""

from __future__ import annotations

from collections.abc import Iterable

from config_core.code import describe_class, describe_value
from config_core.error_base import SentenceError
from config_core.errors import UnknownOptionError
from model_core.load_report import LoadReport

__all__ = [
    "ArgumentError",
    "ConfigClassError",
    "ModelCoreError",
    "ModelDefinitionError",
    "ModelSizeError",
    "StateDictError",
    "UnsavableTensorError",
    "UnsupportedOptionError",
    "WeightsFileError",
    "WeightsMismatchError",
    "WeightsNotFoundError",
]

# Lines of each kind in a message; the report of the error has them all.
_MAX_DIFFERENCES = 10


class ModelCoreError(SentenceError):
    """Base class of the errors that model_core raises."""


class ModelDefinitionError(ModelCoreError, TypeError, ValueError):
    """A model class cannot be loaded or saved, or does not support gradient checkpointing, the way it is written.

    Attributes:
        model_class: The class.
    """

    def __init__(self, problem: str, *, model_class: type) -> None:
        super().__init__(f"{model_class.__qualname__}: {problem}")
        self.model_class = model_class


class ConfigClassError(ModelCoreError, TypeError):
    """A model was given something other than a config of its class.

    Attributes:
        model_class: The class of the model.
        config: The value that was passed as the config.
    """

    def __init__(self, *, model_class: type, config: object, expected: type) -> None:
        cls = config if isinstance(config, type) else type(config)
        given = f"{'the class' if config is cls else 'an instance of'} {describe_class(cls)}"
        remedy = f"To load a model from a folder or repository, call {model_class.__qualname__}.from_pretrained(...)."
        if config is None:
            given, remedy = "None", f"Pass config={expected.__name__}(...)."
        elif config is cls and issubclass(cls, expected):
            remedy = f"Pass an instance of it: {expected.__name__}(...)."
        elif isinstance(config, dict):
            remedy = f"{expected.__name__}.from_dict(...) makes one of a dict."
        elif isinstance(getattr(config, "config", None), expected):
            remedy = "Pass its .config."
        elif (cls.__module__, cls.__qualname__) == (expected.__module__, expected.__qualname__):
            given += ". These are two classes of the same name: the module was imported, or the cell was run, twice"
        super().__init__(
            f"{model_class.__qualname__} takes a config of class {describe_class(expected)}, got {given}. {remedy}"
        )
        self.model_class = model_class
        self.config = config


class ArgumentError(ModelCoreError, ValueError):
    """An argument of a load or save is invalid, or not supported at all.

    Args:
        argument: Name of the argument.
        value: The value that was passed.
        expected: What is allowed; if empty, the argument is not supported at all.
        given: What was passed, in words, where its representation says too little or too much.
        remedy: What to do.

    Attributes:
        argument: Name of the argument.
        value: The value that was passed.
    """

    def __init__(self, argument: str, value: object, *, expected: str = "", given: str = "", remedy: str = "") -> None:
        given = given or describe_value(value)
        problem = f" must be {expected}, got {given}" if expected else f"={given} is not supported"
        super().__init__(f"{argument}{problem}. {remedy}".rstrip())
        self.argument = argument
        self.value = value


class UnsupportedOptionError(ArgumentError, UnknownOptionError):
    """An option of transformers that is not supported here. The message says what to do instead.

    Attributes:
        names: Names of the options.
    """

    def __init__(self, argument: str, value: object, *, problem: str) -> None:
        # Neither of the two constructors knows the arguments of the other.
        SentenceError.__init__(self, problem)
        self.argument = argument
        self.value = value
        self.names = (argument,)


class StateDictError(ModelCoreError, ValueError):
    """The state dict that was passed to a save does not match the model. Nothing was written.

    Attributes:
        unexpected: Names that the model does not have.
        missing: Names that the state dict lacks.
        mismatched: Names whose shapes, or dtypes other than floating-point ones, differ.
    """

    def __init__(
        self, problem: str, *, unexpected: Iterable[str], missing: Iterable[str], mismatched: Iterable[str]
    ) -> None:
        super().__init__(problem)
        self.unexpected = tuple(unexpected)
        self.missing = tuple(missing)
        self.mismatched = tuple(mismatched)


class WeightsNotFoundError(ModelCoreError, FileNotFoundError):
    """A checkpoint has no weights, or files that its index lists are missing.

    Attributes:
        checkpoint: The checkpoint, as messages name it.
        filenames: The missing files; or, if the checkpoint has no weights, the names of which one is needed.
    """

    def __init__(self, problem: str, *, checkpoint: str, filenames: Iterable[str], remedy: str = "") -> None:
        self.filenames = tuple(filenames)
        super().__init__(f"{checkpoint} {problem}: {', '.join(self.filenames)}. {remedy}".rstrip())
        self.checkpoint = checkpoint


class WeightsFileError(ModelCoreError, ValueError, OSError):
    """A weight file is damaged or not of the expected format, or the files of a checkpoint come from different saves.

    Attributes:
        file: The file, or the checkpoint if its files come from different saves.
        saves: Names of the files grouped by save, if they come from different saves; else empty.
    """

    def __init__(self, problem: str, *, file: object, saves: Iterable[Iterable[str]] = ()) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.saves = tuple(tuple(filenames) for filenames in saves)


class WeightsMismatchError(ModelCoreError, RuntimeError):
    """The tensors of checkpoint and model do not match. Nothing was loaded.

    The message lists the first of each kind with their shapes, and what to do.

    Attributes:
        report: Which tensors match and which do not, all of them.
    """

    def __init__(self, problem: str, *, report: LoadReport) -> None:
        super().__init__(f"{problem}\n{report.differences(most=_MAX_DIFFERENCES)}")
        self.report = report


class ModelSizeError(ModelCoreError, ValueError, RuntimeError):
    """A config describes a model that is far larger than the checkpoint's weights, or than memory. Nothing was loaded.

    Attributes:
        checkpoint: The checkpoint, as messages name it.
    """

    def __init__(self, problem: str, *, checkpoint: str) -> None:
        super().__init__(
            f"The config of {checkpoint} {problem}. Nothing was loaded. Correct the numbers in the config."
        )
        self.checkpoint = checkpoint


class UnsavableTensorError(ModelCoreError, ValueError):
    """safetensors cannot store a value of the state dict. Nothing was written.

    Attributes:
        name: Name of the value in the state dict.
    """

    def __init__(self, name: str, *, reason: str, remedy: str) -> None:
        super().__init__(f"{name} {reason}, which safetensors cannot store. {remedy}")
        self.name = name
