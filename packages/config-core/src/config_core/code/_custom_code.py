"""The code that is saved with a checkpoint: which classes are registered, and the source files that they need."""

from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from config_core.errors import AutoClassNameError, MissingServiceError, SourceCodeError

if TYPE_CHECKING:
    from config_core.code._code_bundle import CodeBundle

__all__ = ["bundle_of", "collect_code", "register_for_auto_class"]

_registered: WeakKeyDictionary[type[Any], str] = WeakKeyDictionary()
_lock = threading.Lock()


def register_for_auto_class(cls: type[Any], auto_class: str | type[Any]) -> None:
    """Let saves include the source files of a class, so that an auto class can load it. Subclasses are not registered.

    Args:
        cls: A config class, for `AutoConfig`, or a model class.
        auto_class: The auto class or its name, such as `AutoModelForImageClassification`.

    Raises:
        AutoClassNameError: There is no such auto class.
    """
    name = auto_class.__name__ if isinstance(auto_class, type) else auto_class
    if isinstance(auto_class, str):
        _check_auto_class(name)
    is_config = not hasattr(cls, "config_class")
    if is_config != (name == "AutoConfig"):
        allowed = "'AutoConfig'" if is_config else "the AutoModel classes"
        raise AutoClassNameError(
            f"{cls.__name__} cannot be registered for {name!r}, only for {allowed}.", auto_class=name
        )
    with _lock:
        _registered.pop(cls, None)
        _registered[cls] = name


def bundle_of(cls: type[Any]) -> CodeBundle | None:
    """Return the code that a class was loaded from, or None for a class that was imported in the ordinary way."""
    bundle: CodeBundle | None = getattr(sys.modules.get(cls.__module__), "__code_bundle__", None)
    return bundle


def collect_code(cls: type[Any], config_class: type[Any]) -> CodeBundle | None:
    """Return the source files to save with an object of a class, or None if neither class is registered.

    `auto_map` lists every registered class for the same config class that comes from the same module or
    package, so that a folder saved from one model class can be loaded with the others. Code that was itself loaded from
    a checkpoint is returned unchanged.

    Args:
        cls: Class of what is saved: a model class or a config class.
        config_class: Class of its config.

    Raises:
        SourceCodeError: Python keeps no source of a class, or a needed file is missing or would not work elsewhere.
    """
    if cls in _registered and bundle_of(cls) is None and bundle_of(config_class) is not None:
        raise SourceCodeError(
            f"its config class {config_class.__name__} was loaded from a checkpoint's own code, which cannot be saved "
            "together with yours. Save that code as files, import the config class from them, and use it as "
            "config_class.",
            path=f"{cls.__module__}.{cls.__qualname__}",
        )
    for loaded in (cls, config_class):
        if (bundle := bundle_of(loaded)) is not None:
            return bundle
    if cls not in _registered and config_class not in _registered:
        return None
    # Reading source needs modules that a program without custom code never needs.
    from config_core.code._code_collection import bundle_for

    with _lock:
        registered = dict(_registered)
    return bundle_for(cls, config_class, registered)


def _check_auto_class(name: str) -> None:
    from config_core.services import find_service

    try:
        known = find_service(
            "config_core.auto_classes", distribution="pretrained-auto-registry", purpose="Auto classes"
        )
    except MissingServiceError:
        # Without the Auto classes it is only known what their names look like.
        known = (name,) if re.fullmatch(r"Auto[A-Z]\w*", name) else ("AutoConfig", "AutoModel")
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known)
        guess = (
            f" Did you mean {' or '.join(map(repr, near))}?" if near else f" Allowed are {', '.join(sorted(known))}."
        )
        raise AutoClassNameError(
            f"There is no auto class {name!r}.{guess} For an auto class of your own, pass the class, not its name.",
            auto_class=name,
        )
