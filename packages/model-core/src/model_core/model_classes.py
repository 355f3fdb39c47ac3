"""Classes of models: the config class that one declares, and the one that an author wrote where a library made another.

`fully_shard` and `replicate` of torch, parametrizations of a model's own parameters and other libraries assign to
`model.__class__`. What a save records is the author's class.
"""

from __future__ import annotations

import inspect
import sys

from config_core.config import PretrainedConfig
from model_core.errors import ConfigClassError

__all__ = ["annotated_config_class", "authored_class", "check_config"]

# What an author's own class would define; a class that only adds methods for a library does not.
_AUTHORED = frozenset({"__init__", "forward", "config_class"})


def annotated_config_class(model_class: type) -> type[PretrainedConfig] | None:
    """Return the config class that a model class declares by annotation, `config: MyConfig`, or None."""
    annotation = inspect.get_annotations(model_class).get("config")
    if isinstance(annotation, str):
        # Looked up, not evaluated: an annotation may be any expression, and its names may not exist at run time.
        annotation = vars(sys.modules[model_class.__module__]).get(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, PretrainedConfig) else None


def check_config(model_class: type, config: object, expected: type[PretrainedConfig] | None) -> None:
    """Check that a config is an instance of the class that a model class takes.

    Raises:
        ConfigClassError: It is not.
    """
    if not isinstance(config, expected or PretrainedConfig):
        raise ConfigClassError(model_class=model_class, config=config, expected=expected or PretrainedConfig)


def authored_class(cls: type, base: type) -> type:
    """Return the first class in the method resolution order that was written in source code.

    Args:
        cls: Class of a model.
        base: The base class of models.
    """
    return next(
        ancestor for ancestor in cls.__mro__ if issubclass(ancestor, base) and not _is_generated(ancestor, base)
    )


def _is_generated(cls: type, base: type) -> bool:
    """Return whether a library made a class at run time, by calling `type`."""
    if cls is base or "<locals>" in cls.__qualname__ or not _AUTHORED.isdisjoint(vars(cls)):
        return False
    module = sys.modules.get(cls.__module__)
    return not hasattr(module, cls.__qualname__.partition(".")[0])
