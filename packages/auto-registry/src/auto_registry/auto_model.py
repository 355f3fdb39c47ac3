"""What all auto classes for models do: find the model class for a config and hand the checkpoint to it.

Nothing here knows of torch. A model class is any class with a `config_class` and a classmethod
`from_pretrained(checkpoint, *args, config=..., **options)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auto_registry.auto_config import AutoConfig
from auto_registry.errors import ArgumentTypeError, ConfigClassMismatchError, InstantiationError
from auto_registry.registry import REGISTRY, Registry
from auto_registry.remote_code import OwnCode, code_behind, read_header
from auto_registry.resolution import (
    Places,
    Registered,
    explain_namesake,
    load_config_class,
    resolve_config,
    resolve_model,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from auto_registry.resolution import Resolution
    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig

__all__ = ["AutoModelClass"]

# Fields of every config that are options of a model's load as well; there they mean the tensors in memory.
_MODEL_OPTIONS = frozenset({"dtype", "torch_dtype"})


class AutoModelClass:
    """Base of the auto classes for models. A subclass is a task of its own, known by its name.

    A program's own task takes two lines, and is registered for, named in `auto_map` and offered by packages like the
    others:

        class AutoModelForTracking(AutoModelClass):
            "Models that follow objects through a video."
    """

    def __init__(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - whatever is given, it is an error
        raise InstantiationError(type(self).__name__, methods=("from_pretrained", "from_config"))

    @classmethod
    def register(
        cls,
        config_class: type[PretrainedConfig],
        model_class: type[Any],
        *,
        exist_ok: bool = False,
        registry: Registry = REGISTRY,
    ) -> None:
        """Let this auto class make a model class for configs of a class.

        Args:
            config_class: A subclass of PretrainedConfig.
            model_class: A class with `from_pretrained(checkpoint, *args, config=...)` whose `config_class` is this very
                config class.
            exist_ok: Replace another class that is registered there.
            registry: Where to register.

        Raises:
            ArgumentTypeError: An argument is of the wrong type.
            RegistrationError: `model_class.config_class` is not `config_class`.
            AlreadyRegisteredError: Another class is registered there.
        """
        registry.register_model(cls.__name__, config_class, model_class, exist_ok=exist_ok)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
        *model_args: Any,
        config: PretrainedConfig | str | os.PathLike[str] | Checkpoint | None = None,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        registry: Registry = REGISTRY,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Load the model of a checkpoint.

        The checkpoint is opened once: config, code and weights come from the same commit. Its classes are those that
        the program registered; else those that the checkpoint ships, if its code is trusted; else those that an
        installed package offers.

        Args:
            source: A folder, a repository `owner/name` on the hub, or an opened checkpoint.
            *model_args: Passed to the model class.
            config: The config to use instead of the checkpoint's own: an object, or what `AutoConfig.from_pretrained`
                loads it from. `revision` and `subfolder` are not about this one.
            trust_remote_code: Whether the code that the checkpoint ships may run. None leaves it to what an
                administrator has trusted; nothing is trusted by default.
            code_revision: Revision of the code alone, in the repository of the checkpoint or another one.
            registry: What the program registered.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint that holds its config and weights.
            token: Access token for the hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use what has been downloaded before and no network.
            force_download: Download again what is already there.
            **kwargs: Options of the model class and fields of the config. What `from_pretrained` of the model class
                names among its parameters goes there; of the rest, fields of the config replace those of the file, and
                what remains goes to the model class too. With `config` given, all go to the model class.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            CheckpointConfigError: Its config.json does not name its class.
            UnknownModelTypeError: Nothing serves its model_type.
            UnknownTaskError: Its config class has no model class for this auto class.
            ConfigClassMismatchError: The model class found is made for another config class.
            InstalledClassError: The installed class cannot be had.
            Exception: The code that it ships is refused, with the error of the installed remote-code service;
                without such a service a MissingServiceError says what to install.
        """
        from config_core.checkpoint import open_checkpoint
        from config_core.config import PretrainedConfig

        places = Places(registry)
        download: dict[str, Any] = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        trust: dict[str, Any] = {"trust_remote_code": trust_remote_code, "code_revision": code_revision, **download}
        checkpoint = open_checkpoint(
            source, revision=revision, subfolder=subfolder, force_download=force_download, **download
        )

        config_choice: Resolution
        if config is None:
            model_type, auto_map = read_header(checkpoint)
            own_code: OwnCode | None = OwnCode(checkpoint, auto_map, **trust)
            config_choice = resolve_config(model_type, own_code=own_code, places=places)
        else:
            if not isinstance(config, PretrainedConfig):
                loaded: PretrainedConfig = AutoConfig.from_pretrained(
                    config, registry=registry, force_download=force_download, **trust
                )
                config = loaded
            own_code = _own_code(checkpoint, type(config), trust)
            config_choice = Registered(type(config))
        config_class = load_config_class(config_choice, checkpoint=checkpoint)

        model_choice = resolve_model(cls.__name__, config_class, own_code=own_code, places=places)
        model_class = cls._load(model_choice, config_class)

        if config is None:
            options = {name: kwargs.pop(name) for name in kwargs.keys() & _options_of(model_class)}
            with explain_namesake(config_choice):
                config, unused = config_class.from_pretrained(checkpoint, return_unused_kwargs=True, **kwargs)
            kwargs = {**options, **unused}
        with explain_namesake(model_choice, config_choice):
            return model_class.from_pretrained(checkpoint, *model_args, config=config, **kwargs)

    @classmethod
    def from_config(
        cls,
        config: PretrainedConfig,
        *,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        registry: Registry = REGISTRY,
        **kwargs: Any,
    ) -> Any:
        """Make a new model for a config, with no weights loaded.

        Args:
            config: The config.
            trust_remote_code: Whether the code that the config's class came out of may run. That the config was loaded
                from it does not allow the models beside it.
            code_revision: Revision of that code where it lies in another repository than the checkpoint.
            registry: What the program registered.
            **kwargs: Passed to the model class: to its `_from_config` if it has one, else to its constructor.

        Raises:
            ArgumentTypeError: `config` is no PretrainedConfig.
            UnknownTaskError: Its class has no model class for this auto class.
            ConfigClassMismatchError: The model class found is made for another config class.
            InstalledClassError: The installed class cannot be had.
            Exception: The code that its class came out of is refused, with the error of the remote-code service.
        """
        from config_core.config import PretrainedConfig

        if not isinstance(config, PretrainedConfig):
            raise ArgumentTypeError("config", config, expected="a PretrainedConfig")
        own_code = code_behind(type(config), trust_remote_code=trust_remote_code, code_revision=code_revision)
        places = Places(registry)
        choice = resolve_model(cls.__name__, type(config), own_code=own_code, places=places)
        model_class = cls._load(choice, type(config))
        return getattr(model_class, "_from_config", model_class)(config, **kwargs)

    @classmethod
    def _load(cls, choice: Resolution, config_class: type[PretrainedConfig]) -> type[Any]:
        """Import the chosen model class and check that it is made for the config class."""
        model_class = choice.load()
        expected = getattr(model_class, "config_class", None)
        if isinstance(expected, type) and not issubclass(config_class, expected):
            raise ConfigClassMismatchError(model_class, config_class, auto_class=cls.__name__)
        return model_class


def _own_code(checkpoint: Checkpoint, config_class: type[PretrainedConfig], trust: Mapping[str, Any]) -> OwnCode | None:
    """Return the code that a checkpoint ships, else the code that the config's class came out of."""
    from config_core.checkpoint import CONFIG_NAME

    auto_map = read_header(checkpoint)[1] if checkpoint.has(CONFIG_NAME) else {}
    return OwnCode(checkpoint, auto_map, **trust) if auto_map else code_behind(config_class, **trust)


def _options_of(model_class: type[Any]) -> frozenset[str]:
    """Return the keywords that are the model's, whatever fields the config has."""
    import inspect

    return _MODEL_OPTIONS.union(inspect.signature(model_class.from_pretrained).parameters)
