"""The config class of a model class."""

from __future__ import annotations

import inspect
import sys

from config_core.config import PretrainedConfig
from model_core.errors import ConfigClassError

__all__ = ["annotated_config_class", "check_config"]


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
