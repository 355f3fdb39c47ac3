"""How pydantic validates and serialises a config in the field of a model. pydantic asks for it,."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config_core.config._config_json import decode_config
from config_core.errors import ConfigError

__all__ = ["pydantic_schema"]


def pydantic_schema(cls: type[Any]) -> Any:
    """Return the schema by which pydantic validates and serialises a config."""
    core_schema: Any = importlib.import_module("pydantic_core").core_schema

    def validate(value: Any, info: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"expected {cls.__name__} or a dict, got {type(value).__name__}")
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
