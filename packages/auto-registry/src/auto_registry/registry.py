"""The registry: model_type to config class, and Auto class and config class to model class.

A registry is an ordinary object with the classes that a program registered. Installed packages and the code of
checkpoints are not in it. Writers check everything first and then replace the tables in one assignment, so readers in
other threads see all of a change or none of it.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auto_registry.errors import (
    RegistrationError,
    UnknownModelTypeError,
    UsageError,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import config_core
else:
    from auto_registry import deferred_config_core as config_core

__all__ = ["REGISTRY", "Registry", "registry_of_parts", "using_registry"]


class _Tables(NamedTuple):
    configs: dict[str, type[config_core.PretrainedConfig]]
    models: dict[tuple[str, type[config_core.PretrainedConfig]], type[Any]]


_registries: weakref.WeakSet[Registry] = weakref.WeakSet()


def _renew_locks() -> None:
    """Replace the locks in the child of a fork: a thread that holds one there does not exist."""
    for registry in _registries:
        registry.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class Registry:
    """Config and model classes that a program registered.

    Classes are compared by identity: registering the same class again does nothing; replacing it by another class, even
    one with the same name, requires `exist_ok=True`.
    """

    def __init__(self) -> None:
        self._tables = _Tables({}, {})
        self.renew_lock()
        _registries.add(self)

    def renew_lock(self) -> None:
        """Replace the lock, as the child of a fork needs it."""
        self._lock = threading.Lock()

    def register_config(
        self, model_type: str, config_class: type[config_core.PretrainedConfig], *, exist_ok: bool = False
    ) -> None:
        """Register a config class for a model_type.

        Args:
            model_type: The name, equal to `config_class.model_type`.
            config_class: A subclass of PretrainedConfig.
            exist_ok: Replace another class that is registered for the name.

        Raises:
            UsageError: `model_type` is not a string, or `config_class` is not a subclass of PretrainedConfig.
            RegistrationError: The class has another model_type, or none; or another class is registered for the name.
        """
        _check_config(model_type, config_class)
        self._write(_Tables({model_type: config_class}, {}), exist_ok=exist_ok)

    def register_model(
        self,
        auto_class: str,
        config_class: type[config_core.PretrainedConfig],
        model_class: type[Any],
        *,
        exist_ok: bool = False,
    ) -> None:
        """Register a model class for an Auto class and a config class.

        Args:
            auto_class: Name of the Auto class, such as `AutoModelForImageClassification`.
            config_class: A subclass of PretrainedConfig, which need not be registered.
            model_class: A class with `from_pretrained(checkpoint, *args, config=...)` whose `config_class` is the
                config class.
            exist_ok: Replace another class that is registered there.

        Raises:
            UsageError: An argument is of the wrong type.
            RegistrationError: `model_class.config_class` is not `config_class`, or another class is registered there.
        """
        _check_model(auto_class, config_class, model_class)
        self._write(_Tables({}, {(auto_class, config_class): model_class}), exist_ok=exist_ok)

    def update(self, other: Registry, *, exist_ok: bool = False) -> None:
        """Register all classes of another registry, or none if one of them conflicts.

        Args:
            other: The other registry, which is not changed.
            exist_ok: Replace other classes that are registered here.

        Raises:
            RegistrationError: Another class is registered already, and `exist_ok` is false.
        """
        self._write(other._tables, exist_ok=exist_ok)

    def unregister(self, model_type: str) -> None:
        """Remove the config class of a model_type and all model classes for configs of that type.

        Raises:
            UnknownModelTypeError: Nothing is registered for it.
        """
        with self._lock:
            configs, models = self._tables
            kept_configs = {name: cls for name, cls in configs.items() if name != model_type}
            kept_models = {key: cls for key, cls in models.items() if key[1].model_type != model_type}
            if len(kept_configs) == len(configs) and len(kept_models) == len(models):
                raise UnknownModelTypeError(model_type, known=configs, where="the registry")
            self._tables = _Tables(kept_configs, kept_models)

    def clear(self) -> None:
        """Remove all classes."""
        with self._lock:
            self._tables = _Tables({}, {})

    def copy(self) -> Registry:
        """Return an independent registry with the same classes."""
        twin = Registry()
        twin.update(self)
        return twin

    def config_class(self, model_type: str) -> type[config_core.PretrainedConfig] | None:
        """Return the config class of a model_type, or None."""
        return self._tables.configs.get(model_type)

    def model_class(self, auto_class: str, config_class: type[config_core.PretrainedConfig]) -> type[Any] | None:
        """Return the model class for an Auto class and a config class, or None.

        A model class that is registered for a parent class is also used for a subclass with the same model_type. A
        subclass with another model_type is another kind of model.

        Args:
            auto_class: Name of the Auto class.
            config_class: The config class.
        """
        models = self._tables.models
        for parent in config_class.__mro__:
            if getattr(parent, "model_type", None) == config_class.model_type and (auto_class, parent) in models:
                return models[auto_class, parent]
        return None

    def model_types(self) -> tuple[str, ...]:
        """Return the model_types with a config class, sorted."""
        return tuple(sorted(self._tables.configs))

    def auto_classes(self, config_class: type[config_core.PretrainedConfig]) -> tuple[str, ...]:
        """Return the names of the Auto classes with a model class for a config class, sorted."""
        names = {auto_class for auto_class, _ in self._tables.models}
        return tuple(sorted(name for name in names if self.model_class(name, config_class) is not None))

    def __contains__(self, model_type: object) -> bool:
        return model_type in self._tables.configs

    def __repr__(self) -> str:
        configs, models = self._tables
        return f"<Registry of {len(configs)} config classes and {len(models)} model classes>"

    def _write(self, new: _Tables, *, exist_ok: bool) -> None:
        """Add valid entries, all or none."""
        with self._lock:
            configs, models = self._tables
            if not exist_ok:
                for model_type, config_class in new.configs.items():
                    _check_free(f"the config of {model_type!r}", configs.get(model_type), config_class)
                for (auto_class, of), model_class in new.models.items():
                    _check_free(f"the {auto_class} of {describe(of)}", models.get((auto_class, of)), model_class)
            self._tables = _Tables({**configs, **new.configs}, {**models, **new.models})


def _check_free(place: str, held_by: type[Any] | None, offered: type[Any]) -> None:
    if held_by is not None and held_by is not offered:
        again = ""
        if describe(held_by) == describe(offered):
            again = " Both have the same name: the module was imported twice, or the notebook cell was run twice."
        raise RegistrationError(
            f"Cannot register {describe(offered)} as {place}: {describe(held_by)} is registered already.{again} "
            "Pass exist_ok=True to replace it, or choose another name.",
            held_by=held_by,
            offered=offered,
        )


def _check_config(model_type: str, config_class: type[config_core.PretrainedConfig]) -> None:
    if not isinstance(model_type, str):
        raise UsageError.of_argument("model_type", model_type, expected="a string")
    _check_config_class(config_class)
    if not config_class.model_type:
        raise RegistrationError(
            f"{describe(config_class)} has no model_type, so config.json cannot name it. Add "
            f"model_type = {model_type!r} to the class."
        )
    if config_class.model_type != model_type:
        raise RegistrationError(
            f"{describe(config_class)} has the model_type {config_class.model_type!r} and cannot be registered as "
            f"{model_type!r}. Use the same name in both places."
        )


def _check_model(auto_class: str, config_class: type[config_core.PretrainedConfig], model_class: type[Any]) -> None:
    if not isinstance(auto_class, str):
        raise UsageError.of_argument("auto_class", auto_class, expected="the name of an Auto class")
    _check_config_class(config_class)
    if not isinstance(model_class, type):
        raise UsageError.of_argument("model_class", model_class, expected="a class")
    if not callable(getattr(model_class, "from_pretrained", None)):
        raise UsageError.of_argument("model_class", model_class, expected="a class with a from_pretrained method")
    own = getattr(model_class, "config_class", None)
    if own is not config_class:
        raise RegistrationError(
            f"{describe(model_class)} has the config_class {describe(own)} and cannot be registered for "
            f"{describe(config_class)}. Set config_class = {config_class.__name__} in the model class, or register it "
            "for its own config class."
        )


def _check_config_class(config_class: object) -> None:
    if not (isinstance(config_class, type) and issubclass(config_class, config_core.PretrainedConfig)):
        raise UsageError.of_argument("config_class", config_class, expected="a subclass of PretrainedConfig")


# The registry that the Auto classes use by default.
REGISTRY: Final = Registry()
_of_parts: ContextVar[Registry] = ContextVar("auto_registry.registry_of_parts", default=REGISTRY)


def registry_of_parts() -> Registry:
    """Return the registry in which the parts of the config that is being loaded are looked up."""
    return _of_parts.get()


@contextmanager
def using_registry(registry: Registry) -> Iterator[None]:
    """Look up the parts of configs that are loaded in the block in a registry."""
    token = _of_parts.set(registry)
    try:
        yield
    finally:
        _of_parts.reset(token)
