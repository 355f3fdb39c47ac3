"""What a config class says of itself: its fields, their defaults and annotations, and the contract that it must keep.

Classes come in two styles. With an `__init__` of their own they take `**kwargs` and hand them to `super().__init__`. As
a `@dataclass` they have a generated `__init__`, which is wrapped on first use so that it does the same.
"""

from __future__ import annotations

import copy
import functools
import sys
import threading
import typing
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config._field_types import compile_check, config_classes
from config_core.errors import ConfigDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ConfigDefinition", "check_init", "definition_of", "install_aliases", "is_cached_property", "public_names"]

_lock = threading.RLock()
_VAR_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS


class ConfigDefinition(NamedTuple):
    """The fields of a config class, those of its parents included.

    Attributes:
        names: Every keyword that the class knows, the base class's own included.
        own: Those that a subclass takes by name.
        properties: Those of its own that it keeps behind a property, or another descriptor.
        positional: Those that may be given without their name, in order.
        required: Keywords without a default.
        mutable_defaults: Defaults that instances must not share.
        checks: Field to the check of its annotation.
        parts: Field to the config classes of which its value may be.
        aliases: Other name of a field to the field.
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
    """Return the definition of a config class. It is made once, on first use, when decorators have run.

    Raises:
        ConfigDefinitionError: The class cannot keep the contract.
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
            f"{cls.__qualname__} has __slots__, but a config keeps its fields as attributes. Write @dataclass without "
            "slots=True."
        )
    init = cls.__dict__.get("__init__")
    if init is None or "__dataclass_fields__" in cls.__dict__:
        return
    if _unwrapped(init).__code__.co_posonlyargcount > 1:
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes fields by position only, and a file gives them by name. Remove the '/'."
        )
    if not _takes_any_keyword(init):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ takes no **kwargs, so that the fields of its base class could not be loaded. "
            f"Write def __init__(self, …, **kwargs) and end it with super().__init__(**kwargs)."
        )


def install_aliases(cls: type[Any]) -> None:
    """Make each alias of `cls.attribute_map` read and write the field that it stands for.

    Raises:
        ConfigDefinitionError: The map is malformed, or an alias is a field or method as well.
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
                f"{cls.__qualname__}.attribute_map: {alias!r} cannot stand for {field!r}, because it is itself "
                f"{'that field' if alias == field else 'a field or method of the class'}."
            )
        setattr(cls, alias, _alias(field))


def _alias(field: str) -> property:
    def read(config: Any) -> Any:
        return getattr(config, field)

    def write(config: Any, value: Any) -> None:
        setattr(config, field, value)

    return property(read, write, doc=f"Another name of `{field}`.")


def _define(cls: type[Any]) -> ConfigDefinition:
    names: set[str] = set()
    own: set[str] = set()
    positional: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    mutable_defaults: dict[str, Any] = {}
    checks: dict[str, Callable[[Any], Any]] = {}
    parts: dict[str, tuple[type[Any], ...]] = {}
    aliases: dict[str, str] = {"torch_dtype": "dtype"}
    family = _family(cls)
    for base in reversed(family):
        aliases.update(base.__dict__.get("attribute_map", {}))
        if "__dataclass_fields__" in base.__dict__:
            _adopt_dataclass(base)
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        parameters = _parameters(init)
        required = frozenset(parameter.name for parameter in parameters if parameter.default is _MISSING)
        positional = tuple(parameter.name for parameter in parameters if not parameter.is_keyword_only)
        names.update(parameter.name for parameter in parameters)
        if base.__mro__[1] is not object:
            own.update(parameter.name for parameter in parameters)
        for parameter in parameters:
            name = parameter.name
            if _can_change(parameter.default):
                mutable_defaults[name] = parameter.default
            annotation = _annotation(parameter, base, init)
            parts[name] = config_classes(annotation)
            check = compile_check(annotation)
            # The base class's properties check what they are given, and what holds a config as it is made one.
            if check is None or name in cls.sub_configs or _is_descriptor(family[-1], name):
                checks.pop(name, None)
            else:
                checks[name] = check
    parts.update({name: (sub_class,) for name, sub_class in cls.sub_configs.items()})
    return ConfigDefinition(
        names=frozenset(names),
        own=frozenset(own),
        properties=tuple(
            name
            for name in sorted(own - aliases.keys())
            if _is_descriptor(cls, name) and not _is_descriptor(family[-1], name)
        ),
        positional=positional,
        required=required,
        mutable_defaults=mutable_defaults,
        checks=checks,
        parts={name: classes for name, classes in parts.items() if classes},
        aliases=aliases,
    )


def _family(cls: type[Any]) -> list[type[Any]]:
    """Return the config classes that a class is made of, itself first: its `__mro__` without mixins and `object`."""
    return [base for base in cls.__mro__ if hasattr(base, "attribute_map")]


def _is_descriptor(cls: type[Any], name: str) -> bool:
    """Tell whether a class has a say when an attribute of its instances is assigned, as a property has."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return hasattr(type(found), "__set__")


def _can_change(default: Any) -> bool:
    """Tell whether a default may change in one instance, and would then change in all others."""
    holds_others = isinstance(default, (list, dict, set, tuple)) or hasattr(type(default), "sub_configs")
    return holds_others and copy.deepcopy(default) is not default


class _Parameter(NamedTuple):
    """A named parameter of an `__init__`, and what stands for a default or an annotation that it lacks."""

    name: str
    default: Any
    annotation: Any
    is_keyword_only: bool


_MISSING: Any = object()


def _parameters(init: Any) -> list[_Parameter]:
    """Return the named parameters of an `__init__` but the first."""
    # `inspect` knows this too, but to import it costs as much as all of this package.
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
    """Return what a parameter is annotated with, `typing.Any` where that cannot be known."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        owner = _declaring_class(parameter.name, cls, init)
        names = _unwrapped(init).__globals__ if owner is cls else vars(sys.modules[owner.__module__])
        try:
            annotation = eval(annotation, names, dict(vars(owner)))  # noqa: S307 - the class's own source
        except Exception:  # noqa: BLE001 - a name that only type checkers know
            return Any
    # `size: int = None` is common, and means what it says.
    return annotation | None if parameter.default is None and _is_type(annotation) else annotation


def _declaring_class(name: str, cls: type[Any], init: Any) -> type[Any]:
    """Return the class whose source a field is in: a dataclass repeats the annotations of its parents as they are."""
    if name not in cls.__dict__.get("__dataclass_fields__", {}) or _takes_any_keyword(init):
        return cls
    declaring = (base for base in cls.__mro__ if name in base.__dict__.get("__annotations__", {}))  # noqa: RUF063
    return next((base for base in declaring if base.__module__ in sys.modules), cls)


def _is_type(annotation: Any) -> bool:
    return isinstance(annotation, type) or typing.get_origin(annotation) is not None


def _adopt_dataclass(cls: type[Any]) -> None:
    """Let the `__init__` that `@dataclass` generated take the base class's fields too."""
    init = cls.__dict__.get("__init__")
    if init is None or hasattr(init, "__wrapped__"):
        return
    if cls.__dataclass_params__.frozen:
        raise ConfigDefinitionError(
            f"{cls.__qualname__} is a frozen dataclass, but a config takes on fields as it is loaded. Write @dataclass."
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
            self.num_labels = kwargs["num_labels"]  # what was given counts more than the names that are a default

    type.__setattr__(cls, "__init__", init_all)
    for name in parameters:
        # The default of a field hides the property of that name in the base class: `num_labels: int = 10`.
        if name in cls.__dict__ and isinstance(getattr(parent, name, None), property):
            type.__delattr__(cls, name)
