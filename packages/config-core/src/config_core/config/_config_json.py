"""Config values as JSON text and back, and the files that hold it.

The text is what transformers writes too: two spaces, sorted fields, ASCII, and non-finite numbers as
`{"__float__": "NaN"}`, since JSON itself has no word for them. A dict that is the value of a field keeps its order.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import sys
import threading
from collections.abc import Mapping
from enum import Enum
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import (
    CONFIG_NAME,
    Checkpoint,
    HubOptions,
    decode_json,
    existing_path,
    open_checkpoint,
    read_at_most,
)
from config_core.config._value_types import (
    SCALARS,
    builtin_value,
    dataclass_fields,
    is_any_config,
    is_registered,
    value_type,
)
from config_core.error_base import path_to
from config_core.errors import CheckpointFileNotFoundError, ConfigError, ConfigFileError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = [
    "NOTE_KEY",
    "NOT_KEPT",
    "TRUST_OPTIONS",
    "WRITTEN_BY_ALL",
    "ConfigFile",
    "decode_config",
    "encode_and_read",
    "encode_config",
    "has_note",
    "jsonable",
    "plain_value",
    "read_config",
    "sorted_text",
]

# Data cannot say whose code may run: these keys are refused at any depth.
TRUST_OPTIONS = frozenset({"trust_remote_code", "code_revision"})
# What a file says of its class, its place and the code beside it: no config keeps it as fields.
NOT_KEPT = frozenset(
    {"_name_or_path", "_commit_hash", "auto_map", "configuration_files", "model_type", "transformers_weights"}
)
# What a file notes of its computed fields: see `_derived_fields`.
NOTE_KEY = "_computed_fields"
# Keys that transformers writes into every file: passing them on is no mistake.
WRITTEN_BY_ALL = frozenset({"transformers_version"})
_MAX_CONFIG_BYTES = 16 * 1024 * 1024
_MAX_OPENED = 100  # objects and lists; more may be nested deeper than is allowed
_WORDS = {None: "null", True: "true", False: "false"}
# Converts a value of a subclass, such as `numpy.float64`, to the builtin type itself.
_SCALAR_OF: dict[type[Any], Callable[[Any], Any]] = {str: str.__str__, int: int.__int__, float: float.__float__}
_FLOAT_KEY = "__float__"
_INFINITY = float("inf")
_FLOAT_NAMES = {"Infinity": _INFINITY, "-Infinity": -_INFINITY, "NaN": float("nan")}


# Reading


class ConfigFile:
    """A config file that was read, for all parts of a load that need values of it.

    Attributes:
        path: The file.
        name: Name of the checkpoint that it belongs to.
        commit: The commit of that checkpoint, or None if it is a folder.
    """

    def __init__(self, path: Path, *, name: str, commit: str | None = None) -> None:
        """Read a file.

        Raises:
            ConfigFileError: It holds no JSON object, or a key that is not allowed.
        """
        self.path = path
        self.name = name
        self.commit = commit
        self._content = read_at_most(path, _MAX_CONFIG_BYTES)
        self._values: dict[str, Any] | None = decode_config(self._content, path=path)

    @property
    def values(self) -> Mapping[str, Any]:
        """The values in the file. They must not be changed."""
        if self._values is None:
            self._values = decode_config(self._content, path=self.path)
        return self._values

    def take(self) -> dict[str, Any]:
        """Return the values in the file, for the caller to keep and to change. Only a second call parses them again."""
        values, self._values = self._values, None
        return decode_config(self._content, path=self.path) if values is None else values

    def looks_like(self) -> str:
        """Return whose file it is by its keys, such as `"a config of timm, 'resnet50'"`, or `""` if they do not say."""
        from config_core.config._file_kinds import file_kind

        return file_kind(self.values)[1]

    def inside(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return an opened checkpoint with this file as its config, which `read_config` does not read again."""
        view = copy.copy(checkpoint)
        view.config_file = self
        return view


