"""The definition of a config class, which is made when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config_core.config._field_declarations import ConfigDefinition

__all__ = ["OWN_STATE", "definition_of", "is_method", "private_attributes", "public_names"]

# Private attributes in which a config keeps what it knows of itself. Those that transformers has too may be assigned.
OWN_STATE = frozenset(
    {"_computed", "_extra", "_labels", "_num_named", "_own_forms", "_replaced", "_set_fields", "_unkept", "_unknown"}
)
_OF_BASE_CLASS = OWN_STATE | {"_commit_hash", "_dtype", "_name_or_path"}


def definition_of(cls: type[Any]) -> ConfigDefinition:
    """Return the definition of a config class. It is made once, on first use, after decorators have run.

    Raises:
        ConfigDefinitionError: The class does not meet the contract of subclasses.
    """
    found: ConfigDefinition | None = cls.__dict__.get("_definition")
    if found is None:
        from config_core.config._field_declarations import define

        found = define(cls, lambda parent: definition_of(parent).names)
    return found


def public_names(cls: type[Any]) -> list[str]:
    """Return every keyword of a config class and every alias, sorted."""
    definition = definition_of(cls)
    return sorted(definition.names | definition.aliases.keys() - {"_name_or_path"})


def is_method(cls: type[Any], name: str) -> bool:
    """Return whether a class, and not only its metaclass, has a method of this name."""
    return callable(getattr(cls, name, None)) and any(name in vars(base) for base in cls.__mro__)


def private_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the private ones among the attributes of a config, without those of the base class."""
    return {name: value for name, value in attributes.items() if name[:1] == "_" and name not in _OF_BASE_CLASS}
