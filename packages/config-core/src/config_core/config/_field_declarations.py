"""The definition of a config class, made of what the classes of its `__mro__` declare."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from config_core.config._annotations import evaluated, module_names
from config_core.config._base_fields import LABEL_FIELDS, OLDER_NAMES, is_cached_property
from config_core.config._body_fields import (
    BODY_DEFAULTS,
    NAMES_READ_LATE,
    adopt_body,
    body_annotations,
    has_generated_init,
    is_mutable,
    written_init,
)
from config_core.config._described_defaults import described_by_default, is_like_default
from config_core.config._field_types import (
    compile_check,
    compile_part,
    config_classes,
    fitting_scalars,
    makes_configs,
)
from config_core.config._init_parameters import (
    MAKING_METHODS,
    NO_DEFAULT,
    Parameter,
    assigned_names,
    keywords_read_by,
    names_assigned_by,
    names_in,
    only_keeps_parameters,
    parameters_of,
    renamed_parameters,
    takes_any_keyword,
    unkept_parameters,
    unwrapped,
)
from config_core.config._value_types import authored_classes, is_config_class
from config_core.errors import ConfigDefinitionError
from config_core.fork_safety import ForkSafeLock

__all__ = ["ConfigDefinition", "FieldCheck", "define"]

_lock = ForkSafeLock()


class FieldCheck(NamedTuple):
    """How the values of a field are checked.

    Attributes:
        scalars: Types of scalars whose values all fit as they are. Most fields have such values, so most checks need
            not be called.
        check: Returns a value, restored if JSON had changed it, or raises `WrongValueError`.
    """

    scalars: frozenset[type[Any]]
    check: Callable[[Any], Any]


class ConfigDefinition(NamedTuple):
    """The fields of a config class, those of its parents included.

    Attributes:
        names: Every keyword that the class knows, including those of the base class.
        own: Those that a subclass takes by name.
        inherited: The others, which are fields of the base class.
        properties: Those of `own` that are properties or other descriptors.
        setters: Other properties that can be assigned, and aliases are not.
        cached_properties: Attributes that hold the result of a `functools.cached_property`, which is not a field.
        runs_own_code: Whether code of the author's runs when a config is made, which may compute fields from others.
        has_validate: Whether that includes a `validate`.
        positional: Keywords that may be given by position, in order.
        required: Keywords without a default.
        unkept: Parameters, and keywords read from `**kwargs`, for which no class sets an attribute of their name.
        renamed: Attribute that has the value of one of them to its name.
        passed: Fields of the base class that an `__init__` names, as in `super().__init__(num_labels=classes)`, or that
            another method assigns.
        forced: Those of them that it does not only give a default to, as `kwargs.setdefault("num_labels", 3)` does.
        handed_on: Parameters of a parent's `__init__` that the one of a child names and does not take: it may compute
            them, as in `super().__init__(inner=4 * width)`.
        defaults: Those of `own` that an `__init__` takes, or that have a default, to the default; `NO_DEFAULT` without.
        mutable_defaults: Defaults that instances must not share.
        class_defaults: Fields that an `__init__` takes to the default in the body of a class, which replaces its own.
        further_defaults: Fields in the body of a class that no `__init__` takes to their defaults.
        factories: Fields whose default a `default_factory` makes, to a function that returns one for comparisons.
        annotations: Field to its annotation.
        like_default: Fields whose values only the default describes.
        checks: Field to the check of its annotation.
        parts: Field to the config classes that its value may be an instance of.
        with_parts: Fields whose checks make configs of dicts, at any depth of a value.
        aliases: Alias to the field that it stands for.
        spellings: Field to the alias by which an `__init__` takes it, such as `torch_dtype="float16"`.
    """

    names: frozenset[str]
    own: frozenset[str]
    inherited: frozenset[str]
    properties: tuple[str, ...]
    setters: frozenset[str]
    cached_properties: frozenset[str]
    runs_own_code: bool
    has_validate: bool
    positional: tuple[str, ...]
    required: frozenset[str]
    unkept: frozenset[str]
    renamed: Mapping[str, str]
    passed: frozenset[str]
    forced: frozenset[str]
    handed_on: frozenset[str]
    defaults: Mapping[str, Any]
    mutable_defaults: Mapping[str, Any]
    class_defaults: Mapping[str, Any]
    further_defaults: Mapping[str, Any]
    factories: Mapping[str, Callable[[], Any]]
    annotations: Mapping[str, Any]
    like_default: frozenset[str]
    checks: Mapping[str, FieldCheck]
    parts: Mapping[str, tuple[type[Any], ...]]
    with_parts: frozenset[str]
    aliases: Mapping[str, str]
    spellings: Mapping[str, str]


class _Declarations:
    """What the classes of an `__mro__` declare of the fields of a config; they are added from the last to the first.

    Attributes:
        root: The base class of all.
        aliases: Alias to the field that it stands for.
        names: Every keyword that a parameter or an annotation names, those of the base class included.
        own: Those that a subclass names.
        read: Keywords that an `__init__` reads from its `**kwargs`.
        read_late: Those that a `__post_init__` reads.
        constants: Names and texts in the code of `__init__`s.
        looked_up: Keywords that an `__init__` reads from its `**kwargs`, those of a parent included.
        handed_on: Parameters of a parent's `__init__` that the one of a child names and does not take.
        last: The parameters of the `__init__` that a call reaches first.
        defaults: Keyword of an `__init__` to its default.
        mutable_defaults: Those that instances must not share.
        annotations: Field to its annotation.
        class_defaults: Fields that an `__init__` of a parent takes to the default in the body of a class.
        further_defaults: Fields in the body of a class with an `__init__` that takes none of them, to their defaults.
    """

    def __init__(self, root: type[Any], names_of: Callable[[type[Any]], Iterable[str]]) -> None:
        self.root = root
        self._names_of = names_of
        self.aliases = {**OLDER_NAMES}
        self.names: set[str] = set()
        self.own: set[str] = set()
        self.read: set[str] = set()
        self.read_late: set[str] = set()
        self.constants: set[str] = set()
        self.looked_up: set[str] = set()
        self.handed_on: set[str] = set()
        self.last: list[Parameter] = []
        self.defaults: dict[str, Any] = {}
        self.mutable_defaults: dict[str, Any] = {}
        self.annotations: dict[str, Any] = {}
        self.class_defaults: dict[str, Any] = {}
        self.further_defaults: dict[str, Any] = {}

    def add(self, cls: type[Any]) -> None:
        """Add those of a class."""
        if (method := vars(cls).get("__post_init__")) is not None and cls is not self.root:
            self.read_late.update(keyword.name for keyword in keywords_read_by(method))
        if is_config_class(cls):
            self.aliases.update(vars(cls).get("attribute_map", {}))
            if cls is not self.root:
                self._add_body(cls)
            if (init := vars(cls).get("__init__")) is not None:
                self._add_init(cls, init)
        else:
            self.annotations.update(_body_annotations(cls))
            init = vars(cls).get("__init__")
            if self.names and hasattr(init, "__code__") and takes_any_keyword(init) and parameters_of(init):
                self._add_init(cls, init)  # of a mixin with fields

    def _add_body(self, cls: type[Any]) -> None:
        adopt_body(cls, self.root, self._names_of)
        optional = {parameter.name for parameter in self.last if parameter.default is None}
        declared = _body_annotations(cls, optional)
        self.annotations.update(declared)
        self._add_body_defaults(cls)
        self.names.update(declared, self.further_defaults)
        self.own.update(declared, self.further_defaults)

    def _add_body_defaults(self, cls: type[Any]) -> None:
        """Add the defaults in the body of a class, which replace those of its parents."""
        init = written_init(cls)
        taken = {parameter.name for parameter in parameters_of(init)} if init is not None else body_annotations(cls)
        for name in taken:
            self.class_defaults.pop(name, None)
            self.further_defaults.pop(name, None)
        for name, default in vars(cls)[BODY_DEFAULTS].items() if init is not None else ():
            if name not in taken:
                is_of_parent = name in self.names - self.further_defaults.keys()
                (self.class_defaults if is_of_parent else self.further_defaults)[name] = default

    def _add_init(self, cls: type[Any], init: Any) -> None:
        self.last = parameters_of(init)
        self.names.update(parameter.name for parameter in self.last)
        self.handed_on.update(self.defaults.keys() & names_in(init))
        self.handed_on.difference_update(parameter.name for parameter in self.last)
        if cls is not self.root:
            self.own.update(parameter.name for parameter in self.last)
            self.defaults.update({name: default for name, default, *_ in self.last})
            self.constants.update(names_in(init), unwrapped(init).__code__.co_names)
            self._add_read(cls, init)
        if not has_generated_init(cls):
            self.mutable_defaults.update({name: default for name, default, *_ in self.last if is_mutable(default)})
            self.annotations.update(_parameter_annotations(self.last, cls, init))

    def _add_read(self, cls: type[Any], init: Any) -> None:
        """Add the keywords that an `__init__` reads, as if they were parameters, unless they are ones of a parent."""
        looked_up = keywords_read_by(init)
        self.looked_up.update(keyword.name for keyword in looked_up)
        read = [keyword for keyword in looked_up if keyword.name not in self.names]
        self.read.update(keyword.name for keyword in read)
        self.defaults.update({name: default for name, default, *_ in read if default is not NO_DEFAULT})
        self.annotations = _parameter_annotations(read, cls, init) | self.annotations


def define(cls: type[Any], names_of: Callable[[type[Any]], Iterable[str]]) -> ConfigDefinition:
    """Return the definition of a config class, and keep it in the class. One thread at a time makes one.

    Args:
        cls: The class.
        names_of: Returns the keywords that a parent knows.

    Raises:
        ConfigDefinitionError: The class does not meet the contract of subclasses.
    """
    with _lock.held():
        found: ConfigDefinition | None = cls.__dict__.get("_definition")
        if found is None:
            cls._definition = found = _defined(cls, names_of)
    return found


def _defined(cls: type[Any], names_of: Callable[[type[Any]], Iterable[str]]) -> ConfigDefinition:
    root = [base for base in cls.__mro__ if is_config_class(base)][-1]
    declared = _Declarations(root, names_of)
    for base in reversed(cls.__mro__):
        declared.add(base)
    aliases, annotations = _followed(declared.aliases, cls), declared.annotations
    late = {name for name in declared.read_late - declared.names if not _is_descriptor(cls, name)}
    read = declared.read | late
    own = declared.own | read
    type.__setattr__(cls, NAMES_READ_LATE, frozenset(declared.read_late))
    defaults = declared.defaults | declared.class_defaults | declared.further_defaults
    _check_aliases(aliases, cls, own)
    family = authored_classes(cls)
    attributes = [(name, value) for base in family for name, value in vars(base).items()]
    setters = {name for name, value in attributes if isinstance(value, property) and value.fset is not None}
    cached = {name for name, value in attributes if isinstance(value, functools.cached_property)}
    inherited = declared.names - own
    unkept = unkept_parameters(family, read) - aliases.keys() - inherited
    assigned = _assigned_by_methods(family, inherited)
    passed = (declared.constants | assigned) & inherited
    checked = annotations if cls._checks_values else {}
    parts = {name: config_classes(annotation) for name, annotation in checked.items()}
    parts |= {name: (sub_class,) for name, sub_class in cls.sub_configs.items()}
    with_parts = {*cls.sub_configs, *(name for name, given in checked.items() if makes_configs(given))}
    return ConfigDefinition(
        names=frozenset(declared.names | read),
        own=frozenset(own),
        inherited=frozenset(inherited),
        properties=_properties(cls, root, own - aliases.keys()),
        setters=frozenset(setters - declared.names - aliases.keys()),
        cached_properties=frozenset(name for name in cached if is_cached_property(cls, name)),
        runs_own_code=_runs_own_code(cls, root),
        has_validate=any(name == "validate" for name, _ in attributes),
        positional=tuple(parameter.name for parameter in declared.last if not parameter.is_keyword_only),
        required=frozenset(parameter.name for parameter in declared.last if parameter.default is NO_DEFAULT),
        unkept=unkept,
        renamed=_renamed(family, unkept, known=declared.names | read),
        passed=frozenset(passed if passed.isdisjoint(LABEL_FIELDS) else passed | LABEL_FIELDS),
        forced=frozenset(passed - (declared.looked_up - assigned)),
        handed_on=frozenset(declared.handed_on),
        defaults=defaults,
        mutable_defaults=declared.mutable_defaults,
        class_defaults=declared.class_defaults,
        further_defaults=declared.further_defaults,
        factories=_factories(cls, defaults),
        annotations=annotations,
        like_default=frozenset(name for name in annotations.keys() & defaults if is_like_default(annotations[name])),
        checks=_checks(checked, with_parts, cls, root),
        parts={name: classes for name, classes in parts.items() if classes},
        with_parts=frozenset(with_parts),
        aliases=aliases,
        spellings={field: alias for alias, field in aliases.items() if alias in own and field not in own},
    )


def _properties(cls: type[Any], root: type[Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a class has a property or another descriptor for, and the base class of all has none."""
    return tuple(name for name in sorted(names) if _is_descriptor(cls, name) and not _is_descriptor(root, name))