def read_config(source: str | os.PathLike[str] | Checkpoint, options: HubOptions | None = None) -> ConfigFile:
    """Read the config file of a checkpoint, or a JSON file of any name.

    Where `config.json` lists files for several versions of transformers, it is the one that transformers would read.

    Args:
        source: A folder, a JSON file, a repository `owner/name`, or a checkpoint that is already open.
        options: The hub options.
    """
    path = None
    # Most are folders, which `open_checkpoint` looks up once more.
    if isinstance(source, (str, os.PathLike)) and not os.path.isdir(source):  # noqa: PTH112 - five times as fast
        path = existing_path(source)
    if path is not None and path.is_file():
        return ConfigFile(path, name=os.fspath(path.parent))
    checkpoint = open_checkpoint(source, options)
    if isinstance(checkpoint.config_file, ConfigFile):
        return checkpoint.config_file
    file = _read_file(checkpoint, CONFIG_NAME)
    if "configuration_files" in file.values:
        from config_core.config._versioned_files import versioned_file_name

        name = versioned_file_name(file.values["configuration_files"], path=file.path)
        if name is not None:
            file = _read_file(checkpoint, name, hint="The configuration_files of config.json list it.")
    return file


def _read_file(checkpoint: Checkpoint, filename: str, *, hint: str = "") -> ConfigFile:
    try:
        with checkpoint.reading():
            return ConfigFile(checkpoint.local_path(filename), name=checkpoint.name, commit=checkpoint.commit)
    except CheckpointFileNotFoundError as error:
        from config_core.checkpoint import where_config_may_be

        hint = hint or where_config_may_be(checkpoint.first_filenames())
        raise CheckpointFileNotFoundError(checkpoint=error.checkpoint, filename=filename, hint=hint) from None


def decode_config(content: bytes, *, path: Path) -> dict[str, Any]:
    """Return the object in the content of a config file.

    Args:
        content: The file.
        path: Its path, for errors.

    Raises:
        ConfigFileError: It is too large, not UTF-8, not JSON, not an object, or nested too deep; or it has a duplicate
            key, or one that is not allowed.
    """
    if len(content) > _MAX_CONFIG_BYTES:
        raise ConfigFileError(f"a config may have {_MAX_CONFIG_BYTES:,} bytes at most.", path=path)
    values = decode_json(content, path=path, make_object=_make_object)
    if not isinstance(values, dict):
        raise ConfigFileError(f"expected a JSON object with the config's fields, got {_kind(values)}.", path=path)
    return values


def _make_object(values: dict[str, Any]) -> Any:
    """Refuse an option of trust, and return the number that stands for a non-finite one."""
    if not TRUST_OPTIONS.isdisjoint(values):
        option = min(TRUST_OPTIONS & values.keys())
        raise ValueError(f"{option!r} is not allowed in config.json; pass it to from_pretrained()")
    if len(values) == 1 and isinstance(name := values.get(_FLOAT_KEY), str) and name in _FLOAT_NAMES:
        return _FLOAT_NAMES[name]
    return values


def _kind(value: Any) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}.get(
        type(value), "null"
    )


# Writing


def encode_config(values: dict[str, Any], *, owner: str = "") -> str:
    """Return the JSON text of config values, ending in a newline.

    Args:
        values: The values.
        owner: Name of the config class whose fields they are, for errors.

    Raises:
        ConfigError: A value cannot be written to JSON; the error names the field.
    """
    return _text(_sorted(jsonable(values, owner=owner)), owner)


def encode_and_read(values: dict[str, Any], *, owner: str) -> tuple[str, dict[str, Any]]:
    """Return the JSON text of config values, and the values that are read from it.

    Args:
        values: The values.
        owner: Name of the config class whose fields they are, for errors.

    Raises:
        ConfigError: A value cannot be written to JSON, or a key is not allowed; the error names it.
    """
    plain = _sorted(jsonable(values, owner=owner))
    text = _text(plain, owner)
    is_simple = "\\" not in text and len(text) <= _MAX_CONFIG_BYTES and text.count("{") + text.count("[") <= _MAX_OPENED
    if is_simple:
        with contextlib.suppress(ValueError):  # which has the right form if it is raised below
            return text, _as_read(plain)
    return text, decode_config(text.encode(), path=Path(CONFIG_NAME))


