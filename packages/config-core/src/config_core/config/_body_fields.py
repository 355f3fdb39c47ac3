"""Fields in the body of a config class: `width: int = 64`, with or without `@dataclass`.

A class without an `__init__` of its own is a dataclass: if the decorator is missing, it is applied on first use, with
keyword-only fields. The `__init__` that `@dataclass` generates knows nothing of the base class, so one that does takes
its place. In a class that has an `__init__` of its own, an attribute with an annotation and a default is a field beside
those that `__init__` takes, and an annotation alone declares the type of what `__init__` sets.

Not fields: names with an underscore, `ClassVar`s, and attributes without an annotation, unless a parent has a field of
that name: then they are its new default.
"""

import copy
import functools
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from config_core.config._base_fields import LABEL_FIELDS, ORIGINAL
from config_core.config._init_parameters import NO_DEFAULT, parameters_of, takes_any_keyword, unwrapped
from config_core.config._value_types import is_config_class
from config_core.errors import ConfigDefinitionError

__all__ = [
    "BODY_DEFAULTS",
    "NAMES_READ_LATE",
    "PendingFields",
    "adopt_body",
    "body_annotations",
    "has_generated_init",
    "is_mutable",
    "own_annotations",
    "written_init",
]

BODY_DEFAULTS = "_body_defaults"  # attribute of an adopted class: the defaults in its body
NAMES_READ_LATE = "_names_read_late"  # attribute of a class: keywords that a `__post_init__` reads from its `**kwargs`
_MARK = "_sets_body_fields_of"  # the class of a function that takes the place of a dataclass's `__init__`
_SETTINGS = frozenset({"model_type", "attribute_map", "sub_configs"})
_CLASS_VAR = r"\s*[\"']?(\w+\.)*ClassVar\b"