def _assigned_by_methods(family: list[type[Any]], names: Collection[str]) -> set[str]:
    """Return which of some attributes the methods of a family assign."""
    methods = [member for base in family for member in [*vars(base).values()] if hasattr(member, "__code__")]
    of_names = [method for method in methods if not set(names).isdisjoint(method.__code__.co_names)]
    return {name for method in of_names for name in names_assigned_by(method)}


def _factories(cls: type[Any], defaults: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return the fields whose default a `default_factory` makes, to a function that makes one and then returns that."""
    made = [name for name, default in defaults.items() if type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"]
    return {name: functools.cache(cls.__dataclass_fields__[name].default_factory) for name in made}


def _renamed(family: list[type[Any]], unkept: frozenset[str], *, known: set[str]) -> dict[str, str]:
    """Return the attributes that hold parameters of other names; not those that are keywords themselves."""
    inits = [init for base in family if hasattr(init := vars(base).get("__init__"), "__code__")] if unkept else []
    pairs = [pair for init in inits for pair in renamed_parameters(init, unkept).items()]
    return {attribute: name for attribute, name in pairs if attribute not in known}


def _followed(aliases: Mapping[str, str], cls: type[Any]) -> dict[str, str]:
    """Return each alias with the field that it stands for in the end, since that may be an alias itself.

    Raises:
        ConfigDefinitionError: Some stand for each other.
    """
    found = dict(aliases)
    for _ in aliases:
        found = {alias: aliases.get(field, field) for alias, field in found.items()}
    for field in found.values():
        if field in aliases:
            raise ConfigDefinitionError(f"{cls.__qualname__}.attribute_map: {field!r} stands for itself.")
    return found


def _check_aliases(aliases: Mapping[str, str], cls: type[Any], own: set[str]) -> None:
    """Check that no alias stands for a misspelt field. It may stand for one that only the files of the class have.

    Raises:
        ConfigDefinitionError: There is no such field, and one that is spelled like it.
    """
    fields = own - aliases.keys()
    missing = {alias: name for alias, name in aliases.items() if name not in fields and not hasattr(cls, name)}
    if not (missing and cls._checks_values):
        return
    from config_core.familiar_options import did_you_mean

    for alias, name in missing.items():
        if (hint := did_you_mean([name], fields)) and name not in assigned_names(cls):
            problem = f"{alias!r} stands for {name!r}, which is no field of the class. {hint}"
            raise ConfigDefinitionError(f"{cls.__qualname__}.attribute_map: {problem}")


def _runs_own_code(cls: type[Any], root: type[Any]) -> bool:
    """Return whether a class does more to make a config than to keep what is given."""
    kept = {parameter.name for parameter in parameters_of(vars(root)["__init__"])}
    for base in reversed(authored_classes(cls)):
        if _has_making_code(base):
            return True
        if (init := vars(base).get("__init__")) is not None:
            parameters = {parameter.name for parameter in parameters_of(init)}
            # What a class keeps, the `__init__` of a parent may replace by its own default.
            if written_init(base) is not None and not kept.isdisjoint(parameters):
                return True
            kept |= parameters
    return False


def _has_making_code(cls: type[Any]) -> bool:
    """Return whether the body of a class has code that may change what a config is made of."""
    fields = vars(cls).get("__dataclass_fields__", {})
    not_code = {"__dict__", "__weakref__", *vars(cls).get("attribute_map", {})}
    return (
        ((init := written_init(cls)) is not None and not only_keeps_parameters(init))
        or not MAKING_METHODS.isdisjoint(vars(cls))
        or any(hasattr(type(value), "__set__") for name, value in vars(cls).items() if name not in not_code)
        or not all(field.init for field in getattr(fields, "fields", fields).values())
    )


def _body_annotations(cls: type[Any], optional: Collection[str] = ()) -> dict[str, Any]:
    """Return the annotations of the fields in the body of a class.

    Args:
        cls: The class.
        optional: Fields of its parents whose default is None, which it may declare again without a default.
    """
    found, defaults = {}, {**vars(cls), **vars(cls).get(BODY_DEFAULTS, {})}
    for name, given in body_annotations(cls).items():
        annotation = _evaluated(given, cls, name, module_names(cls))
        if hasattr(annotation, "type") and type(annotation).__name__ == "InitVar":
            annotation = annotation.type
        found[name] = described_by_default(annotation, defaults.get(name, None if name in optional else NO_DEFAULT))
    return found


def _parameter_annotations(parameters: list[Parameter], cls: type[Any], init: Any) -> dict[str, Any]:
    """Return the annotations of the parameters of an `__init__`; `typing.Any` for those that have none anywhere."""
    in_body, names = body_annotations(cls), unwrapped(init).__globals__
    return {
        name: described_by_default(
            Any if annotation is NO_DEFAULT else _evaluated(annotation, cls, name, names), default
        )
        for name, default, annotation, _ in parameters
        if not (annotation is NO_DEFAULT and name in in_body)
    }


def _evaluated(annotation: Any, cls: type[Any], field: str, names: Mapping[str, Any]) -> Any:
    """Return an annotation; `typing.Any` if it cannot be evaluated and the class is not held to it."""
    try:
        return evaluated(annotation, cls, field, names)
    except ConfigDefinitionError:
        if getattr(cls, "_checks_values", False):
            raise
        return Any  # a mixin of another library, or a class that was written for one that checks nothing


def _checks(
    annotations: Mapping[str, Any], with_parts: Collection[str], cls: type[Any], root: type[Any]
) -> dict[str, FieldCheck]:
    """Return the checks of the fields that are not checked when they are assigned, or made into a sub-config."""
    checked = {name: given for name, given in annotations.items() if not _is_descriptor(root, name)}
    compiled = {name: compile_check(annotation) for name, annotation in checked.items()}
    compiled |= {name: compile_part(sub_class) for name, sub_class in cls.sub_configs.items()}
    return {
        name: FieldCheck(
            frozenset() if name in cls.sub_configs else fitting_scalars(checked[name]),
            _with_owner(check, cls) if name in with_parts else check,
        )
        for name, check in compiled.items()
        if check is not None
    }


def _with_owner(check: Callable[[Any], Any], cls: type[Any]) -> Callable[[Any], Any]:
    from config_core.config._part_classes import with_owner

    return with_owner(check, cls)


def _is_descriptor(cls: type[Any], name: str) -> bool:
    """Return whether assigning an attribute of an instance calls the class, as it does for a property."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return hasattr(type(found), "__set__")
