"""Checking config values against the annotations of their fields.

An annotation is compiled once into a function that returns the value, or raises `WrongValueError` with the paths to
what is wrong. It also restores what JSON cannot express: a list for a `tuple` field becomes a tuple, the keys of a
`dict[int, …]` become numbers, a name becomes the member of an `Enum`, text a date. If an annotation allows both an enum
and plain values, a value means the same at construction as after a save and a load. If it allows several kinds of
container, the first that fits is used. Where there is no annotation, the default says what JSON cannot express.
"""

from __future__ import annotations

import collections
import sys
import types
import typing
from collections import abc
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union

from config_core.config._config_json import jsonable
from config_core.config._problems import WrongValueError, check_all, problems_of_part
from config_core.config._value_types import (
    SCALARS,
    builtin_value,
    dataclass_fields,
    dict_methods,
    is_config,
    is_part_class,
    value_type,
)
from config_core.errors import ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from config_core.config._value_types import ValueType

    Check = Callable[[Any], Any]

__all__ = [
    "compile_check",
    "compile_part",
    "config_classes",
    "described_by_default",
    "described_by_value",
    "fitting_scalars",
    "is_like_default",
    "makes_configs",
]


# What JSON has a list for, and what a list becomes.
_SEQUENCES: dict[Any, Callable[[Any], Any]] = {
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    **dict.fromkeys((list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection), list),
    **dict.fromkeys((abc.Set, abc.MutableSet), set),
}
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
# What JSON has an object for, and what that becomes.
_MAPPINGS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((dict, abc.Mapping, abc.MutableMapping), dict),
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
    collections.defaultdict: lambda values: collections.defaultdict(None, values),
}


class _LikeDefault:
    """Marks an annotation of a field whose values are restored like its default where they fit that."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation


def compile_check(annotation: Any) -> Check | None:
    """Return a function that checks values against an annotation, or None if every value fits.

    Annotations that plain values cannot be checked against (type variables, callables, protocols) are not checked.
    """
    if type(annotation).__name__ == "TypeAliasType":
        return _endless(annotation)
    annotation = getattr(annotation, "__supertype__", annotation)
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Annotated:
        return _annotated(arguments[0], annotation.__metadata__)
    if origin in {typing.Required, typing.NotRequired, typing.Final}:
        return compile_check(arguments[0])
    if origin is Literal:
        return _one_of(arguments)
    if origin in {Union, types.UnionType}:
        return _any_of(arguments)
    return _container(origin or annotation, arguments) or (None if origin else _instance(annotation))


def fitting_scalars(annotation: Any) -> frozenset[type[Any]]:
    """Return the types of scalars that an annotation allows, whatever their value.

    The check of the annotation returns values of exactly these types as they are, so it need not be called for them.
    """
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in {typing.Required, typing.NotRequired, typing.Final}:
        return fitting_scalars(arguments[0])
    if origin is typing.Annotated:
        has_default = any(isinstance(mark, _LikeDefault) for mark in annotation.__metadata__)
        return frozenset() if has_default else fitting_scalars(arguments[0])
    if origin in {Union, types.UnionType} and not any(map(_is_enum, arguments)):
        return frozenset().union(*map(fitting_scalars, arguments))
    if annotation is Any or annotation is object:
        return SCALARS
    if annotation is None:
        return frozenset({types.NoneType})
    return frozenset({int, float}) if annotation is float else frozenset(cls for cls in SCALARS if cls is annotation)


def compile_part(cls: type[Any]) -> Check:
    """Return the check of a field in `sub_configs`. None fits: it stands for a config with defaults."""
    part = _config((cls,))

    def check(value: Any) -> Any:
        if value is None:
            return None
        if not (is_config(value) or isinstance(builtin_value(value), dict)):
            raise _expected(f"a {cls.__name__} or a dict", value)
        return part(value)

    return check


def config_classes(annotation: Any) -> tuple[type[Any], ...]:
    """Return the config classes in the annotation of a field, and classes such as `AutoConfig` that find one."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return config_classes(typing.get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return tuple(cls for choice in typing.get_args(annotation) for cls in config_classes(choice))
    return (annotation,) if is_part_class(annotation) else ()


def makes_configs(annotation: Any) -> bool:
    """Return whether the check of an annotation makes configs of dicts, at any depth of a value."""
    arguments = typing.get_args(annotation)
    described = (mark.annotation for mark in arguments if isinstance(mark, _LikeDefault))
    return is_part_class(annotation) or any(map(makes_configs, (*arguments, *described)))


