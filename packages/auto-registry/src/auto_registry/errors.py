"""Errors of auto_registry. Each is also the builtin exception that callers already catch.

AutoRegistryError
├── ArgumentTypeError (TypeError)          an argument is of the wrong type
├── InstantiationError (TypeError)         an Auto class was called like a constructor
├── RegistrationError (ValueError)         the names or classes of a registration do not match
│   └── AlreadyRegisteredError               another class is registered already
├── CheckpointConfigError (ValueError)     config.json does not name its class, or names another kind of class
├── UnknownModelTypeError (ValueError)     there is no config class for this model_type
├── UnknownTaskError (ValueError)          there is no model class for this Auto class and config class
├── ConfigClassMismatchError (TypeError)   the model class expects another config class
└── InstalledClassError (ImportError)      an installed class cannot be imported, or two packages offer one
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AlreadyRegisteredError",
    "ArgumentTypeError",
    "AutoRegistryError",
    "CheckpointConfigError",
    "ConfigClassMismatchError",
    "InstalledClassError",
    "InstantiationError",
    "RegistrationError",
    "UnknownModelTypeError",
    "UnknownTaskError",
    "describe",
]


def describe(cls: object) -> str:
    """Return a class as `module.qualname`, and anything else as its repr."""
    return f"{cls.__module__}.{cls.__qualname__}" if isinstance(cls, type) else repr(cls)


class AutoRegistryError(Exception):
    """Base of every error that auto_registry raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        from config_core.error_base import reduce_error  # imports config_core only when it is needed

        return reduce_error(self)


class ArgumentTypeError(AutoRegistryError, TypeError):
    """An argument is of the wrong type.

    Attributes:
        argument: Name of the argument.
        value: The value.
    """

    def __init__(self, argument: str, value: object, *, expected: str) -> None:
        super().__init__(f"{argument} must be {expected}, got {describe(value)}.")
        self.argument = argument
        self.value = value


class InstantiationError(AutoRegistryError, TypeError):
    """An Auto class was called; it only has class methods.

    Attributes:
        auto_class: Name of the Auto class.
    """

    def __init__(self, auto_class: str, *, methods: tuple[str, ...]) -> None:
        calls = " or ".join(f"{auto_class}.{method}" for method in methods)
        super().__init__(f"{auto_class} has no instances; it creates objects of other classes. Call {calls}.")
        self.auto_class = auto_class


class RegistrationError(AutoRegistryError, ValueError):
    """The names or classes passed to `register` do not match; nothing was registered."""


class AlreadyRegisteredError(RegistrationError):
    """Another class is registered already; nothing was registered.

    Attributes:
        place: What it is registered as: `the config of 'resnet'`.
        held_by: The class that is registered already.
        offered: The class that should have been registered.
    """

    def __init__(self, place: str, *, held_by: type, offered: type) -> None:
        again = ""
        if describe(held_by) == describe(offered):
            again = " Both have the same name: the module was imported twice, or the notebook cell was run twice."
        super().__init__(
            f"Cannot register {describe(offered)} as {place}: {describe(held_by)} is registered already.{again} "
            "Pass exist_ok=True to replace it, or choose another name."
        )
        self.place = place
        self.held_by = held_by
        self.offered = offered


class CheckpointConfigError(AutoRegistryError, ValueError):
    """`model_type` or `auto_map` in the config.json of a checkpoint is missing or malformed.

    Attributes:
        checkpoint: The checkpoint.
        key: The key of config.json that is missing or malformed.
    """

    def __init__(self, problem: str, *, checkpoint: str, key: str) -> None:
        super().__init__(f"config.json of {checkpoint}: {problem}")
        self.checkpoint = checkpoint
        self.key = key


class UnknownModelTypeError(AutoRegistryError, ValueError):
    """No class is registered for a model_type, and no installed package offers one.

    Attributes:
        model_type: The unknown type.
        near: Known types with a similar spelling, nearest first.
        known: All known types, sorted.
    """

    def __init__(self, model_type: str, *, known: Iterable[str], where: str = "", hint: str = "") -> None:
        import difflib

        self.model_type = model_type
        self.known = tuple(sorted(known))
        self.near = tuple(difflib.get_close_matches(model_type, self.known))
        shown = f"{model_type!r:.200}"  # from a file, so it may be anything
        subject = f"The model_type {shown}{' of ' if where else ''}{where}"
        guess = f" Did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
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


class ConfigClassMismatchError(AutoRegistryError, TypeError):
    """The model class expects a config of another class.

    Attributes:
        model_class: The model class.
        config_class: Class of the config.
    """

    def __init__(self, model_class: type, config_class: type, *, auto_class: str) -> None:
        expected = describe(getattr(model_class, "config_class", None))
        super().__init__(
            f"{describe(model_class)} expects a config of {expected}, but the config is of {describe(config_class)}. "
            "Config and model must come from the same code: omit config=, or register a model class for this config "
            f"with {auto_class}.register({config_class.__name__}, ModelClass)."
        )
        self.model_class = model_class
        self.config_class = config_class


class InstalledClassError(AutoRegistryError, ImportError):
    """An installed package's class cannot be imported, is of another kind, or is offered by two packages.

    Attributes:
        distributions: The distributions that offer it.
    """

    def __init__(self, problem: str, *, distributions: tuple[str, ...]) -> None:
        super().__init__(problem)
        self.distributions = distributions
