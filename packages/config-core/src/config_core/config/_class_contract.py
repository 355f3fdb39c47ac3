"""The contract of config classes, which is checked when a class is made.

Classes come in two styles. With a hand-written `__init__` they take `**kwargs` and pass them to `super().__init__`. As
a `@dataclass` they have a generated `__init__`, which is wrapped on first use to do the same.
"""

from __future__ import annotations

from typing import Any

from config_core.config._annotations import check_annotations, module_names
from config_core.config._body_fields import PendingFields, body_annotations, own_annotations
from config_core.config._config_definition import OWN_STATE, definition_of, is_method
from config_core.config._init_parameters import (
    NO_DEFAULT,
    names_assigned_by,
    parameters_of,
    takes_any_keyword,
    unused_parameters,
    unwrapped,
)
from config_core.errors import ConfigDefinitionError

__all__ = ["set_up"]


def set_up(cls: type[Any], root: type[Any], extra: str | None) -> None:
    """Check a new config class, and give it what its definition needs.

    Args:
        cls: The class.
        root: The base class of all.
        extra: What to do with unknown keywords: `"warn"`, `"forbid"`, or None for what its parents do.

    Raises:
        ConfigDefinitionError: The class does not meet the contract.
    """
    if extra not in {None, "warn", "forbid"}:
        raise ConfigDefinitionError(f"{cls.__qualname__}: extra must be 'warn' or 'forbid', got {extra!r}.")
    if extra is not None:
        cls._extra_fields = extra
    if not isinstance(cls.model_type, str):
        raise ConfigDefinitionError(f"{cls.__qualname__}.model_type must be a string, got {cls.model_type!r}.")
    if "sub_configs" in vars(cls):
        from config_core.config._part_classes import check_sub_configs

        check_sub_configs(cls)
    _check_init(cls)
    if "__init__" not in vars(cls):
        setattr(cls, PendingFields.name, PendingFields(definition_of))
    _install_aliases(cls)
    if cls._checks_values:
        _check_declarations(cls, root)
    if cls.to_dict is not root.to_dict:
        from config_core.config._hand_written import adopt_to_dict

        adopt_to_dict(cls)
    for name in ("__eq__", "__repr__"):
        # `@dataclass` keeps those that a class has. Its own would leave out the fields of the base class.
        if name not in vars(cls):
            setattr(cls, name, getattr(cls, name))


def _check_init(cls: type[Any]) -> None:
    """Check that an `__init__` written by hand takes the fields of its base class.

    Raises:
        ConfigDefinitionError: It takes no `**kwargs`, or a field by position only, or the class keeps fields in slots.
    """
    if cls.__dict__.get("__slots__"):
        raise ConfigDefinitionError(
            f"{cls.__qualname__} has __slots__, but a config keeps its fields in __dict__. Use @dataclass without "
            "slots=True."
        )
    init = cls.__dict__.get("__init__")
    if init is None:
        return
    if unwrapped(init).__code__.co_posonlyargcount > 1:
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes fields by position only, but a file gives them by name. Remove the '/'."
        )
    if cls._checks_values and not takes_any_keyword(init):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes no **kwargs, so the fields of its base class could not be loaded. "
            "Write def __init__(self, …, **kwargs) and end it with super().__init__(**kwargs)."
        )


def _check_declarations(cls: type[Any], root: type[Any]) -> None:
    """Check that the annotations of a new class have known names, and that its `__init__` uses its parameters.

    Raises:
        ConfigDefinitionError: They do not.
    """
    check_annotations(cls, body_annotations(cls), module_names(cls))
    _check_names(cls, root)
    if "__init__" not in cls.__dict__:
        return
    init = unwrapped(cls.__dict__["__init__"])
    parameters = parameters_of(init)
    annotations = {p.name: p.annotation for p in parameters if p.annotation is not NO_DEFAULT}
    check_annotations(cls, annotations, init.__globals__)
    if unused := unused_parameters(init):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes {unused[0]!r} and keeps no attribute of that name, so that a saved "
            f"config could not be loaded. Add self.{unused[0]} = {unused[0]}, or pass it to super().__init__."
        )


def _check_names(cls: type[Any], root: type[Any]) -> None:
    """Check that no field has the name of a method, and that no method assigns what the base class has for itself.

    Raises:
        ConfigDefinitionError: One does.
    """
    init = vars(cls).get("__init__")
    fields = [*body_annotations(cls), *(parameter.name for parameter in (parameters_of(init) if init else ()))]
    if hidden := next((name for name in fields if is_method(root, name)), None):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}: {hidden!r} cannot be a field, because it is a method of configs. Use another name."
        )
    for name, member in vars(cls).items():
        taken = OWN_STATE & {name}
        if hasattr(member, "__code__") and not OWN_STATE.isdisjoint(member.__code__.co_names):
            taken = OWN_STATE.intersection(names_assigned_by(member))
        if taken:
            raise ConfigDefinitionError(
                f"{cls.__qualname__} assigns {min(taken)!r}, in which every config keeps what it knows of itself. Use "
                "another name."
            )


def _install_aliases(cls: type[Any]) -> None:
    """Add a property for each alias in `cls.attribute_map`, which reads and writes the field that it stands for.

    Raises:
        ConfigDefinitionError: The map is malformed, or an alias is itself a field or method.
    """
    aliases = cls.__dict__.get("attribute_map", {})
    if not isinstance(aliases, dict) or not all(isinstance(name, str) for pair in aliases.items() for name in pair):
        raise ConfigDefinitionError(f"{cls.__qualname__}.attribute_map must map names to names, got {aliases!r}.")
    if not cls._checks_values and any(alias == field for alias, field in aliases.items()):
        aliases = cls.attribute_map = {alias: field for alias, field in aliases.items() if alias != field}
    _declare_under_field(cls, aliases)
    init = cls.__dict__.get("__init__")
    parameters = {parameter.name for parameter in parameters_of(init)} if init else set()
    for alias, field in aliases.items():
        # As in transformers, an alias replaces a property of its name, which says the same.
        is_set = alias in cls.__dict__ and not isinstance(cls.__dict__[alias], property)
        is_own = alias in parameters or is_set or alias in own_annotations(cls)
        taken = is_own or callable(getattr(cls, alias, None))
        if taken or alias == field:
            raise ConfigDefinitionError(
                f"{cls.__qualname__}.attribute_map: {alias!r} cannot be an alias of {field!r}, because it is "
                f"{'that field itself' if alias == field else 'a field or method of the class'}. Leave one of them out."
            )
        setattr(cls, alias, _alias(field))


def _declare_under_field(cls: type[Any], aliases: dict[str, str]) -> None:
    """Give the fields that a class declares under an alias the name that they are kept under.

    Published classes do so: `num_experts: int = 8`, with `attribute_map = {"num_experts": "num_local_experts"}`. Those
    written for transformers may declare both names, of which the last default counts there.
    """
    written = own_annotations(cls)
    may_have_both = not cls._checks_values
    declared = [name for name in aliases if name in written and (may_have_both or aliases[name] not in written)]
    if not declared:
        return
    names = {name: aliases[name] if name in declared else name for name in written}
    defaults = {name: vars(cls)[name] for name in written if name in vars(cls)}
    cls.__annotations__ = {names[name]: annotation for name, annotation in written.items()}
    for name, default in defaults.items():
        delattr(cls, name)
        setattr(cls, names[name], default)


def _alias(field: str) -> property:
    return property(
        lambda config: getattr(config, field),
        lambda config, value: setattr(config, field, value),
        doc=f"Alias of `{field}`.",
    )