def own_annotations(cls: type[Any]) -> dict[str, Any]:
    """Return the annotations in the body of a class, as they are written there."""
    if sys.version_info >= (3, 14):  # where they are evaluated on request
        import importlib

        annotationlib = importlib.import_module("annotationlib")
        return dict(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    written: dict[str, Any] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 - without an import
    return written


def body_annotations(cls: type[Any]) -> dict[str, Any]:
    """Return the annotations in the body of a class that are those of fields: public, and no `ClassVar`."""
    return {name: given for name, given in own_annotations(cls).items() if _is_field(name, given)}


def is_mutable(default: Any) -> bool:
    """Return whether changing a default in one instance would change it in all others."""
    if isinstance(default, (type, types.FunctionType)):
        return False
    return type(default).__hash__ is None or (isinstance(default, tuple) and copy.deepcopy(default) is not default)


def written_init(cls: type[Any]) -> Any:
    """Return the `__init__` that the author of a class has written, or None."""
    init = cls.__dict__.get("__init__")
    if init is None or hasattr(init, _MARK):
        return None
    is_dataclass = isinstance(cls.__dict__.get("__dataclass_fields__"), dict)
    # `@dataclass` keeps an `__init__` that is there, and compiles its own from text.
    return None if is_dataclass and unwrapped(init).__code__.co_filename == "<string>" else init


def has_generated_init(cls: type[Any]) -> bool:
    """Return whether the `__init__` in the body of a class is one that `adopt_body` has made."""
    # A decorator such as `strict` may have put a wrapper of the one of a parent into a class.
    return getattr(cls.__dict__.get("__init__"), _MARK, None) is cls


class PendingFields:
    """Stands for `__dataclass_fields__` until it is known whether `@dataclass` decorates the class.

    Args:
        adopt: What to call with the class on first use.
    """

    name = "__dataclass_fields__"

    def __init__(self, adopt: Callable[[type[Any]], Any]) -> None:
        self._adopt = adopt

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        declaring = next(cls for cls in owner.__mro__ if cls.__dict__.get("__dataclass_fields__") is self)
        self._adopt(declaring)
        return owner.__dataclass_fields__ if instance is None else instance.__dataclass_fields__


class _Fields:
    """The `__dataclass_fields__` of an adopted class.

    `dataclasses.replace` makes a new object of the fields that it finds here. For an object there is one more, by which
    the constructor gets the object itself, or what is no field of the dataclass would be lost.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __get__(self, instance: object, owner: type[Any]) -> dict[str, Any]:
        return self.fields if instance is None else self.fields | _original_field()


@functools.cache
def _original_field() -> dict[str, Any]:
    import dataclasses

    # As an `InitVar`, `dataclasses.fields` leaves it out, and `replace` passes it on.
    replaced: Any = dataclasses.make_dataclass("Replaced", [(ORIGINAL, dataclasses.InitVar[Any], None)])
    fields: dict[str, Any] = replaced.__dataclass_fields__
    return fields


def adopt_body(cls: type[Any], root: type[Any], names_of: Callable[[type[Any]], Iterable[str]]) -> None:
    """Make the fields in the body of a class keywords of its `__init__`, unless that has been done.

    Args:
        cls: A config class.
        root: The base class of all.
        names_of: Returns the keywords that a parent knows.

    Raises:
        ConfigDefinitionError: It is a dataclass that is frozen, or that has no `__init__`.
    """
    if BODY_DEFAULTS in vars(cls):
        return
    _check_dataclass(cls)
    pending = isinstance(cls.__dict__.get("__dataclass_fields__"), PendingFields)
    if pending:
        type.__delattr__(cls, "__dataclass_fields__")
    known = _known_to(cls.__mro__[1:], names_of)
    defaults = _body_defaults(cls, known)
    type.__setattr__(cls, BODY_DEFAULTS, {**defaults})
    if pending and written_init(cls) is None:
        _make_dataclass(cls, defaults, known)
    fields = cls.__dict__.get("__dataclass_fields__")
    if isinstance(fields, dict):
        if written_init(cls) is None and "__init__" in cls.__dict__:
            _replace_init(cls, names_of)
        type.__setattr__(cls, "__dataclass_fields__", _Fields(fields))
    # A default such as `num_labels: int = 10` would hide the property of that name in the base class.
    for name in defaults.keys() & vars(cls).keys():
        if isinstance(getattr(root, name, None), property):
            type.__delattr__(cls, name)


def _check_dataclass(cls: type[Any]) -> None:
    if "__dataclass_params__" not in vars(cls):
        return
    if cls.__dataclass_params__.frozen:
        raise ConfigDefinitionError(
            f"{cls.__qualname__} is a frozen dataclass, but fields are assigned as a config is loaded. Use @dataclass "
            "without frozen=True."
        )
    if "__init__" not in vars(cls):
        raise ConfigDefinitionError(
            f"{cls.__qualname__} is a dataclass without an __init__, so that nothing would set its fields. Use "
            "@dataclass without init=False."
        )


def _body_defaults(cls: type[Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the defaults that a config class and its mixins give to fields, without those of its parents.

    Those of `known`, the fields of its parents, need no annotation.
    """
    defaults: dict[str, Any] = {}
    for part in (*_new_mixins(cls), cls):
        fields = set(body_annotations(part))
        unannotated = set(known) - own_annotations(part).keys() - _SETTINGS
        defaults |= {
            name: default
            for name, default in vars(part).items()
            if (name in fields and not isinstance(default, (property, types.MemberDescriptorType)))
            or (name in unannotated and not hasattr(type(default), "__get__"))
        }
    return defaults


def _known_to(classes: Iterable[type[Any]], names_of: Callable[[type[Any]], Iterable[str]]) -> set[str]:
    """Return the keywords that the configs among some classes know."""
    return {name for cls in classes if is_config_class(cls) for name in names_of(cls)}


def _make_dataclass(cls: type[Any], defaults: dict[str, Any], known: Iterable[str]) -> None:
    """Do what `@dataclass` would have done, if the class has fields in its body."""
    annotations = body_annotations(cls)
    for part in [cls, *_new_mixins(cls)]:
        annotations = {name: given for name, given in body_annotations(part).items() if name in defaults} | annotations
    annotations = dict.fromkeys(defaults, Any) | annotations
    inherited = getattr(cls, "__dataclass_fields__", {})
    for name in annotations.keys() - defaults.keys():
        if name in inherited:
            defaults[name] = copy.copy(inherited[name])  # the decorator gives it the new annotation
        elif name in known:
            del annotations[name]  # declares the type of what a parent's `__init__` sets
    if not annotations:
        return

    import dataclasses

    mutable = {name: default for name, default in defaults.items() if is_mutable(default)}
    defaults |= {
        name: dataclasses.field(default_factory=functools.partial(copy.deepcopy, default))
        for name, default in mutable.items()
    }
    for name, default in defaults.items():
        type.__setattr__(cls, name, default)
    if cls.__module__ not in sys.modules:  # where `@dataclass` looks for what text means
        annotations = {name: Any if isinstance(given, str) else given for name, given in annotations.items()}
    written = own_annotations(cls)
    cls.__annotations__ = annotations
    try:
        dataclasses.dataclass(cls, kw_only=True, eq=False, repr=False)
    finally:
        cls.__annotations__ = written
    for name, default in mutable.items():
        type.__setattr__(cls, name, default)  # as any other default, it can be read from the class


def _new_mixins(cls: type[Any]) -> list[type[Any]]:
    """Return the classes without configs' methods that a config class brings in, the last first."""
    parent = next(base for base in cls.__mro__[1:] if is_config_class(base))
    return [
        base
        for base in reversed(cls.__mro__[1:])
        if not (issubclass(parent, base) or is_config_class(base) or "__dataclass_fields__" in vars(base))
    ]


def _next_init(cls: type[Any]) -> tuple[int, type[Any]]:
    """Return the next class whose `__init__` takes fields and was written by hand, and its place in the `__mro__`."""
    for position, base in enumerate(cls.__mro__[1:], start=1):
        init = written_init(base)
        if init is not None and hasattr(unwrapped(init), "__code__") and takes_any_keyword(init):
            return position, base
    raise AssertionError(cls)  # the base class of all has one


def _maker(field: Any) -> Callable[[], Any] | None:
    """Return a function that returns the default of a field, or None if there is none."""
    import dataclasses

    if field.default_factory is not dataclasses.MISSING:
        return typing.cast("Callable[[], Any]", field.default_factory)
    default = field.default
    # Under `num_labels: int`, what `@dataclass` takes for the default is the property of the base class.
    return None if default is dataclasses.MISSING or isinstance(default, property) else lambda: default


def _replace_init(cls: type[Any], names_of: Callable[[type[Any]], Iterable[str]]) -> None:
    """Replace the `__init__` of a dataclass by one that takes the fields of its base classes too."""
    import dataclasses

    generated = cls.__dict__["__init__"]
    parameters = parameters_of(generated)
    position, parent = _next_init(cls)
    # What the next `__init__` that was written by hand sets, it gets from here, with new defaults.
    set_by_parent = _known_to(cls.__mro__[position:], names_of)
    declared = {field.name: field for field in dataclasses.fields(cls)}
    passed_on = getattr(parent, "__dataclass_fields__", {})
    fields = [name for name, field in declared.items() if passed_on.get(name) is not field]
    init_vars = [parameter.name for parameter in parameters if parameter.name not in declared]
    makers = {name: maker for name in (*fields, *init_vars) if (maker := _maker(cls.__dataclass_fields__[name]))}
    makers_for_parent = {name: makers[name] for name in fields if name in makers and name in set_by_parent}
    set_here = [name for name in fields if name not in set_by_parent]
    positional = [parameter.name for parameter in parameters if not parameter.is_keyword_only]
    own_names = {p.name for p in parameters} & {*fields, *init_vars} - set_by_parent
    required = {p.name for p in parameters if p.default is NO_DEFAULT} & {*fields, *init_vars}

    @functools.wraps(generated)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        given = dict(zip(positional, args, strict=False))
        if len(given) < len(args) or given.keys() & kwargs.keys() or required - given.keys() - kwargs.keys():
            own = {name: value for name, value in kwargs.items() if name in positional or name in own_names}
            generated(self, *args, **own)  # raises Python's own error
        given |= kwargs
        own = {name: given.pop(name) for name in own_names if name in given}
        given |= _defaults_for_parent(makers_for_parent, given)
        late = {name: given.pop(name) for name in getattr(self, NAMES_READ_LATE) if name in given}
        parent.__init__(self, **given)
        for name in set_here:
            if name in own:
                setattr(self, name, own[name])
            elif name in makers:
                setattr(self, name, makers[name]())
        # The class that a call reaches first does it, when all fields are there.
        if type(self) is cls or next(base for base in type(self).__mro__ if has_generated_init(base)) is cls:
            self.__post_init__(*(own[name] if name in own else makers[name]() for name in init_vars), **late)

    setattr(init, _MARK, cls)
    type.__setattr__(cls, "__init__", init)


def _defaults_for_parent(makers: Mapping[str, Callable[[], Any]], given: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of the fields that the parent sets, without labels that contradict those that were given."""
    defaults = {name: make() for name, make in makers.items() if name not in given}
    if any(given.get(name) is not None for name in LABEL_FIELDS):
        defaults = {name: default for name, default in defaults.items() if name not in {*LABEL_FIELDS, "num_labels"}}
    number = given.get("num_labels")
    return {
        name: default
        for name, default in defaults.items()
        if not (name in LABEL_FIELDS and default is not None and number not in {None, len(default)})
    }


def _is_field(name: str, annotation: Any) -> bool:
    if name.startswith("_") or name in _SETTINGS:
        return False
    if isinstance(annotation, str):
        return not re.match(_CLASS_VAR, annotation)
    return annotation is not ClassVar and typing.get_origin(annotation) is not ClassVar