def _as_read(plain: Any) -> Any:
    """Return what is read from the text of plain values, in a quarter of the time that it takes to parse it.

    Text with escaped characters and deeply nested values are not for this function.

    Raises:
        ValueError: A key is not allowed.
    """
    if isinstance(plain, dict):
        return _make_object({key: _as_read(value) for key, value in plain.items()})
    if isinstance(plain, list) and not SCALARS.issuperset(map(type, plain)):
        return [_as_read(value) for value in plain]
    return plain


def sorted_text(plain: Any, *, owner: str = "") -> str:
    """Return the JSON text of plain values that is the same in whatever order dicts have their keys.

    Raises:
        ConfigError: A number has too many digits.
    """
    try:
        return json.dumps(plain, sort_keys=True)
    except ValueError:
        raise _too_long(plain, owner) from None


def _text(plain: dict[str, Any], owner: str) -> str:
    try:
        return f"{_indented(plain)}\n"
    except ValueError:
        raise _too_long(plain, owner) from None


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(fields.items()))


def _too_long(plain: Any, owner: str) -> ConfigValidationError:
    """Return the error for a number that Python makes no text of."""
    path, _ = path_to(plain, lambda value: type(value) is int and not _has_text(value)) or ("", None)
    return ConfigValidationError(
        f"an int of {_too_many_digits()} cannot be written to JSON. Use text, or call sys.set_int_max_str_digits "
        "in all programs that read the file.",
        config_class=owner,
        field=path,
    )


def _too_many_digits() -> str:
    return f"more than {sys.get_int_max_str_digits()} digits"


def _has_text(number: int) -> bool:
    try:
        return bool(f"{number}")
    except ValueError:
        return False


def _indented(plain: Any, line: str = "\n") -> str:
    """Return the JSON text of plain values. `json` has no quick way to indent, and takes twice as long.

    Args:
        plain: The values.
        line: What begins a line of the text around them.
    """
    cls = type(plain)
    if cls is str:
        return encode_basestring_ascii(plain)
    if cls is int:
        return repr(plain)
    if cls is float:
        return repr(plain) if -_INFINITY < plain < _INFINITY else _indented({_FLOAT_KEY: _float_name(plain)}, line)
    if plain is None or cls is bool:
        return _WORDS[plain]
    inner = f"{line}  "
    if cls is list:
        lines = [_indented(value, inner) for value in plain]
        return f"[{inner}{f',{inner}'.join(lines)}{line}]" if lines else "[]"
    lines = [f"{encode_basestring_ascii(key)}: {_indented(value, inner)}" for key, value in plain.items()]
    return f"{{{inner}{f',{inner}'.join(lines)}{line}}}" if lines else "{}"


def _float_name(number: float) -> str:
    return "Infinity" if number > 0 else "-Infinity" if number < 0 else "NaN"


class _Notes(threading.local):
    """Whether `to_dict` of a config in this thread adds the note of computed fields, which costs a second config."""

    are_wanted: bool = True


_notes = _Notes()


def has_note(config: Any) -> bool:
    """Return whether the values of a config have a note of computed fields."""
    return "_computed" in vars(config) and _notes.are_wanted


def plain_value(value: Any) -> Any:
    """Return a value as JSON's types, in which configs have no notes.

    Raises:
        ConfigError: JSON has no form of it.
    """
    outer, _notes.are_wanted = _notes.are_wanted, False
    try:
        return jsonable(value)
    finally:
        _notes.are_wanted = outer


def jsonable(value: Any, *, owner: str = "") -> Any:
    """Return a copy of a value made of JSON's types only.

    Tuples and sets become lists, keys become strings, members of an `Enum` their value, objects with a `to_dict` what
    that returns, dataclasses a dict of their fields, and values with a `value_type` what its `encode` returns.

    Args:
        value: The value.
        owner: Name of the config class whose fields it holds, for errors.

    Raises:
        ConfigError: A value cannot be written to JSON; the error has the path to it.
    """
    try:
        return _plain(value, "")
    except RecursionError:
        field = _endless_field(value)
        raise ConfigError(f"{owner}{field}: this contains itself, or is nested too deep for JSON.") from None
    except _UnwritableValueError as error:
        path, problem = error.args
        raise ConfigValidationError(problem, config_class=owner, field=path.removeprefix(".")) from None


