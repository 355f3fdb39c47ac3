"""The base of the Auto classes for models: find the model class for a config and pass the checkpoint to it.

Nothing here depends on torch. A model class is any class with a `config_class` and a classmethod
`from_pretrained(checkpoint, *args, config=..., **options)`. If it overrides that of a base class of another library, it
gets what the caller gave in place of the checkpoint, as in transformers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from auto_registry.auto_config import AutoConfig
from auto_registry.code_load import CodeLoad
from auto_registry.errors import UsageError, describe
from auto_registry.familiar_options import drop_hub_options, explain_spelling
from auto_registry.registry import REGISTRY, Registry, using_registry
from auto_registry.resolution import (
    ClassSources,
    Registered,
    Resolution,
    explain_namesake,
    load_config_class,
    resolve_config,
    resolve_model,
)

if TYPE_CHECKING:
    import config_core
    from config_core.checkpoint import HubOptions
else:
    from auto_registry import deferred_config_core as config_core

__all__ = ["AutoModelClass"]

# Fields of every config that go to the model class instead: there they are the dtype of the tensors in memory.
_MODEL_OPTIONS = frozenset({"dtype", "torch_dtype"})


class AutoModelClass:
    """Base of the Auto classes for models. A subclass defines a task, and its name is the key.

    A program defines its own task with two lines, and uses it like the others:

        class AutoModelForTracking(AutoModelClass):
            "Models that follow objects through a video."
    """

    def __init__(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - any call is an error
        raise UsageError.of_call(type(self).__name__, methods=("from_pretrained", "from_config"))

    @classmethod
    def register(
        cls,
        config_class: type[config_core.PretrainedConfig],
        model_class: type[Any],
        *,
        exist_ok: bool = False,
        registry: Registry = REGISTRY,
    ) -> None:
        """Register a model class for this Auto class and a config class.

        Args:
            config_class: A subclass of PretrainedConfig.
            model_class: A class with `from_pretrained(checkpoint, *args, config=...)` whose `config_class` is the
                config class.
            exist_ok: Replace another class that is registered there.
            registry: The registry.

        Raises:
            UsageError: An argument is of the wrong type.
            RegistrationError: `model_class.config_class` is not `config_class`, or another class is registered there.
        """
        registry.register_model(cls.__name__, config_class, model_class, exist_ok=exist_ok)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | config_core.Checkpoint,
        *model_args: Any,
        config: config_core.PretrainedConfig | str | os.PathLike[str] | config_core.Checkpoint | None = None,
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
        the program registered, or else those that the checkpoint ships if its code is trusted, or else those that an
        installed package offers.

        Args:
            pretrained_model_name_or_path: A folder, a repository `owner/name` on the hub, or an opened checkpoint.
            *model_args: Passed to the model class.
            config: The config to use instead of the checkpoint's own: a config, or a folder, JSON file, repository or
                opened checkpoint with one. `revision` and `subfolder` do not apply to it.
            trust_remote_code: True trusts the code that the checkpoint ships, in this load; False never runs it; None
                runs it only if the trust store has it.
            code_revision: Revision of the code, in the repository of the checkpoint or another one.
            registry: The registry.
            revision: Branch, tag or commit of a repository.
            subfolder: Folder inside the checkpoint that holds its config and weights.
            token: Access token for the hub; True for the stored one, False for none.
            cache_dir: Where downloads are kept.
            local_files_only: Use only what was downloaded before, and no network.
            force_download: Download files again that are already there.
            **kwargs: Options of the model class and fields of the config. Parameters of the model class's
                `from_pretrained` are passed to it. Of the others, fields of the config replace those of the file, and
                the rest is passed to the model class, too. If `config` is passed, all go to the model class.

        Returns:
            The model, as `from_pretrained` of its class returns it.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            CheckpointConfigError: Its config.json does not name its class.
            UnknownModelTypeError: No class is known for its model_type.
            UnknownTaskError: No model class is known for its config class and this Auto class.
            UsageError: The model class that was found expects another config class.
            InstalledClassError: The installed class cannot be imported.
            Exception: The checkpoint's code is not trusted: with `pretrained-hub-io`, a `RemoteCodeRefusedError`. If no
                service for such code is installed, MissingServiceError says what to install.
        """
        import inspect

        from config_core.checkpoint import HubOptions, open_checkpoint

        kwargs = drop_hub_options(kwargs)
        hub_options = HubOptions(revision, subfolder, token, cache_dir, local_files_only, force_download)
        checkpoint = open_checkpoint(pretrained_model_name_or_path, hub_options)
        load = CodeLoad.of_checkpoint(
            checkpoint,
            hub_options,
            needs_config=config is None,
            trust_remote_code=trust_remote_code,
            code_revision=code_revision,
        )
        load.auto_class = cls.__name__
        sources = ClassSources(registry)
        if config is None:
            config_choice = resolve_config(load.model_type, load=load, sources=sources)
        else:
            config = _given_config(config, load, registry)
            config_choice = Registered(type(config))
            if not load.auto_map:
                load = CodeLoad.of_class(
                    type(config),
                    trust_remote_code=trust_remote_code,
                    code_revision=code_revision,
                    hub_options=hub_options,
                )
        with explain_spelling(kwargs):
            config_class = load_config_class(config_choice, load=load)
            model_choice = resolve_model(cls.__name__, config_class, load=load, sources=sources)
            model_class = cls._load(model_choice, config_class)

        if config is None:
            taken = _MODEL_OPTIONS.union(inspect.signature(model_class.from_pretrained).parameters)
            options = {name: kwargs.pop(name) for name in kwargs.keys() & taken}
            with explain_namesake(config_choice), load.constructing(config_class), using_registry(registry):
                config, unused = config_class.from_pretrained(load.config_source, return_unused_kwargs=True, **kwargs)
            kwargs = {**options, **unused}
        source: Any = checkpoint
        if _overrides_from_pretrained(model_class) and checkpoint is not pretrained_model_name_or_path:
            source = pretrained_model_name_or_path
            kwargs = {**_options_to_open_again(checkpoint, hub_options), **kwargs}
        with explain_namesake(model_choice, config_choice), load.constructing(model_class):
            return model_class.from_pretrained(source, *model_args, config=config, **kwargs)

    @classmethod
    def from_config(
        cls,
        config: config_core.PretrainedConfig,
        *,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        registry: Registry = REGISTRY,
        **kwargs: Any,
    ) -> Any:
        """Create a model for a config, without loading weights.

        Args:
            config: The config.
            trust_remote_code: True trusts the code that the config's class was loaded from; False never runs it; None
                runs it only if the trust store has it. Trust in the config's code does not extend to its models.
            code_revision: Revision of that code, if it is in another repository than the checkpoint.
            registry: The registry.
            **kwargs: Passed to the model class: to its `_from_config` if it has one, else to its constructor.

        Returns:
            A model with new weights.

        Raises:
            UsageError: `config` is not a PretrainedConfig, or the model class that was found expects another class.
            UnknownTaskError: No model class is known for its class and this Auto class.
            InstalledClassError: The installed class cannot be imported.
            Exception: The code of its class is not trusted: with `pretrained-hub-io`, a `RemoteCodeRefusedError`.
        """
        if not isinstance(config, config_core.PretrainedConfig):
            raise UsageError.of_argument("config", config, expected="a PretrainedConfig")
        load = CodeLoad.of_class(type(config), trust_remote_code=trust_remote_code, code_revision=code_revision)
        choice = resolve_model(cls.__name__, type(config), load=load, sources=ClassSources(registry))
        model_class = cls._load(choice, type(config))
        with load.constructing(model_class):
            return getattr(model_class, "_from_config", model_class)(config, **kwargs)

    @classmethod
    def _load(cls, choice: Resolution, config_class: type[config_core.PretrainedConfig]) -> type[Any]:
        """Import the chosen model class and check that it expects the config class."""
        model_class = choice.load()
        expected = getattr(model_class, "config_class", None)
        if isinstance(expected, type) and not issubclass(config_class, expected):
            raise UsageError(
                f"{describe(model_class)} expects a config of {describe(expected)}, but the config is of "
                f"{describe(config_class)}. Config and model must come from the same code: omit config=, or register a "
                f"model class for this config with {cls.__name__}.register({config_class.__name__}, ModelClass).",
                argument="config",
                value=config_class,
            )
        return model_class


