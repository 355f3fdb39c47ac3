"""Which config class a part of a config has: one that the annotation names, or one that its `model_type` names.

An annotation names any config with `PretrainedConfig`, another class without a `model_type`, or `AutoConfig`. The class
of such a part is known to the registry, or offered by an installed package. `pretrained-auto-registry` offers the
look-up by entry point: an object with a method `config_class_for(model_type)`, which returns the class or None.

A class that is not known there may stand in the module of the class that has the part, defined or imported. In the code
of a checkpoint, that one comes first: it is what this code was written for.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from config_core.config._problems import WrongValueError
from config_core.config._value_types import finds_classes, is_any_config, is_part_class
from config_core.errors import ConfigDefinitionError, MissingServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_sub_configs", "class_named", "class_of_part", "is_part", "with_owner"]

_GROUP = "config_core.config_classes"
_DISTRIBUTION = "pretrained-auto-registry"


class _Owner(threading.local):
    """The class whose parts are being made in this thread."""

    cls: type[Any] | None = None


_owner = _Owner()


def with_owner(check: Callable[[Any], Any], cls: type[Any] | None) -> Callable[[Any], Any]:
    """Return a check that finds the classes of parts in the module of their owner too.

    Args:
        check: Makes configs of dicts.
        cls: The class that has the parts.
    """

    def checked(value: Any) -> Any:
        outer, _owner.cls = _owner.cls, cls
        try:
            return check(value)
        finally:
            _owner.cls = outer

    return checked


def check_sub_configs(cls: type[Any]) -> None:
    """Check that `sub_configs` names classes from which a config can be made.

    Raises:
        ConfigDefinitionError: It does not.
    """
    parts = cls.__dict__.get("sub_configs", {})
    wrong = parts
    if isinstance(parts, dict):
        wrong = {name: part for name, part in parts.items() if not (isinstance(name, str) and is_part_class(part))}
    if wrong or not isinstance(parts, dict):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.sub_configs must map names of fields to subclasses of PretrainedConfig or to "
            f"AutoConfig, got {wrong!r:.200}."
        )


def is_part(value: Any, classes: tuple[type[Any], ...]) -> bool:
    """Return whether a value is a config of one of the classes."""
    if isinstance(value, classes):
        return True
    return is_any_config(value) and any(map(finds_classes, classes))


def class_named(model_type: Any, classes: tuple[type[Any], ...], owner: type[Any] | None = None) -> type[Any] | None:
    """Return the config class of a part, or None if it is not known.

    Args:
        model_type: The `model_type` in its values.
        classes: The classes in the annotation of its field.
        owner: The class that has the part; that of the check that is running, if None.
    """
    if not classes:
        return None
    find: Callable[[Any], type[Any]] = with_owner(lambda kind: class_of_part(kind, classes), owner or _owner.cls)
    try:
        return find(model_type)
    except WrongValueError:
        return None


def class_of_part(model_type: Any, classes: tuple[type[Any], ...]) -> type[Any]:
    """Return the config class of a part.

    Args:
        model_type: The `model_type` in its values; None or `""` if there is none.
        classes: The classes in the annotation of its field.

    Raises:
        WrongValueError: No class is known for the `model_type`, or it is not one that the annotation allows.
    """
    own = [cls for cls in classes if not finds_classes(cls)]
    if not model_type:
        if not own:
            raise WrongValueError("expected a 'model_type', which says what class the config has")
        return own[0]
    named = next((cls for cls in own if cls.model_type == model_type), None)
    if named is not None:
        return named
    if not isinstance(model_type, str):
        raise WrongValueError(f"expected text as model_type, got {model_type!r:.80}")
    return _looked_up(model_type, classes)


def _looked_up(model_type: str, classes: tuple[type[Any], ...]) -> type[Any]:
    """Return the class that the registry, an installed package or the owner's module has for a model_type."""
    found = _beside_owner(model_type, of_checkpoint=True)
    hint = "Register it with AutoConfig.register, or install the package that offers it"
    if found is None:
        try:
            found = _finder(classes).config_class_for(model_type)
        except MissingServiceError as error:
            hint = f"{error}"
    found = found or _beside_owner(model_type, of_checkpoint=False)
    if found is None:
        if known := [repr(cls.model_type) for cls in classes if getattr(cls, "model_type", "")]:
            raise WrongValueError(f"expected model_type {' or '.join(known)}, got {model_type!r:.80}")
        raise WrongValueError(f"no config class is known for model_type {model_type!r}. {hint}")
    if not any(map(finds_classes, classes)) and not issubclass(found, classes):
        names = " or ".join(cls.__name__ for cls in classes)
        raise WrongValueError(f"expected {names}, got model_type {model_type!r:.80}, which is {found.__qualname__}")
    return found


def _finder(classes: tuple[type[Any], ...]) -> Any:
    """Return the class in an annotation that finds config classes, or the installed one."""
    from config_core.services import find_service

    finder = next(filter(finds_classes, classes), None)
    return finder or find_service(_GROUP, distribution=_DISTRIBUTION, purpose="A config of any model_type")


def _beside_owner(model_type: str, *, of_checkpoint: bool) -> type[Any] | None:
    """Return the only config class with a model_type in the module of the class whose parts are being made, or None.

    Args:
        model_type: The model_type that the class itself has to name; a subclass only inherits it.
        of_checkpoint: Whether that module has to be code of a checkpoint.
    """
    names = vars(sys.modules.get(_owner.cls.__module__, object)) if _owner.cls else {}
    if not names or of_checkpoint != ("__code_bundle__" in names):
        return None
    found = {value for value in names.values() if is_part_class(value) and vars(value).get("model_type") == model_type}
    return found.pop() if len(found) == 1 else None
