"""The config that a model is loaded with, and what the checkpoint's config says if its weights do not match."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import CONFIG_NAME, Checkpoint, where_config_may_be
from config_core.code import bundle_of
from config_core.config import PretrainedConfig
from config_core.errors import CheckpointFileNotFoundError, ConfigCoreError
from model_core.errors import ArgumentError, ModelDefinitionError
from model_core.model_classes import check_config
from model_core.tied_weights import TIE_FIELD, declares_ties

if TYPE_CHECKING:
    from collections.abc import Callable

    from config_core.checkpoint import HubOptions

__all__ = ["config_for_load", "mismatch_hint"]


def config_for_load(
    model_class: type,
    config_class: type[PretrainedConfig] | None,
    given: PretrainedConfig | str | os.PathLike[str] | Checkpoint | None,
    checkpoint: Checkpoint | None,
    kwargs: dict[str, Any],
    *,
    named_file: os.PathLike[str] | None,
    hub_options: HubOptions,
    call_with: Callable[[PretrainedConfig, dict[str, Any]], str],
) -> tuple[PretrainedConfig, dict[str, Any]]:
    """Return a config for the model alone, and the keyword arguments that are not config fields.

    Args:
        model_class: The class that is loaded.
        config_class: The class of its config, or None if it does not declare one.
        given: A config, which is copied, or where to load one from; None for the checkpoint's own.
        checkpoint: The checkpoint of the weights, if any.
        kwargs: Keyword arguments. Those that are config fields override the values of the config.
        named_file: A file of weights that the caller named in place of the checkpoint, whose folder that is.
        hub_options: How to open a repository that `given` names, at its top.
        call_with: Returns the call that loads the weights of a checkpoint without a config, given a new config and the
            keyword arguments that are not its fields.

    Raises:
        ModelDefinitionError: The class does not declare its config class.
        ConfigClassError: `given` is a config of another class.
        ArgumentError: `given` is nothing that a config can be loaded from, or there is neither it nor a checkpoint.
    """
    if isinstance(given, PretrainedConfig):
        check_config(model_class, given, config_class)
        config, unused = _updated_copy(given, kwargs)
    else:
        if config_class is None:
            raise ModelDefinitionError(
                "its config class is not known. Set `config_class = MyConfig` in the class, or pass config=.",
                model_class=model_class,
            )
        source = checkpoint if given is None else given
        if not isinstance(source, (str, os.PathLike, Checkpoint)):
            is_model = isinstance(getattr(source, "config", None), config_class)
            raise ArgumentError(
                "config",
                source,
                expected=f"an instance of {config_class.__name__}, or the folder or repository that has one",
                remedy="Pass its .config."
                if is_model
                else f"{config_class.__name__}.from_dict(...) makes one of a dict.",
            )
        revision = None if isinstance(source, Checkpoint) else hub_options.revision  # one that is open has its own
        hub_keywords = hub_options._replace(subfolder="", revision=revision)._asdict()
        try:
            loaded: Any = config_class.from_pretrained(source, return_unused_kwargs=True, **hub_keywords, **kwargs)
        except CheckpointFileNotFoundError as error:
            if checkpoint is None or given is not None or error.filename != CONFIG_NAME:
                raise
            hint = whole_call = _call_with_defaults(config_class, kwargs, call_with)
            if named_file is None or not whole_call:
                call = f"{model_class.__name__}.from_pretrained(..., config={config_class.__name__}(...))"
                hint = f"{where_config_may_be(checkpoint.first_filenames(), call=call)} {whole_call}".rstrip()
            place = error.checkpoint
            if named_file is not None:
                place = f"{named_file} is a file, and a checkpoint is a folder. {place}"
            raise CheckpointFileNotFoundError(checkpoint=place, filename=CONFIG_NAME, hint=hint) from None
        config, unused = loaded
    if TIE_FIELD in unused and declares_ties(model_class):  # any config may have this field, few declare it
        setattr(config, TIE_FIELD, unused.pop(TIE_FIELD))
    if checkpoint is not None:
        config.name_or_path = checkpoint.name
        vars(config)["_commit_hash"] = checkpoint.commit
    return config, unused


def mismatch_hint(model_class: type, checkpoint: Checkpoint | None) -> str:
    """Return what the config of a checkpoint says that may explain why its weights do not match a model class."""
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
    auto_map = values.get("auto_map")
    if auto_map and bundle_of(model_class) is None:
        name = f"{model_class.__module__}.{model_class.__qualname__}"
        own = f"{model_class.__module__.rpartition('.')[2]}.{model_class.__qualname__}"
        is_named = isinstance(auto_map, dict) and own in auto_map.values()
        hints.append(
            f"The checkpoint ships its own {own}, which may differ from {name}."
            if is_named
            else f"The checkpoint ships its own code, and {name} is not part of it."
        )
        hints.append("To use that code, load with an Auto class and trust_remote_code=True.")
    return " ".join(hints)


def _call_with_defaults(
    config_class: type[PretrainedConfig],
    kwargs: dict[str, Any],
    call_with: Callable[[PretrainedConfig, dict[str, Any]], str],
) -> str:
    try:
        whole_call = call_with(*_updated_copy(config_class(), kwargs))
    except Exception:  # noqa: BLE001 - the class may need arguments, or refuse those that were given
        return ""
    default = f"{config_class.__name__}()"
    about = (
        f"In this call, pass to {default} the fields that differ from their defaults. " if default in whole_call else ""
    )
    return about + whole_call


def _updated_copy(config: PretrainedConfig, kwargs: dict[str, Any]) -> tuple[PretrainedConfig, dict[str, Any]]:
    """Return a copy of a config with the fields among some keyword arguments, and the other arguments."""
    config = copy.deepcopy(config)
    fields = {name: value for name, value in kwargs.items() if not name.startswith("_") and hasattr(config, name)}
    config.update(fields)
    return config, {name: value for name, value in kwargs.items() if name not in fields}
