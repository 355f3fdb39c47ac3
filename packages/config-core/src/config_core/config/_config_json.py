"""Config values as JSON text and back.

The text is what transformers writes too: two spaces, sorted keys, ASCII, and non-finite numbers as
`{"__float__": "NaN"}`, since JSON itself has no word for them.
"""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import decode_json
from config_core.errors import ConfigError, ConfigFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_CONFIG_BYTES", "TRUST_OPTIONS", "decode_config", "encode_config", "jsonable"]

# Data cannot say whose code may run: these keys are refused at any depth.
TRUST_OPTIONS = frozenset({"trust_remote_code", "code_revision"})
MAX_CONFIG_BYTES = 16 * 1024 * 1024
_PLAIN_TYPES = frozenset({type(None), bool, int, str})
_FLOAT_KEY = "__float__"
_FLOAT_NAMES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


# Reading


def decode_config(content: bytes, *, path: Path) -> dict[str, Any]:
    """Return the object in the content of a config file.

    Args:
        content: The file.
        path: Its path, for errors.

    Raises:
        ConfigFileError: It is too large, not UTF-8, not JSON, not an object, or nested too deep; or it has a duplicate
            key, or one that is not allowed.
    """
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigFileError(f"a config may have {MAX_CONFIG_BYTES:,} bytes at most.", path=path)
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


def encode_config(values: dict[str, Any]) -> str:
    """Return the JSON text of config values, ending in a newline.

    Raises:
        ConfigError: A value cannot be written to JSON; the error names the field.
    """
    plain = jsonable(values)
    try:
        text = json.dumps(plain, indent=2, sort_keys=True, allow_nan=False)
    except ValueError:  # a non-finite number
        text = json.dumps(_with_float_names(plain), indent=2, sort_keys=True, allow_nan=False)
    return text + "\n"


def jsonable(value: Any, *, path: str = "") -> Any:
    """Return a copy of a value made of JSON's types only.

    Tuples become lists, keys become strings, members of an `Enum` their value, objects with a `to_dict` what that
    returns, and dtypes their name.

    Args:
        value: The value.
        path: Path to it, for errors.

    Raises:
        ConfigError: A value cannot be written to JSON; the error names the field.
    """
    try:
        return _plain(value, path)
    except RecursionError:
        raise ConfigError(f"{path or 'a field'}: this contains itself, or is nested too deep for JSON.") from None


def _plain(value: Any, path: str) -> Any:
    if type(value) in _PLAIN_TYPES:
        return value
    if isinstance(value, (str, int, float)) and not isinstance(value, Enum):
        return _plain_scalar(value)
    if isinstance(value, dict):
        plain = {_key(key, path): _plain(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
        if len(plain) != len(value):
            raise ConfigError(f"{path}: two of the keys {list(value)!r:.80} become the same string in JSON.")
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return _plain_object(value, path)


def _plain_scalar(value: str | float) -> Any:
    """Return a string or number of a subclass as one of the type itself."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    return float(value)


def _plain_object(value: Any, path: str) -> Any:
    """Return what JSON has in place of an object."""
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if callable(to_dict := getattr(value, "to_dict", None)) and not isinstance(value, type):
        return _plain(to_dict(), path)
    if type(value).__module__ == "torch" and type(value).__name__ == "dtype":
        return str(value).removeprefix("torch.")
    raise ConfigError(
        f"{path}: a {type(value).__name__} cannot be written to JSON. Use only None, bool, int, float, str, list, "
        "tuple and dict in a config."
    )


def _key(key: Any, path: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    raise ConfigError(f"{path}: keys in JSON are strings, got {key!r}.")


def _with_float_names(plain: Any) -> Any:
    """Return plain values with the form of JSON text in place of non-finite numbers."""
    if isinstance(plain, dict):
        return {key: _with_float_names(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_with_float_names(value) for value in plain]
    if isinstance(plain, float) and not math.isfinite(plain):
        return {_FLOAT_KEY: "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"}
    return plain
