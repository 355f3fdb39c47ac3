"""Types that JSON does not have: what is written in place of their values, and how that is read again.

Types of the standard library are known by name, so that none of their modules is imported here. For other types, a
program calls `register_value_type`.
"""

import collections
import copy
import sys
from collections import abc
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

from config_core.errors import ConfigDefinitionError

__all__ = [
    "MAPPINGS",
    "REGISTERED_FORM",
    "SCALARS",
    "SEQUENCES",
    "ValueType",
    "authored_classes",
    "builtin_value",
    "copied",
    "dataclass_fields",
    "dict_methods",
    "finds_classes",
    "is_any_config",
    "is_config",
    "is_config_class",
    "is_dataclass_object",
    "is_foreign_config_class",
    "is_part_class",
    "is_registered",
    "register_value_type",
    "value_type",
]

# JSON's scalars. A value of exactly one of these types is written, copied and compared as it is: the fast path of all.
SCALARS: frozenset[type[Any]] = frozenset({type(None), bool, int, float, str})
# Types that are written as a list, and what makes them of a list.
SEQUENCES: dict[Any, Callable[[Any], Any]] = {
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    **dict.fromkeys((list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection), list),
    **dict.fromkeys((abc.Set, abc.MutableSet), set),
}

# Types that are written as an object, and what makes them of a dict.
MAPPINGS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((dict, abc.Mapping, abc.MutableMapping), dict),
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
    collections.defaultdict: lambda values: collections.defaultdict(None, values),
}
REGISTERED_FORM = "its registered form"
_TEXT_LIKE = (str, bytes, bytearray, memoryview, range)


