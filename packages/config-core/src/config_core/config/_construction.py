"""How a config is made, from a call or from the values of a file: aliases, overrides, checks and sub-configs."""

from __future__ import annotations

import abc
import copy
import warnings
from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import definition_of, is_cached_property, public_names
from config_core.config._config_json import jsonable
from config_core.config._labels import LABEL_FIELDS, with_num_labels, without_replaced_labels
from config_core.config._part_classes import class_named
from config_core.config._problems import check_fields
from config_core.config._written_fields import note_set_fields
from config_core.errors import ConfigDefinitionError, ConfigError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ConfigType",
    "check_and_restore",
    "fill_num_labels",
    "is_reserved",
    "make_config",
    "make_sub_configs",
    "merge_field",
    "num_labels_field",
    "quoted",
    "resolve_aliases",
    "spelling_hint",
]

# What a file says of the place it was in, or of the code that lay beside it, is not true of the next place.
_NOT_KEPT = frozenset({"_name_or_path", "_commit_hash", "auto_map", "model_type"})


class ConfigType(abc.ABCMeta):
    """Metaclass of configs: runs steps before and after every `__init__`, which no subclass can leave out.

    It is an `ABCMeta` so that config classes may be abstract.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "model_type" in kwargs:  # as in `MyConfig(**other.to_dict())`
            _warn_of_other_model_type(cls, kwargs.pop("model_type"), stacklevel=3)
        config, unknown = _construct(cls, args, kwargs)
        if unknown:
            problem = (
                f"{cls.__name__} has no field {quoted(unknown)}.{spelling_hint(unknown, definition_of(cls).names)}"
            )
            if cls._extra_fields == "forbid":  # type: ignore[attr-defined]
                raise UnknownOptionError(f"{problem} Known are {', '.join(public_names(cls))}.", names=unknown)
            warnings.warn(f"{problem} It is kept as an attribute.", UserWarning, stacklevel=2)
        return config


def make_config(
    cls: type[Any], values: Mapping[str, Any], overrides: Mapping[str, Any], *, keep_unused: bool
) -> tuple[Any, dict[str, Any]]:
    """Make a config of the values of a file and of a caller's overrides.

    Args:
        cls: The config class.
        values: Values of a file. Unknown ones are kept.
        overrides: Values that replace those of the file.
        keep_unused: Return overrides that are not fields instead of refusing them.

    Returns:
        The config, and the overrides that are not fields.

    Raises:
        ConfigError: A value is wrong or missing, or a key is not allowed in a file.
        UnknownOptionError: An override is neither a field nor in `values`.
    """
    definition = definition_of(cls)
    fields = resolve_aliases(cls, {name: value for name, value in values.items() if name not in _NOT_KEPT})
    given = resolve_aliases(cls, overrides)
    if "self" in fields:
        raise ConfigError("'self' cannot be the name of a field.")
    known = definition.names | fields.keys()
    unused = {name: given.pop(name) for name in list(given) if name not in known}
    if unused and not keep_unused:
        raise UnknownOptionError(
            f"{quoted(unused)} is neither a field of {cls.__name__} nor an option of this call."
            f"{spelling_hint(unused, known)}",
            names=tuple(unused),
        )
    model_type = values.get("model_type", cls.model_type)
    _warn_of_other_model_type(cls, model_type, stacklevel=4)
    fields = _override(cls, fields, given)
    if missing := definition.required - fields.keys():
        raise ConfigError(f"{cls.__name__} needs {quoted(sorted(missing))}, but no value was given.")
    config, _ = _construct(cls, (), fields)
    if not cls.model_type and model_type:
        config.model_type = model_type  # a class for configs of any type keeps what the file says
    return config, unused


def _construct(cls: type[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """Make a config and check it; return it with the keywords that the class does not know."""
    definition = definition_of(cls)
    if args:
        by_position = dict(zip(definition.positional, args, strict=False))
        if len(by_position) == len(args) and by_position.keys().isdisjoint(kwargs):
            args, kwargs = (), {**by_position, **kwargs}  # else Python's own error is the best
    fields = fill_num_labels(cls, resolve_aliases(cls, kwargs))
    # `__init__` and `__post_init__` see what JSON cannot express as it was.
    fields |= check_and_restore(cls, fields)
    config = type.__call__(cls, *args, **fields)
    _check_contract(cls, config)
    defaults = {id(default) for default in definition.mutable_defaults.values()}
    for name, value in vars(config).items() if defaults else ():
        if id(value) in defaults:
            vars(config)[name] = copy.deepcopy(value)
    make_sub_configs(config)
    config.validate()
    note_set_fields(config, fields)
    return config, config.__dict__.pop("_unknown")


def _check_contract(cls: type[Any], config: Any) -> None:
    """Check that `__init__` has done what it must for the config to be saved and loaded.

    Raises:
        ConfigDefinitionError: It has not.
    """
    if "_extra" not in vars(config):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ does not call super().__init__(**kwargs). Add it as its last line."
        )
    for name in definition_of(cls).required:
        if not hasattr(config, name):
            raise ConfigDefinitionError(
                f"{cls.__qualname__}.__init__ takes {name!r} and keeps no attribute of that name, so that a saved "
                f"config could not be loaded. Add self.{name} = {name}, or give it a default."
            )


# Values


def resolve_aliases(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the names of the fields that their aliases stand for.

    Raises:
        ConfigError: A field and its alias have different values.
    """
    aliases = definition_of(cls).aliases
    if aliases.keys().isdisjoint(values):
        return dict(values)
    fields = {name: value for name, value in values.items() if name not in aliases}
    for alias, field in aliases.items():
        if alias not in values:
            continue
        value, other = values[alias], fields.get(field)
        if other is not None and value is not None and jsonable(other) != jsonable(value):
            raise ConfigError(
                f"{cls.__name__}: {alias!r} is an alias of {field!r}, but they have different values, {value!r} and "
                f"{other!r}. Give only one of them."
            )
        if value is not None or field not in fields:
            fields[field] = value
    return fields


