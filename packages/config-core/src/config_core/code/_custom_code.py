"""The code that is saved with a checkpoint: the registered classes, and the source files that they need."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from config_core.errors import ClassReferenceError, MissingServiceError, SourceCodeError
from config_core.fork_safety import ForkSafeLock
from config_core.messages import warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config_core.code import _code_bundle as _bundle
else:
    from config_core.code import _deferred_bundle as _bundle

__all__ = [
    "bundle_of",
    "code_origin_of",
    "collect_code",
    "describe_class",
    "describe_value",
    "register_for_auto_class",
    "served_names_of",
]

_MAX_REPR = 200
_registered: WeakKeyDictionary[type[Any], str] = WeakKeyDictionary()
_lock = ForkSafeLock()


def register_for_auto_class(cls: type[Any], auto_class: str | type[Any]) -> None:
    """Include the source files of a class in saves, so that an Auto class can load it.

    This excludes its subclasses: each has to be registered itself, so that no code is shared unasked.

    Args:
        cls: A config class, for `AutoConfig`, or a model class.
        auto_class: The Auto class or its name, such as `AutoModelForImageClassification`.

    Raises:
        ClassReferenceError: There is no such Auto class.
    """
    name = auto_class.__name__ if isinstance(auto_class, type) else auto_class
    if isinstance(auto_class, str):
        _check_auto_class(name)
    is_config = not hasattr(cls, "config_class")
    if is_config != (name == "AutoConfig"):
        allowed = "'AutoConfig'" if is_config else "the AutoModel classes"
        raise ClassReferenceError(
            f"{cls.__name__} cannot be registered for {name!r}, only for {allowed}.", reference=name
        )
    with _lock.held():
        _registered.pop(cls, None)
        _registered[cls] = name


def bundle_of(cls: type[Any]) -> _bundle.CodeBundle | None:
    """Return the code that a class was loaded from, or None for a class that was not loaded from a checkpoint."""
    bundle: _bundle.CodeBundle | None = getattr(sys.modules.get(cls.__module__), "__code_bundle__", None)
    return bundle


def code_origin_of(cls: type[Any]) -> _bundle.CodeOrigin | None:
    """Return where the code of a class came from and what let it run; None for a class not loaded from a checkpoint."""
    origin: _bundle.CodeOrigin | None = getattr(sys.modules.get(cls.__module__), "__code_origin__", None)
    return origin


def describe_class(cls: type[Any]) -> str:
    """Return the name of a class for messages: `module.qualname`, or `qualname of source` if it is a checkpoint's."""
    if (origin := code_origin_of(cls)) is None:
        return f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
    version = f"commit {origin.commit:.12}" if origin.commit else f"digest {origin.digest:.12}"
    return f"{cls.__qualname__} of {origin.source} ({version})"


def describe_value(value: object) -> str:
    """Return the repr of a value for messages; for a class its name, and for a value with a long repr its class."""
    if isinstance(value, type):
        return f"the class {describe_class(value)}"
    text = repr(value)
    return f"an instance of {describe_class(type(value))}" if "\n" in text or len(text) > _MAX_REPR else text


def served_names_of(cls: type[Any]) -> tuple[str, ...]:
    """Return the names of transformers that were served to the code that a class was loaded from, sorted."""
    names: tuple[str, ...] = getattr(sys.modules.get(cls.__module__), "__served_names__", ())
    return names


