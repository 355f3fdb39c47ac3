"""A JSON Schema (2020-12) of the files of a config class, made from the annotations of its fields."""

from __future__ import annotations

import copy
import json
import types
import typing
from collections import abc
from enum import Flag
from typing import Any, Literal, Union

from config_core.config._config_definition import definition_of
from config_core.config._config_json import encode_config, jsonable
from config_core.config._problems import AUTHOR_ERRORS
from config_core.config._record_types import extra_items, hints_of, is_qualifier, is_unpacked, keys_of, kind_of, row_of
from config_core.config._value_types import (
    MAPPINGS,
    REGISTERED_FORM,
    SEQUENCES,
    dataclass_fields,
    is_config_class,
    value_type,
)
from config_core.config._written_fields import BASE_DEFAULTS
from config_core.errors import ConfigCoreError

__all__ = ["inlined", "schema_of_class"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNIONS = (Union, types.UnionType)
_SCALARS: dict[Any, dict[str, Any]] = {
    None: {"type": "null"},
    types.NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    # Numbers that JSON does not have are written as an object.
    float: {
        "anyOf": [{"type": "number"}, {"enum": [{"__float__": name} for name in ("NaN", "Infinity", "-Infinity")]}]
    },
    str: {"type": "string"},
}
_FORMATS = {
    "datetime.datetime": "date-time",
    "datetime.date": "date",
    "datetime.timedelta": "duration",
    "uuid.UUID": "uuid",
}


def schema_of_class(cls: type[Any]) -> dict[str, Any]:
    """Return the schema of a config class. Other configs and dataclasses in it are in `$defs`."""
    schemas = _Schemas(cls)
    schema = {"$schema": _DIALECT, **schemas.of_config(cls)}
    return schema | ({"$defs": schemas.definitions} if schemas.definitions else {})


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without references, to stand inside another one. A class inside of itself is any object."""
    definitions = schema.get("$defs", {})

    def inline(part: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [inline(entry, inside) for entry in part]
        if not isinstance(part, dict):
            return part
        name = part["$ref"].rpartition("/")[2] if "$ref" in part else None
        if name is None:
            return {key: inline(value, inside) for key, value in part.items() if key not in {"$defs", "$schema"}}
        beside = {key: value for key, value in part.items() if key != "$ref"}
        whole = {"type": "object"} if name in {*inside, "#"} else inline(definitions[name], (*inside, name))
        return {**whole, **beside}

    return typing.cast("dict[str, Any]", inline(schema, ()))


class _Schemas:
    """Makes the schemas of annotations, and collects those of the classes in them.

    Args:
        root: The class of the whole schema, which is referred to as `#`.
    """

    def __init__(self, root: type[Any]) -> None:
        self.definitions: dict[str, Any] = {}
        self._references: dict[type[Any], str] = {root: "#"}

    def of_config(self, cls: type[Any]) -> dict[str, Any]:
        """Return the schema of a config class."""
        definition, defaults, descriptions = definition_of(cls), _defaults(cls), _descriptions(cls)
        properties: dict[str, Any] = {"model_type": {"const": cls.model_type} if cls.model_type else {"type": "string"}}
        for name in sorted(definition.names - {"name_or_path"} - definition.aliases.keys()):
            part = cls.sub_configs.get(name)
            schema: dict[str, Any] = dict(self.of(part if part is not None else definition.annotations.get(name, Any)))
            if name == "dtype":
                schema = {"type": ["string", "null"]}
            if name in descriptions:
                schema["description"] = descriptions[name]
            if name in defaults:
                schema["default"] = defaults[name]
            properties[name] = schema
        return _object(cls, properties, definition.required)

    def of(self, annotation: Any) -> dict[str, Any]:
        """Return the schema of an annotation: `{}` where it allows any value."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated or is_qualifier(origin):
            return self._annotated(arguments)
        if origin is Literal:
            return {"enum": [_as_written(choice) for choice in arguments]}
        if origin in _UNIONS:
            choices = [self.of(choice) for choice in arguments]
            return {"anyOf": choices} if all(choices) else {}
        if annotation in _SCALARS:
            return copy.deepcopy(_SCALARS[annotation])
        row = row_of(annotation)
        return self._container(origin or annotation, arguments) if row is None else self._row(row)

    def _container(self, container: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if container in MAPPINGS:
            return self._mapping(*arguments, *(Any, Any)[len(arguments) :])  # a Counter has one
        if any(map(is_unpacked, arguments)):
            arguments = ()
        if container in SEQUENCES:
            items = self.of(arguments[0]) if arguments else {}
            return {"type": "array"} | ({"items": items} if items else {})
        return self._class(container) if isinstance(container, type) else {}

    def _annotated(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        texts = (getattr(mark, "documentation", getattr(mark, "description", None)) for mark in arguments[1:])
        text = next((text for text in texts if isinstance(text, str)), None)
        return self.of(arguments[0]) | ({"description": text} if text else {})

    def _mapping(self, key: Any, value: Any) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object"}
        if key is int:
            schema["propertyNames"] = {"pattern": "^-?[0-9]+$"}
        elif typing.get_origin(key) is Literal:
            schema["propertyNames"] = {"enum": [str(choice) for choice in typing.get_args(key)]}
        if values := self.of(value):
            schema["additionalProperties"] = values
        return schema

    def _row(self, items: tuple[Any, ...]) -> dict[str, Any]:
        schema = {"type": "array", "minItems": len(items), "maxItems": len(items)}
        return schema | ({"prefixItems": [self.of(item) for item in items]} if items else {})

    def _class(self, cls: Any) -> dict[str, Any]:
        kind = kind_of(cls)
        if kind == "enum":  # a flag may be several members
            return {"type": "integer"} if issubclass(cls, Flag) else {"enum": [_as_written(each) for each in cls]}
        if kind == "form":
            return _form(cls)
        if kind in {"typed_dict", "named_tuple", "dataclass"} or (is_config_class(cls) and cls.model_type):
            return self._reference(cls)
        return {"type": "object"} if kind else {}

    def _reference(self, cls: type[Any]) -> dict[str, Any]:
        reference = self._references.get(cls)
        if reference is None:
            name = cls.__name__ if cls.__name__ not in self.definitions else f"{cls.__module__}.{cls.__qualname__}"
            reference = self._references[cls] = f"#/$defs/{name}"
            self.definitions[name] = {}  # in its place, should the class be inside of itself
            self.definitions[name] = self.of_config(cls) if is_config_class(cls) else self._entries(cls)
        return {"$ref": reference}

    def _entries(self, cls: Any) -> dict[str, Any]:
        """Return the schema of a named tuple, a `TypedDict` or a dataclass."""
        hints = hints_of(cls)
        if hasattr(cls, "_fields"):
            return self._row(tuple(hints.get(name, Any) for name in cls._fields))
        if hasattr(cls, "__dataclass_fields__"):
            names = [field.name for field in dataclass_fields(cls)]
            return _object(cls, {name: self.of(hints.get(name, Any)) for name in names}, ())
        keys, extra = keys_of(cls), extra_items(cls)
        schema = _object(cls, {key: self.of(hints.get(key, Any)) for key in keys}, (key for key in keys if keys[key]))
        return schema | {"additionalProperties": False if extra is typing.Never else self.of(extra)}


def _object(cls: type[Any], properties: dict[str, Any], required: abc.Iterable[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": cls.__name__}
    summary = (cls.__dict__.get("__doc__") or "").strip().partition("\n\n")[0]
    if summary and not summary.startswith(f"{cls.__name__}("):  # what `dataclass` writes where there is no docstring
        schema["description"] = " ".join(summary.split())
    schema |= {"type": "object", "properties": properties}
    return schema | ({"required": names} if (names := sorted(required)) else {})


def _form(cls: type[Any]) -> dict[str, Any]:
    if (form := value_type(cls)) is None or form.form == REGISTERED_FORM:
        return {}  # registered by the program: only its functions know
    kind = _FORMATS.get(f"{cls.__module__}.{cls.__qualname__}")
    return {"type": "string"} | ({"format": kind} if kind else {})


def _as_written(value: Any) -> Any:
    """Return what a file has for a value: an infinity as an object, and a value that cannot be written as its text."""
    try:
        return json.loads(encode_config({"": value}))[""]
    except ConfigCoreError:
        return repr(value)


def _defaults(cls: type[Any]) -> dict[str, Any]:
    """Return the defaults of fields as they are written to a file."""
    try:
        return {**BASE_DEFAULTS, **cls().to_dict()}
    except AUTHOR_ERRORS:  # it has required fields, or its own check refuses them
        defaults = {**BASE_DEFAULTS}
    for name, default in definition_of(cls).defaults.items():
        try:
            defaults[name] = jsonable(default)
        except ConfigCoreError:
            continue
    return defaults


def _descriptions(cls: type[Any]) -> dict[str, str]:
    """Return what docstrings and the metadata of dataclass fields say of fields."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _documented_arguments(base.__dict__.get("__doc__") or "")
    for name, field in getattr(cls, "__dataclass_fields__", {}).items():
        text = field.metadata.get("description", field.metadata.get("help"))
        if isinstance(text, str):
            found[name] = text
    return found


def _documented_arguments(docstring: str) -> dict[str, str]:
    """Return the arguments that a docstring in Google's style describes."""
    import re
    from inspect import cleandoc

    section = re.search(r"^(?:Args|Attributes):\n((?:[ \t]+.*\n?|\n)+)", cleandoc(docstring), re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+)(?: \([^)]*\))?: ?((?:.*\n?)(?:^ {5,}.*\n?)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
