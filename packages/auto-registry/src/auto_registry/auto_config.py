"""AutoConfig: the config of a checkpoint, in the class that its config.json names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from auto_registry.errors import InstantiationError
from auto_registry.registry import REGISTRY, Registry
from auto_registry.remote_code import OwnCode, read_header
from auto_registry.resolution import Places, explain_namesake, load_config_class, resolve_config

if TYPE_CHECKING:
    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig

__all__ = ["AutoConfig"]


class AutoConfig:
    """Makes configs of the class that a checkpoint or a model_type names; has no objects of its own."""

    def __init__(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - whatever is given, it is an error
        raise InstantiationError(type(self).__name__, methods=("from_pretrained", "for_model"))

    @classmethod
    def register(
        cls,
        model_type: str,
        config_class: type[PretrainedConfig],
        *,
        exist_ok: bool = False,
        registry: Registry = REGISTRY,
    ) -> None:
        """Let a model_type name a config class.

        It then comes before a checkpoint's own code and before installed packages. Registering a class where it is
        registered already does nothing.

        Args:
            model_type: The name, equal to `config_class.model_type`.
            config_class: A subclass of PretrainedConfig.
            exist_ok: Replace another class that the name stands for.
            registry: Where to register.

        Raises:
            ArgumentTypeError: `model_type` is no string or `config_class` no subclass of PretrainedConfig.
            RegistrationError: The class has another model_type, or none.
            AlreadyRegisteredError: The name stands for another class.
        """
        registry.register_config(model_type, config_class, exist_ok=exist_ok)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
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
    ) -> Any:
        """Load the config of a checkpoint.

        Its class is the one that the program registered for the `model_type` in config.json; else the one that the
        checkpoint ships, if its code is trusted; else the one that an installed package offers.

        Args:
            source: A folder, a JSON file, a repository `owner/name` on the hub, or an opened checkpoint.
            trust_remote_code: Whether the code that the checkpoint ships may run. None leaves it to what an
                administrator has trusted; nothing is trusted by default.
            code_revision: Revision of the code alone, in the repository of the checkpoint or another one.
            registry: What the program registered.
            return_unused_kwargs: Return overrides that are no fields of the config instead of refusing them.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint that holds config.json.
            token: Access token for the hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use what has been downloaded before and no network.
            force_download: Download again what is already there.
            **overrides: Fields of the config that replace those of the file.

        Returns:
            The config, or with `return_unused_kwargs` a tuple of the config and a dict of the overrides not used.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            CheckpointConfigError: Its config.json does not name its class, or names one that is no config class.
            UnknownModelTypeError: Nothing serves its model_type.
            InstalledClassError: The installed class cannot be had.
            Exception: The code that it ships is refused, with the error of the installed remote-code service;
                without such a service a MissingServiceError says what to install.
        """
        from config_core.checkpoint import FolderCheckpoint, existing_path, open_checkpoint

        file = existing_path(source) if isinstance(source, (str, os.PathLike)) else None
        if file is not None and file.is_file():
            source = FolderCheckpoint(file.parent)
        else:
            file = None
        checkpoint = open_checkpoint(
            source,
            revision=revision,
            subfolder=subfolder,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        model_type, auto_map = read_header(file or checkpoint)
        own_code = OwnCode(checkpoint, auto_map, trust_remote_code, code_revision, token, cache_dir, local_files_only)
        resolution = resolve_config(model_type, own_code=own_code, places=Places(registry))
        config_class = load_config_class(resolution, checkpoint=checkpoint)
        with explain_namesake(resolution):
            return config_class.from_pretrained(
                file or checkpoint, return_unused_kwargs=return_unused_kwargs, **overrides
            )

    @classmethod
    def for_model(cls, model_type: str, *args: Any, registry: Registry = REGISTRY, **kwargs: Any) -> Any:
        """Make a new config of the class that a model_type names.

        Args:
            model_type: The name.
            *args: Passed to the class.
            registry: What the program registered.
            **kwargs: Fields of the config.

        Raises:
            UnknownModelTypeError: No class is registered for the name and no installed package offers one.
            TypeError: It is no name.
            InstalledClassError: The installed class cannot be had.
        """
        name: object = model_type
        if not isinstance(name, str) or not name:
            raise TypeError(f"Expected the name of a model_type, got {name!r:.80}.")
        resolution = resolve_config(model_type, places=Places(registry))
        return resolution.load()(*args, **kwargs)
