"""Errors of config_core. Each is also the builtin exception that callers already catch.

ConfigCoreError
├── ConfigError (ValueError)                          a value of a config is wrong
│   ├── ConfigFileError (OSError)                       a config file, or another JSON file, is malformed
│   │   └── ForeignConfigError                            a config file is not one of the class that reads it
│   ├── ConfigValidationError (TypeError)               a field has a value of the wrong type
│   └── UnknownOptionError (TypeError)                  a keyword is neither a field nor an option
├── ConfigDefinitionError (TypeError)                 a config class breaks the contract of subclasses
├── CheckpointNotFoundError (FileNotFoundError)       there is no such folder, repository or revision
├── CheckpointFileNotFoundError (FileNotFoundError)   a file is missing in the checkpoint
├── CheckpointChangedError (OSError)                  a save replaced the files while they were being read
├── UnsafeNameError (ValueError)                      a name in a file points outside its folder
├── ClassReferenceError (ValueError)                  an `auto_map` value does not name a class
├── SourceCodeError (ValueError)                      the source files of a class cannot be collected
│   └── ImportLeavesFolderError                         a relative import points outside the folder
├── AutoClassNameError (ValueError)                   there is no auto class of this name
├── SaveError (OSError)                               the target of a save cannot be written
└── MissingServiceError (ImportError)                 a required distribution is not installed, or cannot be used
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.error_base import ConfigProblem, SentenceError, all_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Self

__all__ = [
    "AutoClassNameError",
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
    "ImportLeavesFolderError",
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
    """A config file is not one of the class that reads it: another class or another library wrote it.

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
    """An `auto_map` value does not have one of the three forms that name a class.

    Attributes:
        reference: The value.
    """

    def __init__(self, reference: object, *, problem: str) -> None:
        super().__init__(
            f"auto_map value {reference!r:.300}: {problem:.500}. Allowed are 'module.Class', 'folder/module.Class' and "
            "'owner/repo--module.Class'."
        )
        self.reference = reference


class SourceCodeError(ConfigCoreError, ValueError):
    """The source files that a class needs cannot be collected.

    Attributes:
        path: The source file, or the class if its file is unknown.
        line: Line of the problem, counted from 1, or None.
        digests: Name to SHA-256 (hexadecimal) of the needed files that could be read nevertheless.
    """

    def __init__(self, problem: str, *, path: str, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else path
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.line = line
        self.digests: Mapping[str, str] = {}


class ImportLeavesFolderError(SourceCodeError):
    """A relative import points outside the folder that contains the code."""


class AutoClassNameError(ConfigCoreError, ValueError):
    """There is no auto class of this name.

    Attributes:
        auto_class: The name.
    """

    def __init__(self, problem: str, *, auto_class: str) -> None:
        super().__init__(problem)
        self.auto_class = auto_class


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
