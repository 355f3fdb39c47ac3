"""Checking config values against the annotations of their fields.

An annotation is compiled once into a function that returns the value, or raises `WrongValueError` with the paths to
what is wrong. It also restores what JSON cannot express: a list for a `tuple` field becomes a tuple, the keys of a
`dict[int, …]` become numbers, a name becomes the member of an `Enum`, text a date. If an annotation allows both an enum
and plain values, a value means the same at construction as after a save and a load. If it allows both lists and tuples,
a value is of the kind of the default, or else of the first that fits. Where there is no annotation, the default says
what JSON cannot express.
"""

from __future__ import annotations

import collections
import contextlib
import types
import typing
from collections import abc
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union

from config_core.config._class_checks import (
    are_same,
    class_check,
    config_check,
    expected,
    has_members,
    member_check,
    name_of,
)
from config_core.config._described_defaults import LikeDefault
from config_core.config._problems import WrongValueError, check_all, shown
from config_core.config._record_types import is_qualifier, is_unpacked, row_of
from config_core.config._value_types import MAPPINGS, SCALARS, SEQUENCES, builtin_value, is_any_config, is_part_class
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Check = Callable[[Any], Any]

__all__ = ["compile_check", "compile_part", "config_classes", "fitting_scalars", "makes_configs"]

_SETS = (set, frozenset, abc.Set, abc.MutableSet)


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
    if is_qualifier(origin):
        return compile_check(arguments[0])
    if origin is Literal:
        return _one_of(arguments)
    if origin in {Union, types.UnionType}:
        return _any_of(arguments)
    return _container(annotation) or class_check(origin or annotation, compile_check, arguments if origin else None)


def fitting_scalars(annotation: Any) -> frozenset[type[Any]]:
    """Return the types of scalars that an annotation allows, whatever their value.

    The check of the annotation returns values of exactly these types as they are, so it need not be called for them.
    """
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if is_qualifier(origin):
        return fitting_scalars(arguments[0])
    if origin is typing.Annotated:
        has_default = any(isinstance(mark, LikeDefault) for mark in annotation.__metadata__)
        return frozenset() if has_default else fitting_scalars(arguments[0])
    if origin in {Union, types.UnionType} and not any(map(has_members, arguments)):
        return frozenset().union(*map(fitting_scalars, arguments))
    if annotation is Any or annotation is object:
        return SCALARS
    if annotation is None:
        return frozenset({types.NoneType})
    return frozenset({int, float}) if annotation is float else frozenset(cls for cls in SCALARS if cls is annotation)


def compile_part(cls: type[Any]) -> Check:
    """Return the check of a field in `sub_configs`. None fits: it stands for a config with defaults."""
    part = config_check((cls,))

    def check(value: Any) -> Any:
        if value is None:
            return None
        if not (is_any_config(value) or isinstance(builtin_value(value), dict)):
            raise expected(f"{cls.__name__} or a dict", value)
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
    described = (mark.annotation for mark in arguments if isinstance(mark, LikeDefault))
    return is_part_class(annotation) or any(map(makes_configs, (*arguments, *described)))


def _annotated(annotation: Any, metadata: tuple[Any, ...]) -> Check | None:
    check = compile_check(annotation)
    default = next((mark for mark in metadata if isinstance(mark, LikeDefault)), None)
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


def _container(annotation: Any) -> Check | None:
    container, arguments = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if not isinstance(container, type):
        return None
    if container in SEQUENCES:
        return _sequence(container, arguments, row_of(annotation))
    return _mapping(container, arguments) if container in MAPPINGS else None


def _endless(alias: Any) -> Check:
    """Return the check of a `type` that may be inside of itself. It is made for as many levels as values have."""
    made: list[Check | None] = []

    def check(value: Any) -> Any:
        if not made:
            made.append(compile_check(alias.__value__))
        return value if made[0] is None else made[0](value)

    return check


def _one_of(allowed: tuple[Any, ...]) -> Check:
    members = {choice: member_check(type(choice)) for choice in allowed if isinstance(choice, Enum)}

    def check(value: Any) -> Any:
        for choice in allowed:
            if type(value) is type(choice) and value == choice:
                return value
        for choice, check_member in members.items():
            with contextlib.suppress(WrongValueError):
                if check_member(value) is choice:
                    return choice
        if (builtin := builtin_value(value)) is not value:
            return check(builtin)
        raise WrongValueError(f"expected one of {', '.join(map(repr, allowed))}, got {shown(value)}")

    return check


def _any_of(alternatives: tuple[Any, ...]) -> Check | None:
    configs = tuple(cls for alternative in alternatives for cls in config_classes(alternative))
    # A member is a plain value in JSON, so members go first: `"fast"` is the member even if text is allowed too.
    members = [compile_check(choice) for choice in alternatives if has_members(choice)]
    others = (choice for choice in alternatives if not (config_classes(choice) or has_members(choice)))
    compiled = [*members, *map(compile_check, others)]
    sequences = {SEQUENCES.get(typing.get_origin(choice) or choice) for choice in alternatives}
    ambiguous = {list, tuple} if sequences >= {list, tuple} else set()
    as_config = config_check(configs)
    if configs:
        compiled.append(as_config)
    checks = [check for check in compiled if check is not None]
    if len(checks) < len(compiled):
        return None

    def check(value: Any) -> Any:
        kind = value.get("model_type") if configs and isinstance(value, dict) else None
        if kind and _is_known(kind, configs):
            return as_config(value)  # another alternative might accept it as a plain dict
        restored: list[Any] = []
        for alternative in checks:
            try:
                checked = alternative(value)
            except WrongValueError:  # not kept: its traceback would keep everything that the load has made
                continue
            # Which sequence it is must not depend on whether the value was saved and loaded.
            if checked is value or type(value) in ambiguous:
                return checked
            if alternative in members and not _is_of_other_type(value, checked):
                return checked
            restored.append(checked)
        if restored:
            return restored[0]
        raise _problem(as_config, value) if kind else _deepest_problem(checks, value, alternatives)

    return check