def is_like_default(annotation: Any) -> bool:
    """Return whether only the default of a field says what its values are restored to."""
    arguments = typing.get_args(annotation)
    return len(arguments) > 1 and arguments[0] is Any and isinstance(arguments[1], _LikeDefault)


def described_by_default(annotation: Any, default: Any) -> Any:
    """Return the annotation of a field, with what the default adds if the annotation says little or nothing."""
    origin = typing.get_origin(annotation)
    described = described_by_value(default)
    if described is None or not _leaves_open(origin, annotation, default, described):
        return annotation
    return typing.Annotated[annotation, _LikeDefault(described)]


def _leaves_open(origin: Any, annotation: Any, default: Any, described: Any) -> bool:
    """Return whether an annotation does not say what JSON's form of a default is restored to."""
    if origin in {Union, types.UnionType}:
        return isinstance(described, type)  # which of the alternatives
    container = origin or annotation
    if not isinstance(container, type) or container not in _SEQUENCES.keys() | _MAPPINGS.keys():
        return annotation is Any
    is_abstract = container.__module__ == "collections.abc"
    return isinstance(default, container) and (is_abstract or not typing.get_args(annotation))


def described_by_value(value: Any) -> Any:
    """Return an annotation that restores a value from JSON, or None if it needs none."""
    cls = type(value)
    is_named_tuple = isinstance(value, tuple) and hasattr(cls, "_fields")
    if isinstance(value, Enum) or is_config(value) or is_named_tuple or value_type(cls) or _is_dtype(cls):
        return cls
    if isinstance(value, dict):
        return _dict_described_by(value)
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        of = _common(value)
        if isinstance(value, tuple):
            return types.GenericAlias(tuple, (Any if of is None else of, Ellipsis))
        return types.GenericAlias(cls, (of,)) if of is not None else None if isinstance(value, list) else cls
    return cls if dict_methods(cls) or hasattr(cls, "__dataclass_fields__") else None


def _dict_described_by(value: dict[Any, Any]) -> Any:
    of = _common(value.values())
    if all(type(key) is str for key in value):
        return None if of is None else types.GenericAlias(dict, (str, of))
    keys = {type(key) for key in value}
    return types.GenericAlias(dict, (keys.pop() if len(keys) == 1 else Any, Any if of is None else of))


def _common(values: Iterable[Any]) -> Any:
    """Return the annotation that restores each of several values, or None."""
    found = [described_by_value(value) for value in values]
    return found[0] if found and all(other == found[0] for other in found) else None


def _annotated(annotation: Any, metadata: tuple[Any, ...]) -> Check | None:
    check = compile_check(annotation)
    default = next((mark for mark in metadata if isinstance(mark, _LikeDefault)), None)
    like_default = compile_check(default.annotation) if default else None
    if like_default is None:
        return check

    def restore(value: Any) -> Any:
        checked = value if check is None else check(value)
        try:
            return like_default(checked)
        except (WrongValueError, ConfigError):
            return checked

    return restore


def _container(container: Any, arguments: tuple[Any, ...]) -> Check | None:
    if not isinstance(container, type):
        return None
    if container in _SEQUENCES:
        return _sequence(container, arguments)
    return _mapping(container, arguments) if container in _MAPPINGS else None


def _endless(alias: Any) -> Check:
    """Return the check of a `type` that may be inside of itself. It is made for as many levels as values have."""
    made: list[Check | None] = []

    def check(value: Any) -> Any:
        if not made:
            made.append(compile_check(alias.__value__))
        return value if made[0] is None else made[0](value)

    return check


def _none(value: Any) -> Any:
    if value is not None:
        raise _expected("None", value)
    return value


def _one_of(allowed: tuple[Any, ...]) -> Check:
    def check(value: Any) -> Any:
        for choice in allowed:
            if type(value) is type(choice) and value == choice:
                return value
        if (builtin := builtin_value(value)) is not value:
            return check(builtin)
        raise WrongValueError(f"expected one of {', '.join(map(repr, allowed))}, got {value!r:.80}")

    return check


