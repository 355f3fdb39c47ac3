"""What a config class defines: its fields with their defaults and annotations, and the contract of subclasses.

Classes come in two styles. With a hand-written `__init__` they take `**kwargs` and pass them to `super().__init__`. As
a `@dataclass` they have a generated `__init__`, which is wrapped on first use to do the same.
"""

from __future__ import annotations

import copy
import functools
import sys
import threading
import typing
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config._field_types import compile_check, compile_part, config_classes, described_by_default
from config_core.errors import ConfigDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ConfigDefinition", "check_init", "definition_of", "install_aliases", "is_cached_property", "public_names"]

_lock = threading.RLock()
_VAR_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS


class ConfigDefinition(NamedTuple):
    """The fields of a config class, those of its parents included.

    Attributes:
        names: Every keyword that the class knows, including those of the base class.
        own: Those that a subclass takes by name.
        properties: Those of `own` that are properties or other descriptors.
        positional: Those that may be given by position, in order.
        required: Keywords without a default.
        mutable_defaults: Defaults that instances must not share.
        checks: Field to the check of its annotation.
        parts: Field to the config classes that its value may be an instance of.
        aliases: Alias to the field that it stands for.
    """

    names: frozenset[str]
    own: frozenset[str]
    properties: tuple[str, ...]
    positional: tuple[str, ...]
    required: frozenset[str]
    mutable_defaults: Mapping[str, Any]
    checks: Mapping[str, Callable[[Any], Any]]
    parts: Mapping[str, tuple[type[Any], ...]]
    aliases: Mapping[str, str]


def definition_of(cls: type[Any]) -> ConfigDefinition:
    """Return the definition of a config class. It is made once, on first use, after decorators have run.

    Raises:
        ConfigDefinitionError: The class does not meet the contract of subclasses.
    """
    found = cls.__dict__.get("_definition")
    if found is None:
        with _lock:
            found = cls.__dict__.get("_definition")
            if found is None:
                found = _define(cls)
                cls._definition = found
    return typing.cast("ConfigDefinition", found)


def public_names(cls: type[Any]) -> list[str]:
    """Return every keyword of a config class and every alias, sorted."""
    definition = definition_of(cls)
    return sorted(definition.names | definition.aliases.keys())


def is_cached_property(cls: type[Any], name: str) -> bool:
    """Return whether an attribute is the result of a `functools.cached_property`, which is not a field."""
    return isinstance(getattr(cls, name, None), functools.cached_property)


def check_init(cls: type[Any]) -> None:
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
    if init is None or "__dataclass_fields__" in cls.__dict__:
        return
    if _unwrapped(init).__code__.co_posonlyargcount > 1:
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes fields by position only, but a file gives them by name. Remove the '/'."
        )
    if not _takes_any_keyword(init):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes no **kwargs, so the fields of its base class could not be loaded. "
            "Write def __init__(self, …, **kwargs) and end it with super().__init__(**kwargs)."
        )


def install_aliases(cls: type[Any]) -> None:
    """Add a property for each alias in `cls.attribute_map`, which reads and writes the field that it stands for.

    Raises:
        ConfigDefinitionError: The map is malformed, or an alias is itself a field or method.
    """
    aliases = cls.__dict__.get("attribute_map", {})
    if not isinstance(aliases, dict) or not all(isinstance(name, str) for pair in aliases.items() for name in pair):
        raise ConfigDefinitionError(f"{cls.__qualname__}.attribute_map must map names to names, got {aliases!r}.")
    init = cls.__dict__.get("__init__")
    parameters = {parameter.name for parameter in _parameters(init)} if init else set()
    for alias, field in aliases.items():
        is_own = alias in parameters or alias in cls.__dict__ or alias in cls.__annotations__
        taken = is_own or callable(getattr(cls, alias, None))
        if taken or alias == field:
            raise ConfigDefinitionError(
                f"{cls.__qualname__}.attribute_map: {alias!r} cannot be an alias of {field!r}, because it is "
                f"{'that field itself' if alias == field else 'a field or method of the class'}."
            )
        setattr(cls, alias, _alias(field))


def _alias(field: str) -> property:
    def read(config: Any) -> Any:
        return getattr(config, field)

    def write(config: Any, value: Any) -> None:
        setattr(config, field, value)

    return property(read, write, doc=f"Alias of `{field}`.")


def _define(cls: type[Any]) -> ConfigDefinition:
    family = _family(cls)
    root = family[-1]
    aliases = {"torch_dtype": "dtype"}
    names: set[str] = set()
    own: set[str] = set()
    last: list[_Parameter] = []  # the parameters of the `__init__` that a call reaches first
    mutable_defaults: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    for base in reversed(family):
        aliases.update(base.__dict__.get("attribute_map", {}))
        if "__dataclass_fields__" in base.__dict__:
            _adopt_dataclass(base)
        if (init := base.__dict__.get("__init__")) is None:
            continue
        last = _parameters(init)
        names.update(parameter.name for parameter in last)
        if base is not root:
            own.update(parameter.name for parameter in last)
        mutable_defaults.update({name: default for name, default, *_ in last if _is_shared_mutable(default)})
        annotations.update({parameter.name: _annotation(parameter, base, init) for parameter in last})
    parts = {name: config_classes(annotation) for name, annotation in annotations.items()}
    parts.update({name: (sub_class,) for name, sub_class in cls.sub_configs.items()})
    return ConfigDefinition(
        names=frozenset(names),
        own=frozenset(own),
        properties=tuple(
            name
            for name in sorted(own - aliases.keys())
            if _is_descriptor(cls, name) and not _is_descriptor(root, name)
        ),
        positional=tuple(parameter.name for parameter in last if not parameter.is_keyword_only),
        required=frozenset(parameter.name for parameter in last if parameter.default is _MISSING),
        mutable_defaults=mutable_defaults,
        checks=_checks(annotations, cls, root),
        parts={name: classes for name, classes in parts.items() if classes},
        aliases=aliases,
    )


