"""Errors of auto_registry. Each is also the builtin exception that callers already catch.

AutoRegistryError
├── ArgumentTypeError (TypeError)          an argument is of the wrong type
├── InstantiationError (TypeError)         an auto class was called like a constructor
├── RegistrationError (ValueError)         the names or classes of a registration do not belong together
│   └── AlreadyRegisteredError               the place is taken by another class
├── CheckpointConfigError (ValueError)     a config.json does not say what its class is
├── UnknownModelTypeError (ValueError)     nothing serves this model_type
├── UnknownTaskError (ValueError)          nothing serves this auto class for this config class
├── ConfigClassMismatchError (TypeError)   the model class found wants a config of another class
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
        from config_core.error_base import reduce_error  # nothing else here needs config_core before there is work

        return reduce_error(self)


class ArgumentTypeError(AutoRegistryError, TypeError):
    """An argument is of the wrong type.

    Attributes:
        argument: Name of the argument.
        value: What was given.
    """

    def __init__(self, argument: str, value: object, *, expected: str) -> None:
        super().__init__(f"{argument} must be {expected}, got {describe(value)}.")
        self.argument = argument
        self.value = value


class InstantiationError(AutoRegistryError, TypeError):
    """An auto class was called; it only has class methods.

    Attributes:
        auto_class: Name of the auto class.
    """

    def __init__(self, auto_class: str, *, methods: tuple[str, ...]) -> None:
        calls = " or ".join(f"{auto_class}.{method}" for method in methods)
        super().__init__(f"{auto_class} makes objects of other classes and has none of its own. Call {calls}.")
        self.auto_class = auto_class


class RegistrationError(AutoRegistryError, ValueError):
    """The names or classes given to `register` do not belong together; nothing was registered."""


class AlreadyRegisteredError(RegistrationError):
    """Another class holds this place; nothing was registered.

    Attributes:
        place: The place in words: `the config of 'resnet'`.
        held_by: The class that holds it.
        offered: The class that was to be registered.
    """

    def __init__(self, place: str, *, held_by: type, offered: type) -> None:
        again = ""
        if describe(held_by) == describe(offered):
            again = " These are two classes of the same name: its module was imported, or its cell run, twice."
        super().__init__(
            f"Cannot register {describe(offered)} as {place}: {describe(held_by)} is registered there.{again} "
            "Pass exist_ok=True to replace it, or choose another name."
        )
        self.place = place
        self.held_by = held_by
        self.offered = offered


class CheckpointConfigError(AutoRegistryError, ValueError):
    """The config.json of a checkpoint does not say, in the form it should, which classes it is for.

    Attributes:
        checkpoint: The checkpoint in words.
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
        near: Known types that are spelled alike, the nearest first.
        known: All known types, sorted.
    """

    def __init__(self, model_type: str, *, known: Iterable[str], where: str = "", hint: str = "") -> None:
        import difflib

        self.model_type = model_type
        self.known = tuple(sorted(known))
        self.near = tuple(difflib.get_close_matches(model_type, self.known))
        shown = f"{model_type!r:.200}"  # out of a file, which may say anything
        asked = f"The model_type {shown}{' of ' if where else ''}{where}"
        guess = f" Did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        super().__init__(
            f"{asked} is unknown: no config class is registered for it and no installed package offers one.{guess} "
            f"Register its class with AutoConfig.register({shown}, ConfigClass), or install a package that "
            f"offers it.{' ' if hint else ''}{hint}"
        )


class UnknownTaskError(AutoRegistryError, ValueError):
    """A config class is known, but no model class of it for this auto class.

    Attributes:
        auto_class: Name of the auto class that was asked.
        config_class: The config class.
        available: Names of the auto classes that have a model class for it, sorted.
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
    """The model class that was found is made for another config class than the config at hand.

    Attributes:
        model_class: The model class.
        config_class: Class of the config at hand.
    """

    def __init__(self, model_class: type, config_class: type, *, auto_class: str) -> None:
        expected = describe(getattr(model_class, "config_class", None))
        super().__init__(
            f"{describe(model_class)} takes a config of {expected}, but the config is of {describe(config_class)}. "
            "Config and model must come from the same code: let the config be loaded with the model, or register a "
            f"model class for this config with {auto_class}.register({config_class.__name__}, ModelClass)."
        )
        self.model_class = model_class
        self.config_class = config_class


class InstalledClassError(AutoRegistryError, ImportError):
    """A class that an installed package offers cannot be imported, is of another kind, or is offered by two packages.

    Attributes:
        distributions: The distributions that offer it.
    """

    def __init__(self, problem: str, *, distributions: tuple[str, ...]) -> None:
        super().__init__(problem)
        self.distributions = distributions
