"""Registering the classes that a checkpoint ships in the auto classes of the real transformers.

transformers finds the classes of tokenizers and processors by the class of the config, or by their own names, whichever
checkpoint is loaded. So a name counts as taken, too.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auto_registry.auto_tasks import loadable_names
from auto_registry.errors import RegistrationError
from config_core.checkpoint import Checkpoint, HubOptions
from hub_io.code import PROCESSING_NAMES, processing_load
from hub_io.errors import MissingRequirementsError
from hub_io.registry_loading import LoadedClasses, check_all, decide_all, decide_each, import_all, open_load
from hub_io.running import is_of_code
from hub_io.trust import TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


__all__ = ["load_into_transformers"]

_CONFIG = "AutoConfig"


class _Kind(NamedTuple):
    """Where transformers keeps the classes of one auto class.

    Attributes:
        bases: Names of the base classes, of which a class must have one.
        module: The module in `transformers.models.auto`.
        mapping: The variable with the mapping from config classes.
        by_name: The function that returns the class of a name.
        own_first: Whether it looks for transformers' own classes before others.
    """

    bases: tuple[str, ...]
    module: str
    mapping: str
    by_name: str
    own_first: bool = False


_KINDS: Final = {
    "AutoTokenizer": _Kind(
        ("PreTrainedTokenizerBase",), "tokenization_auto", "TOKENIZER_MAPPING", "tokenizer_class_from_name"
    ),
    "AutoProcessor": _Kind(
        ("ProcessorMixin",), "processing_auto", "PROCESSOR_MAPPING", "processor_class_from_name", own_first=True
    ),
    "AutoImageProcessor": _Kind(
        ("BaseImageProcessor",),
        "image_processing_auto",
        "IMAGE_PROCESSOR_MAPPING",
        "get_image_processor_class_from_name",
    ),
    "AutoFeatureExtractor": _Kind(
        ("FeatureExtractionMixin", "ImageProcessingMixin"),
        "feature_extraction_auto",
        "FEATURE_EXTRACTOR_MAPPING",
        "feature_extractor_class_from_name",
        own_first=True,
    ),
    "AutoVideoProcessor": _Kind(
        ("BaseVideoProcessor",), "video_processing_auto", "VIDEO_PROCESSOR_MAPPING", "video_processor_class_from_name"
    ),
}


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
    with _all_or_none(transformers, digests):  # code may register its classes itself, when it is imported
        classes = import_all(decisions, for_transformers=True)
        processors = {name: classes.pop(name) for name in sorted(PROCESSING_NAMES & classes.keys())}
        config_class = classes.pop(_CONFIG, None)
        _check_config(transformers, config_class)
        known_config = config_class or _known_config(transformers, load.model_type)
        _check_models(transformers, known_config, classes)
        if not exist_ok:
            _check_free(transformers, config_class, classes)
        _check_processing(transformers, known_config, processors, exist_ok=exist_ok)
        _register(transformers, config_class, classes)
        if known_config is not None:
            _register_processing(transformers, known_config, processors)
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


@contextlib.contextmanager
def _all_or_none(transformers: Any, digests: Collection[str]) -> Iterator[None]:
    """Register classes of code with these digests in the block. If it fails, the auto classes have none of them.

    What they replaced is restored, and what other threads register meanwhile stays.
    """
    before = {id(registered): dict(registered) for registered in _registered(transformers)}
    try:
        yield
    except BaseException:
        for registered in _registered(transformers):  # more than before, if a module was imported meanwhile
            earlier = before.get(id(registered), {})
            for key, value in list(registered.items()):
                is_new = earlier.get(key) is not value
                if is_new and any(is_of_code(cls, digests) for cls in (*_classes_in(key), *_classes_in(value))):
                    registered.pop(key)
                    registered.update({key: earlier[key]} if key in earlier else {})
        raise


def _registered(transformers: Any) -> Iterator[dict[Any, Any]]:
    """Yield the dictionaries in which transformers keeps the classes that were registered, of its imported modules."""
    names = ["configuration_auto", "modeling_auto", *(kind.module for kind in _KINDS.values())]
    for name in names:
        module = sys.modules.get(f"{transformers.models.auto.__name__}.{name}")
        for variable, value in vars(module).items() if module else ():
            if variable.startswith("REGISTERED_") and isinstance(value, dict):
                yield value
            elif isinstance(found := getattr(value, "_extra_content", None), dict):
                yield found


def _check_processing(
    transformers: Any, config_class: type[Any] | None, classes: Mapping[str, type[Any]], *, exist_ok: bool
) -> None:
    """Check that transformers will take classes of tokenizers and processors, and find them afterwards.

    Args:
        transformers: The module.
        config_class: The config class that they are registered for; None if transformers does not know one.
        classes: Name of an auto class to the class.
        exist_ok: Whether other classes may be replaced.

    Raises:
        RegistrationError: It would not, or another class is registered and `exist_ok` is false.
    """
    for name, cls in classes.items():
        kind = _KINDS[name]
        bases = tuple(getattr(transformers, base) for base in kind.bases if hasattr(transformers, base))
        if not issubclass(cls, bases):
            listed = " or ".join(f"transformers.{base}" for base in kind.bases)
            raise RegistrationError(f"{cls.__name__} is not a subclass of {listed}.", offered=cls)
        if config_class is None:
            raise RegistrationError(
                f"transformers registers {cls.__name__} for a config class, and the checkpoint neither ships one nor "
                "has a model_type of transformers.",
                offered=cls,
            )
        for what, held in _held(transformers, name, cls, config_class):
            is_hidden = kind.own_first and what == "name" and held.__module__.startswith("transformers.")
            if not exist_ok or is_hidden:
                remedy = "Rename the class" if is_hidden else "Pass exist_ok=True to replace it"
                raise RegistrationError(
                    f"The {what} {cls.__name__ if what == 'name' else config_class.__name__} of transformers.{name} "
                    f"is taken by {held}, so {cls} was not registered. {remedy}.",
                    held_by=held,
                    offered=cls,
                )


def _register_processing(transformers: Any, config_class: type[Any], classes: Mapping[str, type[Any]]) -> None:
    """Register classes that were checked, and let transformers save their code with what it saves of them."""
    for name, cls in classes.items():
        getattr(transformers, name).register(config_class, exist_ok=True, **_arguments(transformers, name, cls))
        cls.register_for_auto_class(name)
    for name, cls in classes.items():  # nothing fails from here on
        mapping = getattr(_module(transformers, name), _KINDS[name].mapping)
        registered = mapping._extra_content  # noqa: SLF001 - a name finds the first, so a replaced one must go
        for other, value in list(registered.items()):
            if any(each is not cls and each.__name__ == cls.__name__ for each in _classes_in(value)):
                del registered[other]


def _held(transformers: Any, name: str, cls: type[Any], config_class: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """Yield the other classes that an auto class finds by the config class or by the name of a class."""
    module, kind = _module(transformers, name), _KINDS[name]
    mapping = getattr(module, kind.mapping)
    by_config = mapping[config_class] if config_class in mapping else None  # noqa: SIM401 - no dict
    yield from (("config class", other) for other in _classes_in(by_config) if other is not cls)
    by_name = getattr(module, kind.by_name)(cls.__name__)
    if by_name is not None and by_name is not cls and by_name.__name__ == cls.__name__:
        yield "name", by_name


def _classes_in(value: Any) -> list[type[Any]]:
    """Return the classes in a value of a mapping: one, one for each backend, or a slow and a fast one."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
    return [each for each in values if isinstance(each, type)]


def _arguments(transformers: Any, name: str, cls: type[Any]) -> dict[str, Any]:
    """Return what `register` of an auto class calls a class."""
    if name == "AutoTokenizer":
        is_fast = issubclass(cls, transformers.PreTrainedTokenizerFast)
        return {"fast_tokenizer_class" if is_fast else "slow_tokenizer_class": cls}
    if name == "AutoImageProcessor":
        if "image_processor_classes" in inspect.signature(transformers.AutoImageProcessor.register).parameters:
            return {"image_processor_classes": {"torchvision": cls, "pil": cls}}  # whichever backend is asked for
        is_fast = issubclass(cls, transformers.BaseImageProcessorFast)  # earlier releases of version 5
        return {"fast_image_processor_class" if is_fast else "slow_image_processor_class": cls}
    part = {"AutoProcessor": "processor_class", "AutoFeatureExtractor": "feature_extractor_class"}
    return {part.get(name, "video_processor_class"): cls}


def _module(transformers: Any, name: str) -> Any:
    return getattr(transformers.models.auto, _KINDS[name].module)