def _checks(annotations: Mapping[str, Any], cls: type[Any], root: type[Any]) -> dict[str, Callable[[Any], Any]]:
    """Return the checks of the fields that are not checked when they are assigned, or made into a sub-config."""
    checked = (name for name in annotations if not _is_descriptor(root, name))
    compiled = {name: compile_check(annotations[name]) for name in checked}
    compiled |= {name: compile_part(sub_class) for name, sub_class in cls.sub_configs.items()}
    return {name: check for name, check in compiled.items() if check is not None}


def _family(cls: type[Any]) -> list[type[Any]]:
    """Return the config classes in the `__mro__` of a class, itself first: without mixins and `object`."""
    return [base for base in cls.__mro__ if hasattr(base, "attribute_map")]


def _is_descriptor(cls: type[Any], name: str) -> bool:
    """Return whether assigning an attribute of an instance calls the class, as it does for a property."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return hasattr(type(found), "__set__")


def _is_shared_mutable(default: Any) -> bool:
    """Return whether changing a default in one instance would change it in all others."""
    is_container = isinstance(default, (list, dict, set, tuple)) or hasattr(type(default), "sub_configs")
    return is_container and copy.deepcopy(default) is not default


class _Parameter(NamedTuple):
    """A named parameter of an `__init__`; `_MISSING` in place of a default, `Any` in place of an annotation."""

    name: str
    default: Any
    annotation: Any
    is_keyword_only: bool


_MISSING: Any = object()


def _parameters(init: Any) -> list[_Parameter]:
    """Return the named parameters of an `__init__` without `self`."""
    # `inspect` can do this, but importing it costs as much as this whole package.
    function = _unwrapped(init)
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = function.__defaults__ or ()
    defaults = {
        **dict(zip(positional[len(positional) - len(given) :], given, strict=True)),
        **(function.__kwdefaults__ or {}),
    }
    return [
        _Parameter(
            name,
            defaults.get(name, _MISSING),
            function.__annotations__.get(name, Any),
            is_keyword_only=name in keyword_only,
        )
        for name in (*positional[1:], *keyword_only)
    ]


def _takes_any_keyword(init: Any) -> bool:
    return bool(_unwrapped(init).__code__.co_flags & _VAR_KEYWORD)


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _annotation(parameter: _Parameter, cls: type[Any], init: Any) -> Any:
    """Return the annotation of a parameter, or `typing.Any` if it cannot be evaluated."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        owner = _declaring_class(parameter.name, cls, init)
        names = _unwrapped(init).__globals__ if owner is cls else vars(sys.modules[owner.__module__])
        try:
            annotation = eval(annotation, names, dict(vars(owner)))  # noqa: S307 - the class's own source
        except Exception:  # noqa: BLE001 - names that only type checkers know, and anything else
            annotation = Any
    # `size: int = None` is common, and None is meant to be allowed.
    if parameter.default is None and _is_type(annotation):
        return annotation | None
    return described_by_default(annotation, parameter.default)


def _declaring_class(name: str, cls: type[Any], init: Any) -> type[Any]:
    """Return the class that declares a field: a dataclass repeats the annotations of its parents as they are."""
    if name not in cls.__dict__.get("__dataclass_fields__", {}) or _takes_any_keyword(init):
        return cls
    declaring = (base for base in cls.__mro__ if name in base.__dict__.get("__annotations__", {}))  # noqa: RUF063
    return next((base for base in declaring if base.__module__ in sys.modules), cls)


def _is_type(annotation: Any) -> bool:
    return isinstance(annotation, type) or typing.get_origin(annotation) is not None


def _adopt_dataclass(cls: type[Any]) -> None:
    """Wrap the `__init__` that `@dataclass` generated, so that it takes the fields of the base class too."""
    init = cls.__dict__.get("__init__")
    if init is None or hasattr(init, "__wrapped__"):
        return
    if cls.__dataclass_params__.frozen:
        raise ConfigDefinitionError(
            f"{cls.__qualname__} is a frozen dataclass, but fields are assigned as a config is loaded. Use @dataclass "
            "without frozen=True."
        )
    if _takes_any_keyword(init):
        return  # written by hand
    parameters = [parameter.name for parameter in _parameters(init)]
    parent: Any = next(base for base in _family(cls) if "__dataclass_fields__" not in base.__dict__)

    @functools.wraps(init)
    def init_all(self: Any, *args: Any, **kwargs: Any) -> None:
        own = {name: kwargs.pop(name) for name in parameters if name in kwargs}
        parent.__init__(self, **kwargs)
        init(self, *args, **own)
        if kwargs.get("num_labels") is not None and "id2label" in parameters and "id2label" not in own:
            self.num_labels = kwargs["num_labels"]  # a given number takes precedence over default names

    type.__setattr__(cls, "__init__", init_all)
    for name in parameters:
        # A default such as `num_labels: int = 10` would hide the property of that name in the base class.
        if name in cls.__dict__ and isinstance(getattr(parent, name, None), property):
            type.__delattr__(cls, name)
