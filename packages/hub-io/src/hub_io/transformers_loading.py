"""Registering the classes that a checkpoint ships in the auto classes of the real transformers."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from auto_registry.auto_tasks import loadable_names
from auto_registry.errors import RegistrationError
from config_core.checkpoint import Checkpoint, HubOptions
from hub_io.code import PROCESSING_NAMES, processing_load
from hub_io.errors import MissingRequirementsError
from hub_io.registry_loading import LoadedClasses, check_all, decide_all, decide_each, import_all, open_load
from hub_io.transformers_processing import all_or_none, check_processing, register_processing
from hub_io.trust import TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["load_into_transformers"]

_CONFIG = "AutoConfig"


def load_into_transformers(
    source: str | os.PathLike[str] | Checkpoint,
    *,
    revision: str | None = None,
    code_revision: str | None = None,
    subfolder: str = "",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool | None = None,
    policy: TrustPolicy | None = None,
    exist_ok: bool = False,
) -> LoadedClasses:
    """Register the classes that a checkpoint ships in transformers' own auto classes: all, or none.

    They are those of its config and models, and of its tokenizers and processors. The code runs with the real
    transformers, which must be installed (`pretrained-hub-io[transformers]`). Whether it runs is decided as everywhere
    here, from the same pinned and hashed files; the code of tokenizers and processors is decided on apart. Afterwards
    `transformers.AutoModel.from_pretrained(source)`, `AutoTokenizer` and `pipeline` use these classes without
    `trust_remote_code`.

    Args:
        source: A folder, a repository `owner/name` on the Hub, or an opened checkpoint.
        revision: Branch, tag or commit of a repository. If None, the commit in the policy's trust store, or else the
            default branch. Pass the same one to `from_pretrained` of transformers.
        code_revision: Revision of the repository that holds the code.
        subfolder: Folder inside the checkpoint.
        token: Access token for the Hub.
        cache_dir: Where downloads are kept.
        local_files_only: Use only what was downloaded before, and no network.
        trust_remote_code: Whether the code may run. None leaves it to the trust store.
        policy: The trust policy; the default policy if None.
        exist_ok: Replace other classes that are registered there, transformers' own included.

    Returns:
        The classes that were registered.

    Raises:
        MissingRequirementsError: transformers, or a module that the code imports, is not installed. Nothing was run.
        RemoteCodeRefusedError: The code is not trusted.
        TrustStoreError: The trust store is malformed.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
        NoRemoteCodeError: The checkpoint ships no code.
        RemoteCodeImportError: The code failed, or lacks a class.
        ClassReferenceError: A reference in `auto_map` is malformed.
        SourceCodeError: A file is missing or not Python.
        RegistrationError: The classes are not transformers' own kind or do not belong together, or another class is
            registered and `exist_ok` is false.
        CheckpointNotFoundError: There is no such folder, repository or revision.
    """
    options = HubOptions(revision, subfolder, token, cache_dir, local_files_only)
    load = open_load(source, options, code_revision=code_revision, trust_remote_code=trust_remote_code, policy=policy)
    processing = processing_load(load)
    decisions = decide_each(processing, processing.auto_map)
    if loadable_names(load.auto_map) or not decisions:
        decisions = [*decide_all(load), *decisions]
    transformers = _import_transformers(str(load))
    check_all(decisions, for_transformers=True)

    digests = {trusted.bundle.digest for trusted in decisions}
    with all_or_none(transformers, digests):  # code may register its classes itself, when it is imported
        classes = import_all(decisions, for_transformers=True)
        processors = {name: classes.pop(name) for name in sorted(PROCESSING_NAMES & classes.keys())}
        config_class = classes.pop(_CONFIG, None)
        _check_config(transformers, config_class)
        known_config = config_class or _known_config(transformers, load.model_type)
        _check_models(transformers, known_config, classes)
        if not exist_ok:
            _check_free(transformers, config_class, classes)
        check_processing(transformers, known_config, processors, exist_ok=exist_ok)
        _register(transformers, config_class, classes)
        if known_config is not None:
            register_processing(transformers, known_config, processors)
    return LoadedClasses.of_load(load, decisions, config_class, classes, processing_classes=processors)


def _known_config(transformers: Any, model_type: str) -> type[Any] | None:
    """Return the config class that transformers has for a model type."""
    known = transformers.CONFIG_MAPPING
    found: type[Any] | None = known[model_type] if model_type in known else None  # noqa: SIM401 - no dict
    return found


def _import_transformers(source: str) -> Any:
    # By name: no part of this package depends on transformers, and type checkers need not read it.
    try:
        return importlib.import_module("transformers")
    except ModuleNotFoundError as error:
        raise MissingRequirementsError(
            f"The code of {source} is trusted, but load_into_transformers needs transformers, which is not installed. "
            "None of the code was run. Install 'pretrained-hub-io[transformers]' and try again.",
            source=source,
            file="",
            modules=("transformers",),
        ) from error


def _check_config(transformers: Any, config_class: type[Any] | None) -> None:
    """Check that transformers will take the config class.

    Raises:
        RegistrationError: It would not.
    """
    if config_class is None:
        return
    is_config = issubclass(config_class, transformers.PretrainedConfig)
    if not (is_config and isinstance(config_class.model_type, str) and config_class.model_type):
        raise RegistrationError(
            f"{config_class.__name__} is not a subclass of transformers.PretrainedConfig with a model_type, a string.",
            offered=config_class,
        )


def _check_models(transformers: Any, config_class: type[Any] | None, classes: Mapping[str, type[Any]]) -> None:
    """Check that transformers will take all model classes, and find them by the config of the checkpoint.

    Args:
        transformers: The module.
        config_class: The config class of the checkpoint; None if transformers would not know one.
        classes: Name of an auto class to the class.

    Raises:
        RegistrationError: It would not.
    """
    for name, cls in classes.items():
        if not hasattr(transformers, name):
            raise RegistrationError(f"The installed transformers has no {name}, for {cls.__name__}.", offered=cls)
        if not issubclass(cls, transformers.PreTrainedModel):
            raise RegistrationError(f"{cls.__name__} is not a subclass of transformers.PreTrainedModel.", offered=cls)
        own = cls.config_class
        if not (isinstance(own, type) and issubclass(own, transformers.PretrainedConfig)):
            raise RegistrationError(
                f"{cls.__name__}.config_class must be a subclass of transformers.PretrainedConfig, got {own!r:.80}.",
                offered=cls,
            )
        if config_class is not None and own is not config_class:
            raise RegistrationError(
                f"{cls.__name__}.config_class is {own}, but the checkpoint's config class is {config_class.__name__}.",
                offered=cls,
            )


def _check_free(transformers: Any, config_class: type[Any] | None, classes: Mapping[str, type[Any]]) -> None:
    """Check that no other class would be replaced.

    Raises:
        RegistrationError: One would.
    """
    if config_class is not None:
        held = _known_config(transformers, config_class.model_type)
        _check_same(held, config_class, what=f"model_type {config_class.model_type!r} of transformers.AutoConfig")
    for name, cls in classes.items():
        mapping = getattr(transformers, name)._model_mapping  # noqa: SLF001 - there is no public way to ask
        held = mapping.get(cls.config_class, None)
        _check_same(held, cls, what=f"{cls.config_class.__name__} of transformers.{name}")


def _check_same(held: Any, offered: type[Any], *, what: str) -> None:
    if held is not None and held is not offered:
        raise RegistrationError(
            f"{what} is taken by {held}, so {offered} was not registered. Pass exist_ok=True to replace it.",
            held_by=held,
            offered=offered,
        )


def _register(transformers: Any, config_class: type[Any] | None, classes: Mapping[str, type[Any]]) -> None:
    """Register all classes, and let transformers save their code with what it saves of them."""
    if config_class is not None:
        transformers.AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
        config_class.register_for_auto_class()
    for name, cls in classes.items():
        getattr(transformers, name).register(cls.config_class, cls, exist_ok=True)
        cls.register_for_auto_class(name)
