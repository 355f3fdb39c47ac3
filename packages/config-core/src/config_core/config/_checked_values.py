"""What values go through before and after `__init__`: aliases, checks, labels and parts, and who gave them."""

from __future__ import annotations

import threading
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from config_core.config._base_fields import LABEL_FIELDS, OLDER_NAMES, dtype_name, is_cached_property, with_num_labels
from config_core.config._config_definition import definition_of, is_method
from config_core.config._problems import AUTHOR_ERRORS, WrongValueError, check_fields, dicts_in, shown
from config_core.config._value_types import SCALARS, finds_classes, is_config_class
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

__all__ = [
    "FieldsOfFile",
    "UnknownFields",
    "check_and_restore",
    "check_mapping",
    "fill_num_labels",
    "given_beside_file",
    "has_own",
    "is_reserved",
    "is_settable",
    "make_sub_configs",
    "note_unknown_in",
    "num_labels_field",
    "of_caller",
    "of_file",
    "resolve_aliases",
    "speaker",
]

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
        if alias in OLDER_NAMES and other is not None:
            continue  # the newer name wins, as in transformers
        if other is not None and value is not None and not _are_same(field, value, other):
            raise ConfigError(
                f"{cls.__name__}: {alias!r} is an alias of {field!r}, but they have different values, {value!r:.80} "
                f"and {other!r:.80}. Give only one of them."
            )
        if value is not None or field not in fields:
            fields[field] = value
    return fields


def _are_same(field: str, value: Any, other: Any) -> bool:
    """Return whether two values of a field are the same in a file."""
    if field == "dtype":
        return dtype_name(value) == dtype_name(other)
    from config_core.config._equal_values import same_value

    return same_value(other, value)


def check_mapping(values: Any, method: str) -> None:
    """Check that what a method gets is a dict of fields.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(values, (dict, Mapping)):
        raise ConfigError(f"{method} takes a dict of fields, got {type(values).__name__} {shown(values)}.")
    for name in values:
        if not isinstance(name, str):
            raise ConfigError(f"{method} takes a dict whose keys are names of fields, got the key {shown(name)}.")


def check_and_restore(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against the annotations of their fields; return those that JSON had changed, as they were.

    Raises:
        ConfigValidationError: A value does not fit.
    """
    restored: dict[str, Any] = {}
    pending = iter(definition_of(cls).checks.items())
    for name, (scalars, check) in pending:
        if name not in fields or type(value := fields[name]) in scalars:
            continue
        try:
            checked = check(value)
        except (WrongValueError, RecursionError, *AUTHOR_ERRORS) as error:
            others = ((other, each.check, fields[other]) for other, each in pending if other in fields)
            check_fields(cls, ((name, _raiser(error), value), *others))
            raise AssertionError(name) from error  # it raises all problems
        if checked is not value:
            restored[name] = checked
    return restored


def _raiser(error: Exception) -> Callable[[Any], Any]:
    """Return a check that fails as one has failed before."""

    def check(_: Any) -> Any:
        raise error

    return check


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
    count = num_labels_field(cls)
    if cls._extra_fields == "keep" and count not in definition_of(cls).own:
        return values  # its `__init__` may pass a number on beside these keywords
    return with_num_labels(values, count_field=count, owner=cls.__name__)


def make_sub_configs(config: Any) -> None:
    """Make a config of each field in `sub_configs` that `__init__` has left as a dict or None.

    A field whose class is found by the `model_type` may stay None.

    Raises:
        ConfigValidationError: A field holds something else.
    """
    parts = type(config).sub_configs
    if not parts:
        return
    values = {name: getattr(config, name, None) for name in parts}
    for name, part in check_and_restore(type(config), values).items():
        setattr(config, name, part)
    for name, value in values.items():
        if value is None and not finds_classes(parts[name]):
            setattr(config, name, parts[name]())


# Names


def is_reserved(cls: type[Any], name: str) -> bool:
    """Return whether an instance attribute of this name would hide a method, a property or a setting of the class."""
    if name in {"attribute_map", "foreign_readers", "model_type", "sub_configs"}:
        return True
    found = getattr(cls, name, None)
    if found is None:
        return False  # the usual case
    return is_method(cls, name) or (isinstance(found, property) and found.fset is None) or is_cached_property(cls, name)


def is_settable(cls: type[Any], name: str) -> bool:
    """Return whether an attribute is a property that can be assigned."""
    found = getattr(cls, name, None)
    return isinstance(found, property) and found.fset is not None