def _any_of(alternatives: tuple[Any, ...]) -> Check | None:
    configs = tuple(cls for alternative in alternatives for cls in config_classes(alternative))
    # A member is a plain value in JSON, so members go first: `"fast"` is the member even if text is allowed too.
    members = [_member(alternative) for alternative in alternatives if _is_enum(alternative)]
    others = (choice for choice in alternatives if not config_classes(choice) and not _is_enum(choice))
    compiled = [*members, *map(compile_check, others)]
    has_several_sequences = sum((typing.get_origin(choice) or choice) in _SEQUENCES for choice in alternatives) > 1
    as_config = _config(configs)
    if configs:
        compiled.append(as_config)
    checks = [check for check in compiled if check is not None]
    if len(checks) < len(compiled):
        return None

    def check(value: Any) -> Any:
        if has_several_sequences and type(value) is tuple:
            value = list(value)  # which of them it is must not depend on whether it was saved and loaded
        kind = value.get("model_type") if configs and isinstance(value, dict) else None
        if kind and _is_known(kind, configs):
            return as_config(value)  # another alternative might accept it as a plain dict
        restored: list[Any] = []
        for alternative in checks:
            try:
                checked = alternative(value)
            except WrongValueError:  # not kept: its traceback would keep everything that the load has made
                continue
            if checked is value or alternative in members:
                return checked
            restored.append(checked)
        if restored:
            return restored[0]
        raise _problem(as_config, value) if kind else _deepest_problem(checks, value, alternatives)

    return check


def _is_known(kind: Any, configs: tuple[type[Any], ...]) -> bool:
    from config_core.config._part_classes import class_named

    return class_named(kind, configs) is not None


def _deepest_problem(checks: list[Check], value: Any, alternatives: tuple[Any, ...]) -> WrongValueError:
    """Return the problem of the alternative that got furthest into a value."""
    deepest = max((_problem(check, value) for check in checks), key=_depth)
    return deepest if any(_depth(deepest)) else _expected(" or ".join(map(_name, alternatives)), value)


def _depth(error: WrongValueError) -> tuple[int, bool]:
    """Return how much an error says: how far it is inside the value, and whether it is about more than the type."""
    path, problem = error.problems[0]
    return len(path), not problem.startswith("expected ")


def _problem(check: Check, value: Any) -> WrongValueError:
    """Return the error of a check that fails."""
    try:
        check(value)
    except WrongValueError as problem:
        return problem
    raise AssertionError(value)


def _sequence(container: Any, arguments: tuple[Any, ...]) -> Check:
    """Return the check of what JSON has a list for."""
    if container is tuple and arguments and arguments[-1] is not Ellipsis:
        return _fixed_tuple(arguments)
    item = compile_check(arguments[0]) if arguments else None
    fitting = fitting_scalars(arguments[0]) if arguments else SCALARS
    make: Any = _SEQUENCES[container]
    accepted = (list, tuple, set, frozenset) if container in _SETS else (list, tuple)
    kept = (set, frozenset) if container is abc.Set else make

    def check(value: Any) -> Any:
        given = value if isinstance(value, accepted) else builtin_value(value)
        if not isinstance(given, accepted):
            raise _expected(_name(container), value)
        checked: Iterable[Any] = given
        if item is not None and not fitting.issuperset(map(type, given)):
            checked = check_all(((index, item, entry) for index, entry in enumerate(given)), place="[{}]".format)
        return given if isinstance(given, kept) and _are_same(checked, given) else _made(make, checked)

    return check


def _made(make: Callable[[Any], Any], values: Iterable[Any]) -> Any:
    try:
        return make(values)
    except TypeError as error:  # a set of what cannot be in a set
        raise WrongValueError(str(error)) from None


def _fixed_tuple(arguments: tuple[Any, ...]) -> Check:
    items = [compile_check(argument) for argument in arguments if argument != ()]

    def check(value: Any) -> Any:
        given = value if isinstance(value, (list, tuple)) else builtin_value(value)
        if not isinstance(given, (list, tuple)):
            raise _expected("tuple", value)
        if len(given) != len(items):
            raise WrongValueError(f"expected {len(items)} values, got {len(given)}")
        checked = check_all(zip(range(len(items)), items, given, strict=True), place="[{}]".format)
        return given if isinstance(given, tuple) and _are_same(checked, given) else tuple(checked)

    return check


