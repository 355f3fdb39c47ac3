"""Registering tokenizers and processors that a checkpoint ships in transformers' own auto classes.

transformers finds these classes by the class of the config, or by their names, which it looks up for all checkpoints.
So a name counts as taken, too.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auto_registry.errors import RegistrationError
from hub_io.running import is_of_code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["all_or_none", "check_processing", "register_processing"]


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


@contextlib.contextmanager
def all_or_none(transformers: Any, digests: Collection[str]) -> Iterator[None]:
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


def check_processing(
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


def register_processing(transformers: Any, config_class: type[Any], classes: Mapping[str, type[Any]]) -> None:
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