def _given_config(
    config: config_core.PretrainedConfig | str | os.PathLike[str] | config_core.Checkpoint,
    load: CodeLoad,
    registry: Registry,
) -> config_core.PretrainedConfig:
    """Return the caller's config, loaded if it is a folder, file, repository or checkpoint."""
    if isinstance(config, config_core.PretrainedConfig):
        return config
    hub_options = load.hub_options._replace(revision=None, subfolder="")
    loaded: config_core.PretrainedConfig = AutoConfig.from_pretrained(
        load.config_source if _is_config_of(config, load) else config,
        registry=registry,
        trust_remote_code=load.trust_remote_code,
        code_revision=load.code_revision,
        **hub_options._asdict(),
    )
    return loaded


def _is_config_of(config: str | os.PathLike[str] | config_core.Checkpoint, load: CodeLoad) -> bool:
    """Return whether the caller's config is the config file that the load has read already."""
    from config_core.checkpoint import CONFIG_NAME, existing_path

    opened, file = load.checkpoint, load.config_file
    if opened is None or file is None or opened.subfolder or isinstance(config, config_core.Checkpoint):
        return config is opened and file is not None
    path = existing_path(config)
    if path is None:
        return opened.commit is not None and config == opened.name and load.hub_options.revision is None
    named = path / CONFIG_NAME if path.is_dir() else path
    return named.exists() and named.samefile(file.path)


def _overrides_from_pretrained(model_class: type[Any]) -> bool:
    """Return whether a model class has a `from_pretrained` in place of the one that its library gives it.

    Such a method is mostly written for transformers: it looks for more files, and so takes a name, not a checkpoint.
    """
    owners = [base.__module__.partition(".")[0] for base in model_class.__mro__ if "from_pretrained" in vars(base)]
    return owners[:1] != owners[-1:]


def _options_to_open_again(checkpoint: config_core.Checkpoint, hub_options: HubOptions) -> dict[str, Any]:
    """Return the options, other than the defaults, that open a checkpoint once more: at the same commit."""
    again = hub_options._replace(revision=checkpoint.commit, force_download=False)
    return {name: value for name, value in again._asdict().items() if value != again._field_defaults[name]}
