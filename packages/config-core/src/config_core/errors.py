"""Errors of config_core. Each is also the builtin exception that callers already catch.

ConfigCoreError
├── ConfigError (ValueError)                        correct a value of a config; the base of these:
│   ├── ConfigFileError (OSError)                     repair the file: it is not the JSON of a config
│   │   └── ForeignConfigError                          load the file with another class: it is not one of this class
│   ├── ConfigValidationError (TypeError)             correct the values in `problems`, which are of the wrong type
│   └── UnknownOptionError (TypeError)                correct a keyword, which is neither a field nor an option
├── ConfigDefinitionError (TypeError)               change the config class: its configs could not be saved and loaded
├── CheckpointNotFoundError (FileNotFoundError)     give another folder, repository or revision: there is none
├── CheckpointFileNotFoundError (FileNotFoundError) complete the checkpoint: it lacks a file
├── CheckpointChangedError (OSError)                load again: a save replaced the files while they were being read
├── UnsafeNameError (ValueError)                    do not use the files: a name in them points outside their folder
├── ClassReferenceError (ValueError)                correct `auto_map`, or the name of an Auto class
├── SourceCodeError (ValueError)                    change the code: the source files of a class cannot be collected
├── SaveError (OSError)                             make room or get access: the target of a save cannot be written
└── MissingServiceError (ImportError)               install `distribution`, or repair it
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from config_core.error_base import ConfigProblem, SentenceError, all_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CheckpointChangedError",
    "CheckpointFileNotFoundError",
    "CheckpointNotFoundError",
    "ClassReferenceError",
    "ConfigCoreError",
    "ConfigDefinitionError",
    "ConfigError",
    "ConfigFileError",
    "ConfigValidationError",
    "ForeignConfigError",
    "MissingServiceError",
    "SaveError",
    "SourceCodeError",
    "UnknownOptionError",
    "UnsafeNameError",
]


class ConfigCoreError(SentenceError):
    """Base of every error that config_core raises on purpose."""


class ConfigError(ConfigCoreError, ValueError):
    """A value in a config is wrong.

    Attributes:
        message: What is wrong, without the place.
        place: Path from the root of the config to the part that is wrong, such as `.image`, or `""`.
        config_class: Name of the config class at the root, or `""`.
    """

    place: str = ""
    config_class: str = ""

    @property
    def message(self) -> str:
        """What is wrong, without the place."""
        return super().__str__()

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """Everything that is wrong with the config, in the order of its fields."""
        return (ConfigProblem(self.place.removeprefix("."), self.message),)

    def __str__(self) -> str:
        return f"{self.config_class}{self.place}: {self.message}" if self.place else self.message


class ConfigFileError(ConfigError, OSError):
    """A file cannot be read as a config, or as the JSON that it should be: malformed, too large, not UTF-8.

    Attributes:
        problem: What is wrong, without the place.
        path: The file.
        line: Line of the problem, counted from 1, or None if there is no such line.
    """

    def __init__(self, problem: str, *, path: Path, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else f"{path}"
        super().__init__(f"{place}: {problem}")
        self.problem = problem
        self.path = path
        self.line = line


class ForeignConfigError(ConfigFileError):
    """A config file does not belong to the class that reads it: another class or another library wrote it.

    Attributes:
        looks_like: What the file is, as far as its keys tell, or `""`.
        unknown: The keys that the class does not know.
    """

    def __init__(self, problem: str, *, path: Path, looks_like: str, unknown: tuple[str, ...]) -> None:
        super().__init__(problem, path=path)
        self.looks_like = looks_like
        self.unknown = unknown


class ConfigValidationError(ConfigError, TypeError):
    """Fields hold values of the wrong type.

    Attributes:
        config_class: Name of the config class.
        field: Path to the first wrong value, such as `layers[2]`.
        problems: All wrong values.
    """

    def __init__(self, problem: str, *, config_class: str, field: str) -> None:
        self.config_class = config_class
        self.field = field
        self._problems: tuple[ConfigProblem, ...] = (ConfigProblem(field, problem),)
        super().__init__(f"{config_class}.{field}: {problem}")

    @classmethod
    def of_problems(cls, problems: tuple[ConfigProblem, ...], *, config_class: str) -> Self:
        """Return the error for all problems of a config, of which there is at least one."""
        error = cls(problems[0].problem, config_class=config_class, field=problems[0].field)
        error._problems = problems
        error.args = (all_problems(config_class, problems),)
        return error

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """Everything that is wrong with the config, in the order of its fields."""
        return self._problems

    @problems.setter
    def problems(self, problems: tuple[ConfigProblem, ...]) -> None:
        self._problems = problems


class UnknownOptionError(ConfigError, TypeError):
    """A keyword is neither a field of the config nor an option of the call.

    Attributes:
        names: The unknown keywords.
    """

    def __init__(self, problem: str, *, names: tuple[str, ...]) -> None:
        super().__init__(problem)
        self.names = names


class ConfigDefinitionError(ConfigCoreError, TypeError):
    """A config class is written in such a way that its configs could not be saved and loaded."""


class CheckpointNotFoundError(ConfigCoreError, FileNotFoundError):
    """There is no such folder, repository or revision.

    Attributes:
        source: The folder or repository that was given.
    """

    def __init__(self, problem: str, *, source: str) -> None:
        super().__init__(problem)
        self.source = source


class CheckpointFileNotFoundError(ConfigCoreError, FileNotFoundError):
    """A file is missing in an opened checkpoint.

    Attributes:
        checkpoint: The checkpoint in words.
        filename: The missing file, relative to the checkpoint.
    """

    def __init__(self, *, checkpoint: str, filename: str, hint: str = "") -> None:
        super().__init__(f"{checkpoint} has no file {filename!r}.{' ' if hint else ''}{hint}")
        self.checkpoint = checkpoint
        # OSError has an attribute of this name, with the same meaning.
        self.filename = filename


class CheckpointChangedError(ConfigCoreError, OSError):
    """A save replaced the files of a checkpoint while they were being read. Loading it again succeeds.

    Attributes:
        checkpoint: The checkpoint in words.
    """

    def __init__(self, checkpoint: str) -> None:
        super().__init__(f"{checkpoint} was saved to while it was being loaded. Load it again.")
        self.checkpoint = checkpoint


class UnsafeNameError(ConfigCoreError, ValueError):
    """A name that was read from a file is not a plain relative name.

    Attributes:
        name: The name.
        where: The file or setting that contains it.
    """

    def __init__(self, name: str, *, where: str, reason: str) -> None:
        super().__init__(
            f"{where} names {name!r:.300}, which {reason}. Only plain relative names inside the folder are allowed."
        )
        self.name = name
        self.where = where


class ClassReferenceError(ConfigCoreError, ValueError):
    """A class name in an `auto_map`, or the name of an Auto class to register for, is invalid.

    Attributes:
        reference: The name.
    """

    def __init__(self, problem: str, *, reference: object) -> None:
        super().__init__(problem)
        self.reference = reference


class SourceCodeError(ConfigCoreError, ValueError):
    """The source files that a class needs cannot be collected.

    Attributes:
        path: The source file, or the class if its file is unknown.
        line: Line of the problem, counted from 1, or None.
        leaves_folder: Whether a relative import points outside the folder that contains the code.
        digests: Name to SHA-256 (hexadecimal) of the needed files that could be read nevertheless.
    """

    def __init__(self, problem: str, *, path: str, line: int | None = None, leaves_folder: bool = False) -> None:
        place = f"{path}, line {line}" if line else path
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.line = line
        self.leaves_folder = leaves_folder
        self.digests: Mapping[str, str] = {}


class SaveError(ConfigCoreError, OSError):
    """The target of a save cannot be written. What was there before is unchanged.

    Attributes:
        path: The target folder.
    """

    def __init__(self, problem: str, *, path: Path) -> None:
        super().__init__(f"Cannot save to {path}: {problem}")
        self.path = path


class MissingServiceError(ConfigCoreError, ImportError):
    """No installed distribution offers a service, several do, or it cannot be imported.

    Attributes:
        group: The entry-point group of the service.
        distribution: The distribution to install.
    """

    def __init__(
        self, *, group: str, distribution: str, purpose: str, problem: str | None = None, ignored: Iterable[str] = ()
    ) -> None:
        """Describe a service that cannot be used.

        Args:
            group: The entry-point group of the service.
            distribution: The distribution to install.
            purpose: What the caller wants to do, as the subject of the sentence.
            problem: What it requires instead, if a distribution offers the service.
            ignored: Folders with a distribution that offers it, but is not installed.
        """
        hint = "".join(
            f". The distribution in {folder!a} is not used: a working directory or a checkpoint is not searched for "
            "distributions, unless its absolute path is in PYTHONPATH"
            for folder in ignored
        )
        super().__init__(f"{purpose} requires {problem or f'{distribution}: pip install {distribution}'}{hint}")
        self.group = group
        self.distribution = distribution
