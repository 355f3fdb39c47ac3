"""The fields of the base class that are checked and converted: labels, `dtype`, `name_or_path`.

Labels are the classes of a classifier: how many there are, and their names as `id2label` and `label2id` hold them.
"""

import functools
import json
import os
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from config_core.config._value_types import SCALARS, builtin_value
from config_core.errors import ConfigError, ConfigValidationError

__all__ = [
    "DEFAULT_NUM_LABELS",
    "LABEL_FIELDS",
    "OLDER_NAMES",
    "ORIGINAL",
    "ComputedFields",
    "Labels",
    "attribute_of",
    "attributes_of",
    "check_names",
    "check_num_labels",
    "dtype_name",
    "is_cached_property",
    "labels_of",
    "read_labels",
    "with_num_labels",
    "without_replaced_labels",
]

DEFAULT_NUM_LABELS = 2
LABEL_FIELDS = frozenset({"id2label", "label2id"})
# What fields are called in older files, and by programs that were written for those.
OLDER_NAMES = {"torch_dtype": "dtype", "_name_or_path": "name_or_path"}
ORIGINAL = "_original"  # keyword and attribute by which `dataclasses.replace` hands on the object itself
_MAX_DIGITS = 20
_MAX_SHOWN = 3  # names of classes in an error
# The short names that torch has for dtypes.
_SHORT_DTYPES = {
    "half": "float16", "float": "float32", "double": "float64", "cfloat": "complex64", "cdouble": "complex128",
    "chalf": "complex32", "short": "int16", "int": "int32", "long": "int64",
}  # fmt: skip


# Common dtypes, whose misspellings are refused. Any other name is accepted: torch and other libraries have more.
_DTYPES = frozenset(
    {
        "bool", "bfloat16", "float16", "float32", "float64", "complex32", "complex64", "complex128", "int8", "int16",
        "int32", "int64", "uint8", "uint16", "uint32", "uint64", "qint8", "qint32", "quint8", "float8_e4m3fn",
        "float8_e5m2",
    }
)  # fmt: skip


class Labels(NamedTuple):
    """The number of classes and their names.

    Attributes:
        num_labels: Number of classes.
        id2label: Number of a class to its name, or None if no names were given.
        chosen: Name to number, as they were given: which of several classes a name stands for.
    """

    num_labels: int = DEFAULT_NUM_LABELS
    id2label: dict[int, str] | None = None
    chosen: dict[str, int] | None = None

    def resized(self, num_labels: int) -> "Labels":
        """Return these labels for a number of classes. Names of another number are dropped."""
        return self if num_labels == self.num_labels else Labels(num_labels)

    def named(self) -> "Labels":
        """Return these labels with names: `LABEL_0` and so on if none were given."""
        if self.id2label is not None:
            return self
        return Labels(self.num_labels, {number: f"LABEL_{number}" for number in range(self.num_labels)})

    def numbers(self) -> dict[str, int]:
        """Return `label2id`; an empty one if no names were given."""
        return _label_numbers(self.id2label or {}, self.chosen)

    def has_own_names(self) -> bool:
        """Return whether the classes have names other than `LABEL_0` and so on."""
        names = self.id2label or {}
        return any(names.get(number) != f"LABEL_{number}" for number in range(len(names)))


_NO_LABELS = Labels()


def labels_of(config: Any) -> Labels:
    """Return the labels of a config for its present number of classes, which another field may hold.

    Raises:
        ConfigError: Classes were added to `id2label` or removed from it in place.
    """
    labels: Labels = vars(config).get("_labels", _NO_LABELS).resized(config.num_labels)
    if labels.id2label is not None and len(labels.id2label) != labels.num_labels:
        raise ConfigError(
            f"id2label names {len(labels.id2label)} classes, because some were added or removed in place, but "
            f"num_labels is {labels.num_labels}. Assign all names at once: config.id2label = {{…}}."
        )
    return labels


def attributes_of(config: Any) -> dict[str, Any]:
    """Return the attributes of a config, including the fields that the base class keeps in another form."""
    labels = labels_of(config)
    numbers = labels.numbers() if labels.id2label is not None else None
    base = {"num_labels": labels.num_labels, "id2label": labels.id2label, "label2id": numbers, "dtype": config.dtype}
    return {**vars(config), **base}