class ValueType(NamedTuple):
    """How the values of a type are written and read.

    Attributes:
        encode: Returns what is written for a value: of JSON's types, or of types that have a form themselves.
        decode: Returns the value, from the type and from what was written.
        form: What is written, in words.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[type[Any], Any], Any]
    form: str


_registered: dict[type[Any], ValueType] = {}


def register_value_type(
    cls: type[Any], *, encode: Callable[[Any], Any], decode: Callable[[Any], Any], exist_ok: bool = False
) -> None:
    """Let config fields hold values of a type that JSON does not have.

    A field that is annotated with the class, alone or inside `list[…]`, `dict[str, …]` and the like, is then written as
    what `encode` returns and read by `decode`. It also holds for subclasses, whose values are read as the class itself.

    Args:
        cls: The class.
        encode: Returns None, a bool, int, float, str, list or dict for a value.
        decode: Returns the value for what `encode` returned. A ValueError or TypeError that it raises is reported with
            the path to the value.
        exist_ok: Replace what was registered for the class.

    Raises:
        ConfigDefinitionError: `cls` is not a class, or is one of those that need no form: JSON's own types and tuple.
            Or other functions are registered for it.
    """
    if not isinstance(cls, type):
        raise ConfigDefinitionError(f"register_value_type needs a class, got {cls!r:.80}.")
    if cls in {*SCALARS, dict, list, tuple}:
        raise ConfigDefinitionError(
            f"register_value_type: values of {cls.__name__} are written as they are. Register a class of your own."
        )
    if cls in _registered and not exist_ok:
        raise ConfigDefinitionError(
            f"{cls.__module__}.{cls.__qualname__} was registered as a value type before. Pass exist_ok=True to replace "
            "its functions."
        )
    _registered[cls] = ValueType(encode, lambda _, written: decode(written), REGISTERED_FORM)


def is_registered(cls: type[Any]) -> bool:
    """Return whether a program has registered how values of a class are written."""
    return bool(_registered) and not _registered.keys().isdisjoint(cls.__mro__)


def value_type(cls: type[Any]) -> ValueType | None:
    """Return how values of a class are written and read, or None if the class is not known."""
    for base in cls.__mro__:
        found = _registered.get(base) or _STANDARD.get(f"{base.__module__}.{base.__qualname__}")
        if found is not None:
            return found
    return _PATH if issubclass(cls, PurePath) else None


def builtin_value(value: Any) -> Any:
    """Return the builtin value that an object of another library stands for, or the object itself.

    Scalars and arrays of numpy become numbers and lists, mappings become dicts, and sequences lists. Containers of
    OmegaConf are resolved.
    """
    cls = type(value)
    if cls in SCALARS:
        return value
    package = cls.__module__.partition(".")[0]
    if package == "numpy" and hasattr(value, "tolist"):
        made = value.tolist()
        return value if type(made) is cls else made  # a longdouble, which is no float
    if package == "omegaconf":
        return sys.modules["omegaconf"].OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    if isinstance(value, abc.Mapping) and not isinstance(value, dict):
        return dict(value)
    if isinstance(value, abc.Sequence) and not isinstance(value, (list, tuple, *_TEXT_LIKE)):
        return list(value)
    return value


def copied(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """Return a copy of a value that shares nothing mutable with it.

    This is `copy.deepcopy`, in a fifth of the time for the lists and dicts that a file has.

    Args:
        value: The value.
        memo: `id` of each object that was met to its copy.
    """
    cls = type(value)
    if cls in SCALARS:
        return value
    memo = {} if memo is None else memo
    if cls not in {dict, list} or id(value) in memo:
        return copy.deepcopy(value, memo)
    made: Any = cls()
    memo[id(value)] = made
    if cls is list:
        made.extend(item if type(item) in SCALARS else copied(item, memo) for item in value)
        return made
    for key, item in value.items():
        made[key if type(key) is str else copied(key, memo)] = item if type(item) in SCALARS else copied(item, memo)
    return made


def dict_methods(cls: type[Any]) -> tuple[str, str] | None:
    """Return the names of the methods by which objects of a class are made of a dict and give one, or None."""
    pairs = (("from_dict", "to_dict"), ("model_validate", "model_dump"))  # the second are those of pydantic
    return next((pair for pair in pairs if all(callable(getattr(cls, name, None)) for name in pair)), None)


def is_config_class(cls: Any) -> bool:
    """Return whether a class is `PretrainedConfig` or derives from it."""
    return hasattr(cls, "_extra_fields")


def authored_classes(cls: type[Any]) -> list[type[Any]]:
    """Return the classes that a config class consists of, mixins included, without the base class and its parents."""
    root = next(base for base in reversed(cls.__mro__) if is_config_class(base))
    return [base for base in cls.__mro__ if base not in root.__mro__]


def is_foreign_config_class(cls: Any) -> bool:
    """Return whether a class is a config class of another library, such as `transformers.BertConfig`."""
    return (
        isinstance(getattr(cls, "model_type", None), str)
        and not is_config_class(cls)
        and all(callable(getattr(cls, name, None)) for name in ("from_dict", "to_dict"))
    )


def is_config(value: Any) -> bool:
    """Return whether a value is a config object."""
    return is_config_class(type(value))


def is_any_config(value: Any) -> bool:
    """Return whether a value is a config object, also of another library."""
    cls = type(value)
    return cls not in SCALARS and (is_config_class(cls) or is_foreign_config_class(cls))


def is_part_class(annotation: Any) -> bool:
    """Return whether an annotation is a config class, or a class such as `AutoConfig` that finds config classes."""
    return isinstance(annotation, type) and (
        is_config_class(annotation) or finds_classes(annotation) or is_foreign_config_class(annotation)
    )


def finds_classes(cls: Any) -> bool:
    """Return whether a class finds the config class of a `model_type`, as `AutoConfig` does."""
    return callable(getattr(cls, "config_class_for", None))


def dataclass_fields(cls: type[Any], *, with_computed: bool = False) -> Iterator[Any]:
    """Return the fields of a dataclass; none for other classes and for configs.

    Args:
        cls: The class.
        with_computed: Return those too that its constructor does not take.
    """
    if "__dataclass_fields__" not in dir(cls) or is_config_class(cls):
        return iter(())
    from dataclasses import fields

    return (field for field in fields(cls) if field.init or with_computed)


def is_dataclass_object(value: Any) -> bool:
    """Return whether a value is an object of a dataclass with fields that is no config."""
    return not isinstance(value, type) and any(True for _ in dataclass_fields(type(value)))


def _from_text(cls: Callable[[str], Any], written: Any) -> Any:
    if not isinstance(written, str):
        raise TypeError(f"expected text, got {type(written).__name__}")
    return cls(written)


def _dtype_named(cls: type[Any], written: Any) -> Any:
    found = _from_text(lambda name: getattr(sys.modules["torch"], name.removeprefix("torch."), None), written)
    if not isinstance(found, cls):
        raise ValueError(f"torch has no such {cls.__name__}")  # noqa: TRY004 - the name is wrong
    return found


def _from_ratio(cls: type[Any], written: Any) -> Any:
    # Not `Fraction(text)`, which takes minutes for "1e999999999".
    numerator, _, denominator = written.partition("/")
    return cls(int(numerator), int(denominator or 1))


def _duration(value: Any) -> str:
    """Return a `timedelta` as a duration of ISO 8601, without loss."""
    sign = "-" if value.days < 0 else ""
    value = abs(value)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}P{value.days}DT{value.seconds}{fraction}S"


def _from_duration(cls: Any, written: Any) -> Any:
    import re

    match = re.fullmatch(
        r"(-?)P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,6}))?S)?)?", written
    )
    if match is None:
        raise ValueError(f"expected a duration such as 'P1DT2.5S', got {written!r:.80}")
    sign, *numbers, fraction = match.groups()
    days, hours, minutes, seconds = (int(number or 0) for number in numbers)
    duration = cls(
        days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=int((fraction or "").ljust(6, "0"))
    )
    return -duration if sign else duration


_PATH = ValueType(PurePath.as_posix, _from_text, "text")
_ISO = ValueType(lambda value: value.isoformat(), lambda cls, written: cls.fromisoformat(written), "text in ISO 8601")
_STANDARD = {
    "datetime.datetime": _ISO,
    "datetime.date": _ISO,
    "datetime.time": _ISO,
    "datetime.timedelta": ValueType(_duration, _from_duration, "a duration of ISO 8601"),
    "decimal.Decimal": ValueType(str, _from_text, "a number as text"),
    "fractions.Fraction": ValueType(str, _from_ratio, "a ratio as text"),
    "torch.dtype": ValueType(
        lambda value: str(value).removeprefix("torch."), _dtype_named, "the name of a torch.dtype"
    ),
    "uuid.UUID": ValueType(str, _from_text, "a UUID as text"),
}