def _endless_field(values: Any) -> str:
    """Return the field whose value has no end, as a path."""
    for name, value in values.items() if isinstance(values, dict) else ():
        try:
            _plain(value, "")
        except RecursionError:
            return f".{name}"
        except _UnwritableValueError:
            continue
    return ""


class _UnwritableValueError(Exception):
    """A value cannot be written. Its arguments are the path from the value that is written, and the problem."""


def _plain(value: Any, path: str) -> Any:
    if (cls := type(value)) in SCALARS:
        return value
    if cls is not dict and cls is not list and is_registered(cls):
        return _plain_object(value, path)
    if isinstance(value, dict):
        plain = {
            key if type(key) is str else _key(key, path): (
                item if type(item) in SCALARS else _plain(item, f"{path}.{key}")
            )
            for key, item in value.items()
        }
        if len(plain) != len(value):
            raise _UnwritableValueError(path, f"two of the keys {list(value)!r:.80} become the same string in JSON.")
        return plain
    if isinstance(value, (list, tuple)):
        if SCALARS.issuperset(map(type, value)):
            return list(value)
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    scalar = next((kind for kind in _SCALAR_OF if isinstance(value, kind)), None)
    return _plain_object(value, path) if scalar is None or isinstance(value, Enum) else _SCALAR_OF[scalar](value)


def _plain_object(value: Any, path: str) -> Any:
    """Return what JSON has in place of an object."""
    cls = type(value)
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if (form := value_type(cls)) is not None:
        try:
            encoded = form.encode(value)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise _UnwritableValueError(path, f"this {cls.__name__} cannot be written to JSON: {error}.") from error
        return _plain(encoded, path)
    to_dict = getattr(value, "to_dict", None) or getattr(value, "model_dump", None)
    if callable(to_dict) and not isinstance(value, type):
        plain = _plain(_part_dict(to_dict, path), path)
        return _sorted(plain) if is_any_config(value) else plain
    return _plain_container(value, path)


def _plain_container(value: Any, path: str) -> Any:
    """Return what JSON has in place of a dataclass, a set, or an object of another library."""
    cls = type(value)
    if hasattr(cls, "__dataclass_fields__"):
        fields = ((field.name, getattr(value, field.name)) for field in dataclass_fields(cls))
        return {name: _plain(item, f"{path}.{name}") for name, item in fields}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item, f"{path}[{item!r:.40}]") for item in value), key=json.dumps)
    if not _is_array(value) and (builtin := builtin_value(value)) is not value:
        return _plain(builtin, path)
    from config_core.config._value_advice import registration_of

    problem = f"a value of type {cls.__name__} cannot be written to JSON. {registration_of(value)}"
    raise _UnwritableValueError(path, problem)


def _part_dict(to_dict: Callable[[], Any], path: str) -> Any:
    """Return what an object's `to_dict` returns, and give an error the path from the root."""
    try:
        return to_dict()
    except ConfigValidationError as error:
        raise _UnwritableValueError(f"{path}.{error.field}", error.problems[0].problem) from None


def _is_array(value: Any) -> bool:
    """Return whether a value is an array or a tensor, which lose their dtype in JSON; a scalar of numpy is none."""
    return getattr(value, "shape", ()) != () or type(value).__module__.partition(".")[0] == "torch"


def _key(key: Any, path: str) -> str:
    if type(key) is int and _has_text(key):
        return str(key)  # the usual case
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, (str, int)) and value_type(type(key)) is not None:
        key = _plain_object(key, path)
    if isinstance(key := builtin_value(key), str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        if not _has_text(key):
            raise _UnwritableValueError(path, f"a key is an int of {_too_many_digits()}. Use text.")
        return str(int(key))
    raise _UnwritableValueError(path, f"keys in JSON are strings, got {key!r:.80}. Use text, or a list of pairs.")
