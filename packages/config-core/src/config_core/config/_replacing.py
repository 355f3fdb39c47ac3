"""Configs in the hands of `dataclasses.replace`, `copy.replace` and pydantic: whole, with the base class's fields."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config_core.config._config_json import decode_config
from config_core.config._construction import make_config
from config_core.errors import ConfigError

__all__ = ["pydantic_schema", "replaced"]

_MISSING = object()


def replaced(original: Any, changes: Mapping[str, Any]) -> Any:
    """Return a config with other values of some fields.

    Args:
        original: The config, which stays as it is.
        changes: The new values. Those that are the original's own change nothing.

    Raises:
        ConfigError: A value is wrong.
        UnknownOptionError: There is no such field.
    """
    given = {
        name: value
        for name, value in changes.items()
        if not hasattr(original, name) or getattr(original, name) is not value
    }
    config, _ = make_config(type(original), original.to_dict(), given, keep_unused=False)
    config.name_or_path = original.name_or_path
    if "_commit_hash" in vars(original):
        vars(config)["_commit_hash"] = vars(original)["_commit_hash"]
    return config


def pydantic_schema(cls: type[Any]) -> Any:
    """Return the schema by which pydantic validates and serialises a config."""
    core_schema: Any = importlib.import_module("pydantic_core").core_schema

    def validate(value: Any, info: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"expected a {cls.__name__} or a dict, got {type(value).__name__}")
        kind = value.get("model_type")
        if kind and cls.model_type and kind != cls.model_type:
            raise ConfigError(f"expected model_type {cls.model_type!r}, got {kind!r}.")
        if info.mode == "json":
            value = decode_config(json.dumps(value).encode(), path=Path(f"the JSON of a {cls.__name__}"))
        return cls.from_dict(value, extra=cls._extra_fields)

    def serialize(config: Any, info: Any) -> Any:
        # In JSON, pydantic would write null for an infinity.
        return json.loads(config.to_json_string()) if info.mode == "json" else config.to_dict()

    serialization = core_schema.plain_serializer_function_ser_schema(serialize, info_arg=True)
    return core_schema.with_info_plain_validator_function(validate, serialization=serialization)