def _mapping(container: Any, arguments: tuple[Any, ...]) -> Check:
    if container is collections.Counter:
        arguments = (*(arguments or (Any,)), int)
    key_type, value_type = arguments or (Any, Any)
    check_key, check_item = _key(compile_check(key_type)), compile_check(value_type)
    fitting_keys, fitting_items = fitting_scalars(key_type), fitting_scalars(value_type)
    if check_key is not None and key_type is not str:
        fitting_keys -= {str}  # text may stand for a number
    make = _MAPPINGS[container]
    accepted = dict if make is dict else container

    def check(value: Any) -> Any:
        given = value if isinstance(value, dict) else builtin_value(value)
        if not isinstance(given, dict):
            raise _expected("dict", value)
        if fitting_keys.issuperset(map(type, given)) and fitting_items.issuperset(map(type, given.values())):
            return given if isinstance(given, accepted) else make(given)
        keys = check_all(((key, check_key, key) for key in given), place="[{!r}]".format)
        items = check_all(((key, check_item, entry) for key, entry in given.items()), place="[{!r}]".format)
        checked = dict(zip(keys, items, strict=True))
        if len(checked) != len(given):
            raise WrongValueError(f"two of the keys {list(given)!r:.80} are the same in JSON")
        unchanged = _are_same(checked, given) and _are_same(items, given.values())
        return given if unchanged and isinstance(given, accepted) else make(checked)

    return check


def _key(check: Check | None) -> Check | None:
    """Return a check of keys that accepts numbers as text, which is what JSON makes of them."""
    if check is None:
        return None

    def check_key(key: Any) -> Any:
        if (number := _number(key)) is not None:
            try:
                return check(number)
            except WrongValueError:
                pass
        return check(key)

    return check_key


def _instance(cls: Any) -> Check | None:
    if cls is None or cls is types.NoneType:
        return _none
    if not isinstance(cls, type) or cls in {Any, object}:
        return None
    if getattr(cls, "_is_protocol", False):
        return None
    return _restoring(cls) or _plain_instance(cls)


def _restoring(cls: type[Any]) -> Check | None:
    """Return the check of a class whose instances are restored from what JSON has in their place, or None."""
    if (form := value_type(cls)) is not None:
        return _form(cls, form)
    makers: tuple[tuple[bool, Callable[[Any], Check]], ...] = (
        (_is_enum(cls), _member),
        (typing.is_typeddict(cls), _typed_dict),
        (tuple in cls.__mro__ and hasattr(cls, "_fields"), _named_tuple),
        (_is_dtype(cls), _dtype),
        (bool(config_classes(cls)), lambda part: _config((part,))),
        (dict_methods(cls) is not None, _from_dict),
        (hasattr(cls, "__dataclass_fields__"), _dataclass),
    )
    return next((make(cls) for is_one, make in makers if is_one), None)


def _plain_instance(cls: type[Any]) -> Check:
    # In Python True is an int, but it is not a number of layers. An int is a valid float.
    allowed = (int, float) if cls is float else cls

    def fits(value: Any) -> bool:
        return isinstance(value, allowed) and not (isinstance(value, bool) and cls in {int, float})

    def check(value: Any) -> Any:
        if type(value) is cls:
            return value
        builtin = builtin_value(value) if cls.__module__ == "builtins" else value
        if fits(builtin):
            return builtin
        if fits(value):
            return value
        raise _expected(_name(cls), value)

    return check


def _form(cls: type[Any], form: ValueType) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            return form.decode(cls, value)
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise WrongValueError(
                f"expected {_name(cls)} or {form.form}, got {type(value).__name__} {value!r:.80}: {error}"
            ) from None

    return check


def _named_tuple(cls: Any) -> Check:
    checks_of_fields = _field_checks(cls)

    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(cls._fields):
            raise _expected(f"{_name(cls)} of {len(cls._fields)} values", value)
        checks = checks_of_fields()
        pairs = zip(cls._fields, value, strict=True)
        checked = check_all(((name, checks.get(name), entry) for name, entry in pairs), place=".{}".format)
        return value if isinstance(value, cls) and _are_same(checked, value) else cls(*checked)

    return check


def _typed_dict(cls: Any) -> Check:
    checks_of_fields = _field_checks(cls)

    def check(value: Any) -> Any:
        given = builtin_value(value)
        if not isinstance(given, dict):
            raise _expected("dict", value)
        checks = checks_of_fields()
        entries = ((key, checks.get(key), entry) for key, entry in given.items())
        checked = check_all(entries, place="[{!r}]".format)
        return given if _are_same(checked, given.values()) else dict(zip(given, checked, strict=True))

    return check


