"""The config of a model: its class, the object that a load uses, and what it says of where the weights came from."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from config_core.code import bundle_of
from config_core.config import PretrainedConfig
from config_core.errors import ConfigCoreError
from model_core.config_classes import check_config
from model_core.errors import ConfigClassError, ModelDefinitionError
from model_core.tied_weights import TIE_FIELD, declares_ties

if TYPE_CHECKING:
    import os

    from config_core.checkpoint import Checkpoint

__all__ = ["config_for_load", "saved_by_hint"]


def config_for_load(
    model_class: type,
    config_class: type[PretrainedConfig] | None,
    given: PretrainedConfig | str | os.PathLike[str] | Checkpoint | None,
    checkpoint: Checkpoint | None,
    kwargs: dict[str, Any],
    **hub_options: Any,
) -> tuple[PretrainedConfig, dict[str, Any]]:
    """Return the config for a load, which no one else holds, and the keywords that are not fields of it.

    Args:
        model_class: The class to be loaded.
        config_class: The class of its config, or None if it does not say.
        given: A config, which is copied, or where one is loaded from; None for the checkpoint's own.
        checkpoint: The checkpoint of the weights.
        kwargs: Keywords of which those that are fields replace the config's values.
        **hub_options: How a repository is opened, for a config from elsewhere.

    Raises:
        ModelDefinitionError: The class does not say what class its config is of.
        ConfigClassError: `given` is a config of another class.
    """
    if isinstance(given, PretrainedConfig):
        check_config(model_class, given, config_class)
        config = copy.deepcopy(given)
        fields = {name: value for name, value in kwargs.items() if not name.startswith("_") and hasattr(config, name)}
        config.update(fields)
        unused = {name: value for name, value in kwargs.items() if name not in fields}
    else:
        if config_class is None:
            raise ModelDefinitionError(
                "the class of its config is not known. Set `config_class = MyConfig` in the class, or pass config=.",
                model_class=model_class,
            )
        source = checkpoint if given is None else given
        if source is None:
            raise ConfigClassError(model_class=model_class, config=None, expected=config_class)
        loaded: Any = config_class.from_pretrained(source, return_unused_kwargs=True, **hub_options, **kwargs)
        config, unused = loaded
    if TIE_FIELD in unused and declares_ties(model_class):  # which any config may be told, and few have as a field
        setattr(config, TIE_FIELD, unused.pop(TIE_FIELD))
    if checkpoint is not None:
        config.name_or_path = checkpoint.name
    return config, unused


def saved_by_hint(model_class: type, checkpoint: Checkpoint | None) -> str:
    """Return what a checkpoint says of the code it was saved with, where that may explain that weights do not fit."""
    if checkpoint is None:
        return ""
    try:
        values, _ = PretrainedConfig.get_config_dict(checkpoint)
    except (ConfigCoreError, OSError):
        return ""
    hints = []
    architectures = values.get("architectures")
    if isinstance(architectures, list) and architectures and model_class.__name__ not in architectures:
        hints.append(f"The checkpoint was saved from {', '.join(map(str, architectures))}, not {model_class.__name__}.")
    if values.get("auto_map") and bundle_of(model_class) is None:
        name = f"{model_class.__module__}.{model_class.__qualname__}"
        hints.append(
            f"The checkpoint ships code of its own, and {name} is not that code: the Auto classes use it with "
            "trust_remote_code=True."
        )
    return " ".join(hints)
