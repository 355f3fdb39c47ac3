"""Errors of auto_registry. Each is also the builtin exception that callers already catch.

AutoRegistryError
├── UsageError (TypeError)              a mistake in the program: a value of the wrong type, a call of an Auto class
├── RegistrationError (ValueError)      pass exist_ok=True if a class is registered already, or correct the names
├── CheckpointConfigError (ValueError)  correct config.json, or pass the class: it does not name its class
├── UnknownModelTypeError (ValueError)  register the config class of this model_type, or install its package
├── UnknownTaskError (ValueError)       take another Auto class, or register a model class for this one
└── InstalledClassError (ImportError)   repair the installed package: its class cannot be imported, or two offer one
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    "AutoRegistryError",
    "CheckpointConfigError",
    "InstalledClassError",
    "RegistrationError",
    "UnknownModelTypeError",
    "UnknownTaskError",
    "UsageError",
    "describe",
]


def describe(cls: object) -> str:
    """Return a class as `module.qualname`, that of a checkpoint with its source, and anything else as its repr."""
    if not isinstance(cls, type):
        return repr(cls)
    from config_core.code import describe_class  # imports config_core only when it is needed

    return describe_class(cls)


class AutoRegistryError(Exception):
    """Base of every error that auto_registry raises on purpose."""

    def __str__(self) -> str:
        from config_core.error_base import message_text  # imports config_core only when it is needed

        return message_text(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        from config_core.error_base import reduce_error  # imports config_core only when it is needed

        return reduce_error(self)


class UsageError(AutoRegistryError, TypeError):
    """A value of the wrong type was passed, a config of another class than the model's, or an Auto class was called.

    Attributes:
        argument: Name of the argument, or None if an Auto class was called.
        value: The value; for a config of another class, that class.
    """

    def __init__(self, problem: str, *, argument: str | None = None, value: object = None) -> None:
        super().__init__(problem)
        self.argument = argument
        self.value = value

    @classmethod
    def of_argument(cls, argument: str, value: object, *, expected: str) -> UsageError:
        """Return the error for an argument of the wrong type."""
        from config_core.code import describe_value  # imports config_core only when it is needed

        return cls(f"{argument} must be {expected}, got {describe_value(value)}.", argument=argument, value=value)

    @classmethod
    def of_call(cls, auto_class: str, *, methods: tuple[str, ...]) -> UsageError:
        """Return the error for an Auto class that was called; it only has class methods."""
        calls = " or ".join(f"{auto_class}.{method}" for method in methods)
        return cls(f"{auto_class} has no instances; it creates objects of other classes. Call {calls}.")


class RegistrationError(AutoRegistryError, ValueError):
    """The names or classes passed to `register` do not match, or another class is registered. Nothing was registered.

    Attributes:
        held_by: The class that is registered already, or None if the names or classes do not match.
        offered: The class that should have been registered, or None.
    """

    def __init__(self, problem: str, *, held_by: type | None = None, offered: type | None = None) -> None:
        super().__init__(problem)
        self.held_by = held_by
        self.offered = offered


class CheckpointConfigError(AutoRegistryError, ValueError):
    """`model_type` or `auto_map` in the config.json of a checkpoint is missing or malformed.

    Attributes:
        checkpoint: The checkpoint.
        key: The key of the file that is missing or malformed.
    """

    def __init__(self, problem: str, *, checkpoint: str, key: str, filename: str = "config.json") -> None:
        super().__init__(f"{filename} of {checkpoint}: {problem}")
        self.checkpoint = checkpoint
        self.key = key


class UnknownModelTypeError(AutoRegistryError, ValueError):
    """No class is registered for a model_type, and no installed package offers one.

    Attributes:
        model_type: The unknown type.
        suggestions: Known types with a similar spelling, nearest first.
        known: All known types, sorted.
    """

    def __init__(self, model_type: str, *, known: Iterable[str], where: str = "", hint: str = "") -> None:
        import difflib

        self.model_type = model_type
        self.known = tuple(sorted(known))
        self.suggestions = tuple(difflib.get_close_matches(model_type, self.known))
        shown = f"{model_type!r:.200}"  # from a file, so it may be anything
        subject = f"The model_type {shown}{' of ' if where else ''}{where}"
        guess = f" Did you mean {' or '.join(map(repr, self.suggestions))}?" if self.suggestions else ""
        super().__init__(
            f"{subject} is unknown: no config class is registered for it and no installed package offers one.{guess} "
            f"Register its class with AutoConfig.register({shown}, ConfigClass), or install a package that "
            f"offers it.{' ' if hint else ''}{hint}"
        )


class UnknownTaskError(AutoRegistryError, ValueError):
    """There is no model class for this Auto class and config class.

    Attributes:
        auto_class: Name of the Auto class.
        config_class: The config class.
        available: Names of the Auto classes that have a model class for it, sorted.
    """

    def __init__(self, auto_class: str, config_class: type, *, available: Iterable[str], hint: str = "") -> None:
        self.auto_class = auto_class
        self.config_class = config_class
        self.available = tuple(sorted(available))
        others = f" There is one for {', '.join(self.available)}." if self.available else ""
        super().__init__(
            f"{auto_class} has no model class for {describe(config_class)}.{others} Register one with "
            f"{auto_class}.register({config_class.__name__}, ModelClass).{' ' if hint else ''}{hint}"
        )


class InstalledClassError(AutoRegistryError, ImportError):
    """An installed package's class cannot be imported, is of another kind, or is offered by two packages.

    Attributes:
        distributions: The distributions that offer it.
    """

    def __init__(self, problem: str, *, distributions: tuple[str, ...]) -> None:
        super().__init__(problem)
        self.distributions = distributions