def attribute_of(config: Any, name: str) -> Any:
    """Return an attribute of a config, or None if there is none or if it is a property that fails."""
    try:
        return getattr(config, name, None)
    except Exception:  # noqa: BLE001 - the author's code
        return None


def is_cached_property(cls: type[Any], name: str) -> bool:
    """Return whether an attribute is the result of a `functools.cached_property`, which is not a field."""
    return isinstance(getattr(cls, name, None), functools.cached_property)


def _label_numbers(id2label: Mapping[int, str], chosen: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return `label2id` for an `id2label`.

    Args:
        id2label: The names. Of two classes of one name the later counts, as in ImageNet's own list.
        chosen: Numbers that count instead, where they are those of a class of that name.
    """
    numbers = dict(zip(id2label.values(), id2label, strict=True))
    if not chosen or chosen == numbers:
        return numbers
    return numbers | {label: number for label, number in chosen.items() if id2label.get(number) == label}


def _only_choose(numbers: Mapping[str, int], id2label: Mapping[int, str] | None) -> bool:
    """Return whether a `label2id` has the names of an `id2label`, and only says which of several classes is meant."""
    return bool(id2label) and _label_numbers(id2label or {}, numbers) == numbers


def with_num_labels(values: dict[str, Any], *, count_field: str, owner: str) -> dict[str, Any]:
    """Fill in the number of classes where only their names are given.

    Args:
        values: Fields of a config. Changed in place.
        count_field: The field that holds the number of classes.
        owner: Name of the config class, for the error.

    Raises:
        ConfigError: The names are malformed, or their number is another one than that in the field.
    """
    labels, chosen = read_labels(values.get("id2label"), values.get("label2id"))
    if labels is not None:
        numbers = values.pop("label2id", None)
        if values.get("id2label") is None:
            values.pop("id2label", None)
            values["label2id"] = numbers
        elif numbers is not None:  # comes last, because an update assigns one after the other
            values |= {"id2label": labels, "label2id": _label_numbers(labels, chosen)}
        if values.get(count_field) is None:
            values[count_field] = len(labels)
        check_num_labels(values[count_field], labels, count_field=count_field, owner=owner)
    return values


def check_num_labels(count: Any, labels: Mapping[int, str], *, count_field: str, owner: str) -> None:
    """Check that there are as many names as classes.

    Raises:
        ConfigError: There are not.
    """
    if not _is_number(count, len(labels)):
        classes = "1 class" if len(labels) == 1 else f"{len(labels)} classes"
        raise ConfigError(
            f"{owner}: {count_field} is {count!r}, but id2label names {classes}. Give one of them, or make them agree."
        )


def check_names(id2label: Any) -> None:
    """Check that the names of classes are text where they are written: another name would be loaded as its text.

    Raises:
        ConfigError: Some are not.
    """
    if not (isinstance(id2label, dict) and {str}.issuperset(map(type, id2label.values()))):
        read_labels(id2label, None)


def without_replaced_labels(fields: dict[str, Any], given: Mapping[str, Any], *, count_field: str) -> dict[str, Any]:
    """Return the fields of a file without those of its labels that a caller's values replace.

    Names of classes replace the number of classes, and another number of classes drops the names.
    """
    dropped: frozenset[str] = frozenset()
    if given.get("id2label") is not None:  # whatever the file has, which may be malformed
        dropped = LABEL_FIELDS | {count_field}
    elif "label2id" in given:
        labels, _ = read_labels(fields.get("id2label"), fields.get("label2id"))
        only_choose = _only_choose(_read_numbers(given["label2id"]), labels)
        dropped = frozenset({"label2id"}) if only_choose else LABEL_FIELDS | {count_field}
    elif count_field in given:
        labels, _ = read_labels(fields.get("id2label"), fields.get("label2id"))
        old_count = len(labels) if labels else fields.get(count_field)
        dropped = frozenset() if _is_number(given[count_field], old_count) else LABEL_FIELDS
    return {name: value for name, value in fields.items() if name not in dropped} if dropped else fields


def read_labels(
    id2label: Mapping[Any, Any] | None, label2id: Mapping[Any, Any] | None
) -> tuple[dict[int, str] | None, dict[str, int]]:
    """Return the names by number from what a caller or a file gave, and the numbers by name of `label2id`.

    Numbers count from 0, and may be text, as they are in JSON. Many published files have real names in one of the two,
    and still `LABEL_0` and so on in the other: then the real ones count.

    Returns:
        The names, or None if neither was given; and the numbers, as they were given.

    Raises:
        ConfigError: One of the two is malformed, or they contradict each other.
    """
    if id2label is None and label2id is None:
        return None, {}
    if id2label is None:
        numbers = _read_numbers(label2id)
        return dict(sorted((number, label) for label, number in numbers.items())), numbers
    names = _mapping("id2label", id2label)
    labels = _read("id2label", names, names.values(), beside=label2id)
    if label2id is None:
        return labels, {}
    numbers = _label_numbers(labels)
    if isinstance(label2id, dict) and label2id == numbers and _are_numbers(label2id.values()):
        return labels, numbers  # the usual case, in a fifth of the time
    numbers = _read_numbers(_without_default_names(label2id, labels))
    for label, number in numbers.items():
        name = labels.get(number)
        if name == label:
            continue
        if name == f"LABEL_{number}":
            labels[number] = label
        else:
            said = "has no such number" if name is None else f"says {name!r}"
            raise ConfigError(
                f"label2id says that {label!r} is {number}, but id2label {said}. Give only one of the two; the other "
                "is made from it."
            )
    return labels, numbers


def _without_default_names(label2id: Any, labels: Mapping[int, str]) -> Any:
    """Return a `label2id` without the names `LABEL_0` and so on that the `id2label` beside it does not have."""
    if not isinstance(label2id, dict) or label2id.keys() <= (known := {*labels.values()}):
        return label2id
    return {label: given for label, given in label2id.items() if label in known or label != f"LABEL_{given}"}


def _read_numbers(label2id: Mapping[Any, Any] | None) -> dict[str, int]:
    """Return a `label2id` with numbers as such, which may be text; an empty one for None."""
    given = _mapping("label2id", {} if label2id is None else label2id)
    return _label_numbers(_read("label2id", given.values(), given))


def _mapping(name: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        given = f"{type(value).__name__} {value!r:.80}"
        raise ConfigError(f"{name}: expected a dict, got {given}. Write {_labels_as_dict(name, value)}.")
    return value


def _labels_as_dict(name: str, value: Any) -> str:
    """Return how labels are written, in JSON and in Python: those of a list, if the value is one of names."""
    is_list = isinstance(value, (list, tuple)) and bool(value) and all(isinstance(label, str) for label in value)
    names = value[:_MAX_SHOWN] if is_list else ["cat", "dog"]
    entries = ((label, number) if name == "label2id" else (str(number), label) for number, label in enumerate(names))
    text = ", ".join(f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries)
    return f"{{{text}, …}}" if not is_list or len(value) > len(names) else f"{{{text}}}"


def _is_number(given: Any, number: int | None) -> bool:
    """Return whether a number of classes that was given, which may be anything, is a certain one."""
    count = builtin_value(given)
    return type(count) is int and count == number


def _number(name: str, given: Any) -> int:
    key = builtin_value(given)
    is_number = key.isdecimal() and len(key) <= _MAX_DIGITS if isinstance(key, str) else type(key) is int and key >= 0
    if not is_number:
        raise ConfigError(f"{name}: expected a class number from 0, got {key!r:.80}.")
    return int(key)


def _are_numbers(given: Collection[Any]) -> bool:
    """Return whether everything that was given is a number of a class, and not text for one."""
    return {*map(type, given)} <= {int} and min(given, default=0) >= 0


def _read(name: str, given: Collection[Any], labels: Collection[Any], *, beside: Any = None) -> dict[int, str]:
    """Return names by number. There may be thousands, and most have been read before.

    Args:
        name: The field, for errors.
        given: The numbers of the classes.
        labels: Their names.
        beside: The `label2id` beside an `id2label`. Names that are numbers are text there, since they are keys in JSON.
    """
    numbers = given if _are_numbers(given) else [_number(name, each) for each in given]
    read: dict[int, str] = dict(zip(numbers, labels, strict=True))
    if len(read) < len(numbers):
        twice, _ = Counter(numbers).most_common(1)[0]
        raise ConfigError(f"{name}: two names have the same number, {twice}.")
    if {*map(type, labels)} <= {str}:
        return read
    return {number: _label(name, number, label, beside) for number, label in read.items()}


def _label(name: str, number: int, given: Any, beside: Any) -> str:
    if isinstance(given, str):
        return given
    if type(given) in SCALARS and isinstance(beside, dict) and (text := json.dumps(given)) in beside:
        return text
    raise ConfigError(f"{name}: expected text as the name of class {number}, got {given!r:.80}.")


def dtype_name(value: Any) -> str | None:
    """Return the name of a dtype in the one spelling that configs keep; `"float16"` for `"torch.half"`."""
    if value is None:
        return None
    name = str(value).removeprefix("torch.")
    return _SHORT_DTYPES.get(name, name)


def _meant_dtype(name: str) -> str:
    """Return the well-known dtype that a name is a misspelling of, or `""`."""
    from config_core.familiar_options import is_slip

    name = name.removeprefix("torch.")
    return next((known for known in sorted({*_DTYPES, *_SHORT_DTYPES}) if is_slip(name, known)), "")


class ComputedFields:
    """Mixin of `PretrainedConfig`. Type checkers see plain attributes in its place: see there."""

    _labels = Labels()

    @property
    def name_or_path(self) -> str:
        """The folder or repository that the config was loaded from, or `""`. Not written to files."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str | os.PathLike[str]) -> None:
        if not isinstance(value, (str, os.PathLike)):
            raise _wrong(self, "name_or_path", "a path or the name of a repository", value)
        self._name_or_path = os.fspath(value)

    @property
    def dtype(self) -> str | None:
        """Type of the weights as a name such as `"bfloat16"`, or None. A `torch.dtype` may be assigned."""
        return self._dtype

    @dtype.setter
    def dtype(self, value: Any) -> None:
        name = dtype_name(value)
        is_name = isinstance(value, str) or (type(value).__module__, type(value).__name__) == ("torch", "dtype")
        if name is not None and not (name.isidentifier() and is_name):
            raise _wrong(self, "dtype", "the name of a torch.dtype such as 'bfloat16'", value)
        if isinstance(value, str) and name not in _DTYPES and (meant := _meant_dtype(value)):
            raise _wrong(self, "dtype", f"the name of a torch.dtype such as {meant!r}", value)
        self._dtype = name

    torch_dtype = property(
        lambda self: self.dtype,
        lambda self, value: setattr(self, "dtype", value),
        doc="The name that `dtype` had in earlier files.",
    )

    @property
    def num_labels(self) -> int:
        """Number of classes of a classifier. Assigning another number drops the names of the classes."""
        return self._labels.num_labels

    @num_labels.setter
    def num_labels(self, value: int) -> None:
        value = builtin_value(value)
        if type(value) is not int or value < 0:
            raise _wrong(self, "num_labels", "a number of classes, 0 or more", value)
        self._labels = self._labels.resized(value)

    @property
    def id2label(self) -> dict[int, str]:
        """Number of each class to its name: `LABEL_0` and so on if none were given.

        A class may be renamed in place. To add or remove classes, assign all names at once.

        Raises:
            ConfigError: Classes were added or removed in place.
        """
        self._labels = labels_of(self).named()
        return self._labels.id2label or {}

    @id2label.setter
    def id2label(self, value: Mapping[int, str] | None) -> None:
        names, _ = read_labels(builtin_value(value), None)
        if names is not None:
            self.num_labels = len(names)
        self._labels = Labels(self._labels.num_labels if names is None else len(names), names)

    @property
    def label2id(self) -> dict[str, int]:
        """Name of each class to its number: the reverse of `id2label`.

        If several classes have one name, assigning it with the names that there are says which of them is meant.
        """
        return labels_of(self).named().numbers()

    @label2id.setter
    def label2id(self, value: Mapping[str, int] | None) -> None:
        numbers = _read_numbers(builtin_value(value))
        if _only_choose(numbers, self._labels.id2label):
            self._labels = self._labels._replace(chosen=numbers)
        else:
            self.id2label = read_labels(None, numbers)[0] if value is not None else None


def _wrong(config: Any, field: str, expected: str, value: Any) -> ConfigValidationError:
    problem = f"expected {expected}, got {value!r:.80}."
    return ConfigValidationError(problem, config_class=type(config).__name__, field=field)
