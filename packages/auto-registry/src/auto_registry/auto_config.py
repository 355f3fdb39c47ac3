"""AutoConfig: the config of a checkpoint, in the class that its config.json names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, overload

from auto_registry.code_load import CodeLoad
from auto_registry.errors import UsageError
from auto_registry.familiar_options import drop_hub_options, explain_spelling
from auto_registry.registry import REGISTRY, Registry, registry_of_parts, using_registry
from auto_registry.resolution import ClassSources, Unknown, explain_namesake, load_config_class, resolve_config

if TYPE_CHECKING:
    import config_core
else:
    from auto_registry import deferred_config_core as config_core

__all__ = ["AutoConfig"]


class AutoConfig:
    """Creates configs of the class that a checkpoint or a model_type names. It has no instances."""

    def __init__(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - any call is an error
        raise UsageError.of_call(type(self).__name__, methods=("from_pretrained", "for_model"))

    @classmethod
    def register(
        cls,
        model_type: str,
        config_class: type[config_core.PretrainedConfig],
        *,
        exist_ok: bool = False,
        registry: Registry = REGISTRY,
    ) -> None:
        """Register a config class for a model_type.

        It then takes precedence over a checkpoint's own code and over installed packages. Registering a class again
        under the same name does nothing.

        Args:
            model_type: The name, equal to `config_class.model_type`.
            config_class: A subclass of PretrainedConfig.
            exist_ok: Replace another class that is registered under the name.
            registry: The registry.

        Raises:
            UsageError: `model_type` is not a string or `config_class` not a subclass of PretrainedConfig.
            RegistrationError: The class has another model_type, or none; or another class is registered under the
                name.
        """
        registry.register_config(model_type, config_class, exist_ok=exist_ok)

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | config_core.Checkpoint,
        *,
        return_unused_kwargs: Literal[False] = False,
        **options: Any,
    ) -> config_core.PretrainedConfig: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | config_core.Checkpoint,
        *,
        return_unused_kwargs: Literal[True],
        **options: Any,
    ) -> tuple[config_core.PretrainedConfig, dict[str, Any]]: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | config_core.Checkpoint,
        *,
        return_unused_kwargs: bool,
        **options: Any,
    ) -> config_core.PretrainedConfig | tuple[config_core.PretrainedConfig, dict[str, Any]]: ...

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | config_core.Checkpoint,
        *,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        registry: Registry = REGISTRY,
        return_unused_kwargs: bool = False,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        **overrides: Any,
    ) -> config_core.PretrainedConfig | tuple[config_core.PretrainedConfig, dict[str, Any]]:
        """Load the config of a checkpoint.

        Its class is the one that the program registered for the `model_type` in config.json, or else the one that the
        checkpoint ships if its code is trusted, or else the one that an installed package offers.

        Args:
            pretrained_model_name_or_path: A folder, a JSON file, a repository `owner/name` on the hub, or an opened
                checkpoint.
            trust_remote_code: True trusts the code that the checkpoint ships, in this load; False never runs it; None
                runs it only if the trust store has it.
            code_revision: Revision of the code, in the repository of the checkpoint or another one.
            registry: The registry.
            return_unused_kwargs: Return keywords that are not fields of the config instead of raising.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint that holds config.json.
            token: Access token for the hub; True for the stored one, False for none.
            cache_dir: Where downloads are kept.
            local_files_only: Use only what was downloaded before, and no network.
            force_download: Download files again that are already there.
            **overrides: Fields of the config that replace those of the file.

        Returns:
            The config, or with `return_unused_kwargs` a tuple of the config and a dict of the unused keywords.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            CheckpointConfigError: Its config.json does not name its class, or names one that is not a config class.
            UnknownModelTypeError: No class is known for its model_type.
            InstalledClassError: The installed class cannot be imported.
            Exception: The checkpoint's code is not trusted: with `pretrained-hub-io`, a `RemoteCodeRefusedError`. If no
                service for such code is installed, MissingServiceError says what to install.
        """
        from config_core.checkpoint import FolderCheckpoint, HubOptions, existing_path
        from config_core.config import read_config

        overrides = drop_hub_options(overrides)
        source, config_file = pretrained_model_name_or_path, None
        if isinstance(source, (str, os.PathLike)) and (path := existing_path(source)) and path.is_file():
            source, config_file = FolderCheckpoint(path.parent), read_config(path)
        load = CodeLoad.of_checkpoint(
            source,
            HubOptions(revision, subfolder, token, cache_dir, local_files_only, force_download),
            config_file=config_file,
            trust_remote_code=trust_remote_code,
            code_revision=code_revision,
        )
        resolution = resolve_config(load.model_type, load=load, sources=ClassSources(registry))
        with explain_spelling(overrides):
            config_class = load_config_class(resolution, load=load)
        with explain_namesake(resolution), load.constructing(config_class), using_registry(registry):
            loaded: config_core.PretrainedConfig | tuple[config_core.PretrainedConfig, dict[str, Any]] = (
                config_class.from_pretrained(load.config_source, return_unused_kwargs=return_unused_kwargs, **overrides)
            )
        return loaded

    @classmethod
    def config_class_for(cls, model_type: str) -> type[config_core.PretrainedConfig] | None:
        """Return the config class for a model_type, or None if none is known.

        `config_core` calls it for a part of a config whose annotation leaves the class open: `PretrainedConfig`, or
        `sub_configs = {"encoder": AutoConfig}`. The class is registered, or else offered by an installed package. In a
        load with `registry=`, it is looked up there.

        Raises:
            InstalledClassError: The installed class cannot be imported.
        """
        resolution = resolve_config(model_type, sources=ClassSources(registry_of_parts()))
        return None if isinstance(resolution, Unknown) else resolution.load()

    @classmethod
    def for_model(
        cls, model_type: str, *args: Any, registry: Registry = REGISTRY, **kwargs: Any
    ) -> config_core.PretrainedConfig:
        """Create a config of the class for a model_type.

        Args:
            model_type: The name.
            *args: Passed to the class.
            registry: The registry.
            **kwargs: Fields of the config.

        Returns:
            The config.

        Raises:
            UnknownModelTypeError: No class is registered under the name and no installed package offers one.
            TypeError: It is not a string.
            InstalledClassError: The installed class cannot be imported.
        """
        name: object = model_type
        if not isinstance(name, str) or not name:
            raise TypeError(f"model_type must be a non-empty string, got {name!r:.80}.")
        config_class = resolve_config(model_type, sources=ClassSources(registry)).load()
        with CodeLoad().constructing(config_class), using_registry(registry):
            config: config_core.PretrainedConfig = config_class(*args, **kwargs)
        return config