def has_own(cls: type[Any], name: str) -> bool:
    """Return whether a class has a method of its own, which is called in place of that of the base class."""
    for base in cls.__mro__:
        if name in vars(base):
            return not is_config_class(base) or any(map(is_config_class, base.__bases__))  # the base class has none
    return False


# Who gives the values: what a caller gives is held to the class's rule for unknown fields, what a file has is kept


class UnknownFields(list[tuple[Any, tuple[str, ...]]]):
    """Configs that were made of a caller's values, at any depth, with the names that their classes do not know.

    Attributes:
        rule: What to do with them; None for what the class of each config says.
    """

    rule: Literal["warn", "forbid"] | None = None

    def add(self, config: Any, names: tuple[str, ...]) -> None:
        """Note the names that the class of a config does not know, if there are any."""
        if names and not any(config is other for other, _ in self):
            self.append((config, names))


_MOST_SEARCHED = 100  # unknown names of a file


class FieldsOfFile(UnknownFields):
    """Unknown fields of a file. Only those are reported that look like a misspelt field.

    A file with many unknown names is of another kind, and is searched no further: it may have a million.

    Attributes:
        path: The file, or `""` where nothing is reported.
        num_searched: How many names were compared with fields.
    """

    path: str = ""
    num_searched: int = 0

    def add(self, config: Any, names: tuple[str, ...]) -> None:
        """Report nothing: the config keeps what its file has."""

    def add_slips(self, config: Any, names: tuple[str, ...], given: Collection[str]) -> None:
        """Note the names that look like a field that the values of the config lack.

        Args:
            config: The config.
            names: Names that its class does not know.
            given: All names in its values.
        """
        self.num_searched += len(names)
        if self.path and self.num_searched <= _MOST_SEARCHED:
            from config_core.config._unknown_names import slips_among

            super().add(config, slips_among(type(config), names, given))


_NO_VALUES: Mapping[str, Any] = types.MappingProxyType({})


class _Speaker(threading.local):
    """Who gives the values of the construction at hand.

    Attributes:
        unknown: What is done with unknown fields; None while there is no construction.
        file: The values of the file or dict that a config is made of, without those that are known to be meant.
    """

    unknown: UnknownFields | None = None
    file: Mapping[str, Any] = _NO_VALUES


speaker = _Speaker()


class _Speaking:
    """A context that says who gives the values of the configs that are made in it."""

    def __init__(self, unknown: UnknownFields, file: Mapping[str, Any]) -> None:
        self._said = (unknown, file)

    def __enter__(self) -> None:
        outer = (speaker.unknown, speaker.file)
        (speaker.unknown, speaker.file), self._outer = self._said, outer

    def __exit__(self, *_: object) -> None:
        speaker.unknown, speaker.file = self._outer


def of_file(
    values: Mapping[str, Any] = _NO_VALUES, unknown: UnknownFields | None = None
) -> AbstractContextManager[None]:
    """Return a context for making configs of a file.

    Args:
        values: Those of the file that nobody is known to mean. Parts that `__init__` makes of them may not contradict
            themselves.
        unknown: What notes unknown fields. By default they are kept without a word.
    """
    return _Speaking(FieldsOfFile() if unknown is None else unknown, values)


def of_caller(unknown: UnknownFields) -> AbstractContextManager[None]:
    """Return a context for making configs of a caller's values, which notes their unknown fields."""
    return _Speaking(unknown, _NO_VALUES)


def given_beside_file(values: Mapping[str, Any]) -> frozenset[str] | None:
    """Return which values of a part that `__init__` makes are not of the file; None if it is made of no dict in it.

    It is made of one if it gets all that the dict has, as in `TextConfig(**text, vocab_size=vocab_size)`.
    """
    if not speaker.file:
        return None
    from config_core.config._equal_values import same_value

    found: set[str] = set()
    for _, part in dicts_in(speaker.file):
        names = part.keys() - {"model_type"}
        if len(names) > len(found) and all(name in values and same_value(part[name], values[name]) for name in names):
            found = names
    return frozenset(values.keys() - found) if found else None


def note_unknown_in(config: Any, given: Mapping[str, Any], unknown: UnknownFields, *, old: Mapping[str, Any]) -> None:
    """Note what the configs that `__init__` has made of a caller's dicts and lists do not know.

    Args:
        config: The config.
        given: Fields that were given.
        unknown: What to add them to.
        old: The fields before.
    """
    for name, value in given.items():
        if type(value) not in SCALARS:
            from config_core.config._unknown_names import unknown_names_in

            for part, names in unknown_names_in(value, vars(config).get(name), old.get(name)):
                unknown.add(part, names)