def _dataclass(cls: Any) -> Check:
    """Return the check of a plain dataclass, which JSON has an object for."""
    defaults = {field.name: field.default for field in dataclass_fields(cls)}
    checks_of_fields, names = _field_checks(cls, defaults), list(defaults)

    def check(value: Any) -> Any:
        given = value if isinstance(value, cls) else builtin_value(value)
        is_object = isinstance(given, cls)
        if not is_object and not isinstance(given, dict):
            raise _expected(f"{_name(cls)} or dict", value)
        values = {name: getattr(given, name) for name in names if hasattr(given, name)} if is_object else given
        if unknown := sorted(map(str, values.keys() - set(names))):
            from config_core.familiar_options import did_you_mean

            shown = ", ".join(map(repr, unknown))
            raise WrongValueError(f"{_name(cls)} has no field {shown}. {did_you_mean(unknown, names)}".rstrip(" ."))
        checks = checks_of_fields()
        checked = check_all(((name, checks.get(name), entry) for name, entry in values.items()), place=".{}".format)
        if is_object and _are_same(checked, values.values()):
            return given
        try:
            return cls(**dict(zip(values, checked, strict=True)))
        except TypeError as error:  # a field without a default is missing
            raise WrongValueError(str(error)) from None

    return check


def _field_checks(cls: Any, defaults: Mapping[str, Any] = types.MappingProxyType({})) -> Callable[[], Any]:
    """Return a function that returns the checks of a class's fields. They are made on first use: it may hold itself."""
    found: list[dict[str, Check | None]] = []

    def checks() -> dict[str, Check | None]:
        if not found:
            try:
                annotations = typing.get_type_hints(cls)
            except Exception:  # noqa: BLE001 - names that only type checkers know, and anything else
                annotations = {}
            found.append(
                {name: compile_check(_or_none(annotations[name], defaults.get(name, name))) for name in annotations}
            )
        return found[0]

    return checks


def _or_none(annotation: Any, default: Any) -> Any:
    # `size: int = None` is common, and None is meant to be allowed.
    return Union[annotation, None] if default is None else described_by_default(annotation, default)  # noqa: UP007


def _config(classes: tuple[type[Any], ...]) -> Check:
    def check(value: Any) -> Any:
        from config_core.config._part_classes import class_of_part, is_part

        if is_part(value, classes):
            return value
        given = builtin_value(value)
        if not isinstance(given, dict):
            raise _expected(" or ".join(map(_name, classes)), value)
        chosen = class_of_part(given.get("model_type"), classes)
        try:
            return chosen.from_dict(given)
        except ConfigValidationError as error:
            raise problems_of_part(error) from error.__cause__

    return check


def _from_dict(cls: Any) -> Check:
    plain, (read, _) = _plain_instance(cls), dict_methods(cls) or ("", "")

    def check(value: Any) -> Any:
        is_dict = isinstance(value, dict) and not isinstance(value, cls)
        return getattr(cls, read)(value) if is_dict else plain(value)

    return check


def _is_dtype(cls: Any) -> bool:
    return getattr(cls, "__module__", "") == "torch" and getattr(cls, "__name__", "") == "dtype"


def _dtype(cls: Any) -> Check:
    def check(value: Any) -> Any:
        named = getattr(sys.modules["torch"], value, None) if isinstance(value, str) else value
        if not isinstance(named, cls):
            raise _expected("a torch.dtype or its name", value)
        return named

    return check


def _member(cls: type[Enum]) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            return cls(value)
        except ValueError:
            pass
        for member in cls:
            if _written(member.value) == value:  # a tuple, which is a list in JSON
                return member
        raise WrongValueError(f"expected one of {', '.join(repr(member.value) for member in cls)}, got {value!r:.80}")

    return check


def _written(value: Any) -> Any:
    try:
        return jsonable(value)
    except ConfigError:  # the value of a member may be anything
        return value


def _are_same(checked: Iterable[Any], given: Iterable[Any]) -> bool:
    return checked is given or all(new is old for new, old in zip(checked, given, strict=True))


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _number(key: Any) -> int | None:
    """Return the number that became this text as a key in JSON, or None."""
    try:
        number = int(key) if isinstance(key, str) else None
    except ValueError:
        return None
    return number if str(number) == key else None


def _expected(what: str, value: Any) -> WrongValueError:
    shown = "" if is_config(value) else f" {value!r:.80}"  # the text of a config has many lines
    return WrongValueError(f"expected {what}, got {type(value).__name__}{shown}")


def _name(annotation: Any) -> str:
    if annotation is types.NoneType:
        return "None"
    if typing.get_origin(annotation) is Literal:
        return f"one of {', '.join(map(repr, typing.get_args(annotation)))}"
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