def _override(cls: type[Any], fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a file with a caller's in their place. Names of classes go when their number changes."""
    if not given:
        return fields
    count = num_labels_field(cls)
    # Programs pass None for labels that they do not know.
    given = {name: value for name, value in given.items() if value is not None or name not in LABEL_FIELDS | {count}}
    values = without_replaced_labels(fields, given, count_field=count)
    return values | {name: merge_field(cls, name, values.get(name), value) for name, value in given.items()}


def merge_field(cls: type[Any], name: str, old: Any, new: Any) -> Any:
    """Return the new value of a field. Where the old one is a config or stands for one, a dict changes parts of it."""
    part: type[Any] | None = None
    if hasattr(type(old), "sub_configs"):
        part, old = type(old), old.to_dict()
    elif isinstance(old, dict):
        part = class_named(old.get("model_type"), definition_of(cls).parts.get(name, ()))
    if part is None or not isinstance(new, dict):
        return new
    kind = old.get("model_type", part.model_type)
    if new.get("model_type", kind) != kind:
        return new  # fields of one class say nothing about another
    return _override(part, resolve_aliases(part, old), resolve_aliases(part, new))


def check_and_restore(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against the annotations of their fields; return those that JSON had changed, as they were.

    Raises:
        ConfigValidationError: A value does not fit.
    """
    checks = definition_of(cls).checks
    names = [name for name in checks if name in fields]
    checked = check_fields(cls, ((name, checks[name], fields[name]) for name in names))
    return {name: value for name, value in zip(names, checked, strict=True) if value is not fields[name]}


def num_labels_field(cls: type[Any]) -> str:
    """Return the name of the field that holds a classifier's number of classes."""
    return definition_of(cls).aliases.get("num_labels", "num_labels")


def fill_num_labels(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the number of classes where only their names are given.

    Raises:
        ConfigError: The names are malformed, or there are more or fewer than classes.
    """
    if LABEL_FIELDS.isdisjoint(values):
        return values
    return with_num_labels(values, count_field=num_labels_field(cls), owner=cls.__name__)


def make_sub_configs(config: Any) -> None:
    """Make a config of each field in `sub_configs` that `__init__` has left as a dict or None.

    A field whose class is found by the `model_type` may stay None.

    Raises:
        ConfigValidationError: A field holds something else.
    """
    parts = type(config).sub_configs
    values = {name: getattr(config, name, None) for name in parts}
    for name, part in check_and_restore(type(config), values).items():
        setattr(config, name, part)
    for name, value in values.items():
        if value is None and hasattr(parts[name], "sub_configs"):
            setattr(config, name, parts[name]())


# Names


def is_reserved(cls: type[Any], name: str) -> bool:
    """Return whether an instance attribute of this name would hide a method, a property or a setting of the class."""
    if name in {"attribute_map", "sub_configs", "model_type"}:
        return True
    found = getattr(cls, name, None)
    return callable(found) or (isinstance(found, property) and found.fset is None) or is_cached_property(cls, name)


def quoted(names: Iterable[str]) -> str:
    """Return names as they are shown in messages."""
    return ", ".join(map(repr, names))


def spelling_hint(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a sentence with the known names that are spelled like the given ones, or `""`."""
    import difflib

    candidates = sorted(known)
    guesses = [guess for name in names for guess in difflib.get_close_matches(name, candidates, n=1)]
    return f" Did you mean {quoted(guesses)}?" if guesses else ""


def _warn_of_other_model_type(cls: type[Any], model_type: Any, *, stacklevel: int) -> None:
    if cls.model_type and model_type and model_type != cls.model_type:
        warnings.warn(
            f"The config has model_type {model_type!r}, but {cls.__name__} is for {cls.model_type!r}.",
            UserWarning,
            stacklevel=stacklevel,
        )