def _is_of_other_type(value: Any, member: Any) -> bool:
    """Return whether a scalar was taken for a member whose value is one of another type, which JSON tells apart.

    Another alternative may allow the scalar itself: an int for a member of 1.0, None for one that `_missing_` finds.
    """
    types_of_both = {type(value), type(getattr(member, "value", value))}
    return len(types_of_both) > 1 and types_of_both <= SCALARS


def _is_known(kind: Any, configs: tuple[type[Any], ...]) -> bool:
    from config_core.config._part_classes import class_named

    return class_named(kind, configs) is not None


def _deepest_problem(checks: list[Check], value: Any, alternatives: tuple[Any, ...]) -> WrongValueError:
    """Return the problem of the alternative that got furthest into a value."""
    deepest = max((_problem(check, value) for check in checks), key=_depth)
    return deepest if any(_depth(deepest)) else expected(" or ".join(map(name_of, alternatives)), value)


def _depth(error: WrongValueError) -> tuple[int, bool]:
    """Return how much an error says: how far it is inside the value, and whether it is about more than the type."""
    problem = error.problems[0]
    return len(problem.field), not problem.problem.startswith("expected ")


def _problem(check: Check, value: Any) -> WrongValueError:
    """Return the error of a check that fails."""
    try:
        check(value)
    except WrongValueError as problem:
        return problem
    raise AssertionError(value)


def _sequence(container: Any, arguments: tuple[Any, ...], row: tuple[Any, ...] | None) -> Check:
    """Return the check of what JSON has a list for."""
    if any(map(is_unpacked, arguments)):
        arguments = ()  # tuple[int, *tuple[str, ...]]: its values are restored, and not checked
    items = [compile_check(argument) for argument in (arguments[:1] if row is None else row)]
    fitting = frozenset() if row is not None else fitting_scalars(arguments[0]) if arguments else SCALARS
    make: Any = SEQUENCES[container]
    accepted = (list, tuple, set, frozenset) if container in _SETS else (list, tuple, make)
    kept = (set, frozenset) if container is abc.Set else make

    def check(value: Any) -> Any:
        given = value if isinstance(value, accepted) else builtin_value(value)
        if not isinstance(given, accepted):
            raise expected(name_of(container), value)
        if row is not None and len(given) != len(items):
            raise WrongValueError(f"expected {len(items)} values, got {len(given)}")
        checked: Iterable[Any] = given
        if items and not fitting.issuperset(map(type, given)):
            checks = items * len(given) if row is None else items
            checked = check_all(zip(range(len(given)), checks, given, strict=True), place="[{}]".format)
        if isinstance(given, kept) and are_same(checked, given):
            return given
        try:
            return make(checked)
        except TypeError as error:  # a set of what cannot be in a set
            raise WrongValueError(str(error)) from None

    return check


def _mapping(container: Any, arguments: tuple[Any, ...]) -> Check:
    if container is collections.Counter:
        arguments = (*(arguments or (Any,)), int)
    key_type, value_type = arguments or (Any, Any)
    check_key, check_item = _key(compile_check(key_type)), compile_check(value_type)
    fitting_keys, fitting_items = fitting_scalars(key_type), fitting_scalars(value_type)
    if check_key is not None and key_type is not str:
        fitting_keys -= {str}  # text may stand for a number
    make = MAPPINGS[container]
    accepted = dict if make is dict else container

    def check(value: Any) -> Any:
        given = value if isinstance(value, dict) else builtin_value(value)
        if not isinstance(given, dict):
            raise expected("dict", value)
        if fitting_keys.issuperset(map(type, given)) and fitting_items.issuperset(map(type, given.values())):
            return given if isinstance(given, accepted) else make(given)
        keys = check_all(((key, check_key, key) for key in given), place="[{!r}]".format)
        items = check_all(((key, check_item, entry) for key, entry in given.items()), place="[{!r}]".format)
        checked = dict(zip(keys, items, strict=True))
        if len(checked) != len(given):
            raise WrongValueError(f"two of the keys {list(given)!r:.80} are the same in JSON")
        unchanged = are_same(checked, given) and are_same(items, given.values())
        return given if unchanged and isinstance(given, accepted) else make(checked)

    return check


def _key(check: Check | None) -> Check | None:
    """Return a check of keys that accepts numbers as text, which is what JSON makes of them."""
    if check is None:
        return None

    def check_key(key: Any) -> Any:
        with contextlib.suppress(ValueError, WrongValueError):
            if isinstance(key, str) and str(number := int(key)) == key:
                return check(number)
        return check(key)

    return check_key