def collect_code(
    cls: type[Any],
    config_class: type[Any],
    *,
    portable: bool = False,
    folder: str | os.PathLike[str] | None = None,
) -> _bundle.CodeBundle | None:
    """Return the source files to save with an object of a class, or None if neither class is registered.

    `auto_map` lists every registered class from the same module or package with the same config class, so that a folder
    saved from one model class can be loaded with the others. Code that was loaded from a checkpoint is returned
    unchanged.

    Args:
        cls: Class of the saved object: a model class or a config class.
        config_class: Class of its config.
        portable: Let transformers load the code too: the base classes come from a file that is added,
            `pretrained_base.py`. Code that needs more of these packages is returned as it is, with a warning.
        folder: Where it will be saved. If the program has its own source there, that stays as its author wrote it.

    Raises:
        SourceCodeError: A class has no source file, or a needed file is missing or would not work elsewhere. Or it is
            an unregistered subclass of a model class that is registered or came with a checkpoint: a load of the code
            would give that class instead.
    """
    _check_own_code(cls)
    if cls in _registered and bundle_of(cls) is None and bundle_of(config_class) is not None:
        raise SourceCodeError(
            f"its config class {config_class.__name__} was loaded from the code of a checkpoint, which cannot be saved "
            "together with yours. Copy that code into your project, import the config class from there, and use it as "
            "config_class.",
            path=describe_class(cls),
        )
    for loaded in (cls, config_class):
        if (bundle := bundle_of(loaded)) is not None:
            return bundle
    if cls not in _registered and config_class not in _registered:
        return None
    for saved in {cls: None, config_class: None}:
        _warn_of_new_definition(saved)
    # Reading source imports modules that other programs do not need.
    from config_core.code._code_collection import bundle_for

    with _lock.held():
        registered = dict(_registered)
    portable = portable and not (folder is not None and _has_source_of((cls, config_class), Path(folder)))
    return bundle_for(cls, config_class, registered, portable=portable)


def _warn_of_new_definition(cls: type[Any]) -> None:
    """Warn if a class was defined again since an object of it was made, as in a notebook whose cell was run again."""
    current = vars(sys.modules[cls.__module__]).get(cls.__qualname__) if cls.__module__ in sys.modules else None
    if isinstance(current, type) and current is not cls:
        warn(
            f"{describe_class(cls)} was defined again since this object was made. The code of the new "
            "definition is saved, which may behave differently. To be sure, make the object again.",
            stacklevel=3,
        )


def _has_source_of(classes: Iterable[type[Any]], folder: Path) -> bool:
    files = (getattr(sys.modules.get(cls.__module__), "__file__", None) for cls in classes)
    return any(file is not None and Path(file).resolve().parent == folder.resolve() for file in files)


def _check_own_code(cls: type[Any]) -> None:
    """Check that a save of a class does not come with code that loads as another class, its base.

    Raises:
        SourceCodeError: The class is a model class, and its code would be that of its base.
    """
    if cls in _registered or bundle_of(cls) is not None:
        return
    base = next((base for base in cls.__mro__[1:] if base in _registered or bundle_of(base) is not None), None)
    if base is None:
        return
    path = describe_class(cls)
    if base not in _registered:
        if not hasattr(cls, "config_class"):
            return  # no code is saved with such a config
        raise SourceCodeError(
            f"it derives from {base.__name__}, which was loaded from the code of a checkpoint. Saved with that code, "
            f"it would be loaded as {base.__name__}. Copy that code into your project and derive from the class there, "
            f"or save an instance of {base.__name__}.",
            path=path,
        )
    auto_class = _registered[base]
    call = f"{cls.__name__}.register_for_auto_class({'' if auto_class == 'AutoConfig' else repr(auto_class)})"
    if hasattr(cls, "config_class"):
        raise SourceCodeError(
            f"it derives from {base.__name__}, which is registered for {auto_class}, and is not registered itself. "
            f"Saved with the code of {base.__name__}, it would be loaded as that class. Call {call} to save its own "
            "code.",
            path=path,
        )
    if getattr(cls, "model_type", "") == getattr(base, "model_type", ""):
        warn(
            f"{path} is saved without code, because it is not registered, and it has the model_type "
            f"{cls.model_type!r} of {base.__name__}: Auto classes load it as that class. Call {call}, or set another "
            "model_type.",
            stacklevel=3,
        )


def _check_auto_class(name: str) -> None:
    from config_core.services import find_service

    try:
        known = find_service(
            "config_core.auto_classes", distribution="pretrained-auto-registry", purpose="Auto classes"
        )
    except MissingServiceError:
        # Without the Auto classes only the form of their names is known.
        known = (name,) if re.fullmatch(r"Auto[A-Z]\w*", name) else ("AutoConfig", "AutoModel")
    if name not in known:
        from config_core.familiar_options import did_you_mean

        guess = did_you_mean([name], known) or f"Allowed are {', '.join(sorted(known))}."
        raise ClassReferenceError(
            f"There is no Auto class {name!r}. {guess} For your own Auto class, pass the class and not its name.",
            reference=name,
        )
