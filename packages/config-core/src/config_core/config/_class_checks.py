"""Checks of values against classes: builtins, enums, dataclasses, configs, and others that JSON has no word for."""

from __future__ import annotations

import contextlib
import types
import typing
from enum import Enum, Flag
from typing import TYPE_CHECKING, Any, Literal

from config_core.config._config_json import jsonable
from config_core.config._described_defaults import described_by_default
from config_core.config._equal_values import are_equal, same_value
from config_core.config._problems import WrongValueError, check_all, made_config, problems_of_part, shown
from config_core.config._record_types import extra_items, hints_of, keys_of, kind_of, with_arguments
from config_core.config._value_types import (
    builtin_value,
    dataclass_fields,
    dict_methods,
    is_config,
    is_foreign_config_class,
    value_type,
)
from config_core.errors import ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from config_core.config._value_types import ValueType

    Check = Callable[[Any], Any]
    Compile = Callable[[Any], Check | None]
    FieldChecks = Callable[[], dict[str, Check | None]]

__all__ = ["are_same", "class_check", "config_check", "expected", "has_members", "is_enum", "member_check", "name_of"]


def class_check(cls: Any, compile_check: Compile, arguments: tuple[Any, ...] | None = None) -> Check | None:
    """Return a function that checks values against a class, or None if every value fits.

    Args:
        cls: The class; None stands for its type.
        compile_check: Returns the check of an annotation in the class.
        arguments: What the type variables of a generic class stand for. One that JSON does not restore is not checked.
    """
    if cls is None:
        cls = types.NoneType
    if not isinstance(cls, type) or cls in {Any, object} or getattr(cls, "_is_protocol", False):
        return None
    check = _restoring(cls, compile_check, arguments or ())
    return check or (_plain_instance(cls) if arguments is None else None)


def _restoring(cls: type[Any], compile_check: Compile, arguments: tuple[Any, ...]) -> Check | None:
    """Return the check of a class whose instances are restored from what JSON has in their place, or None."""
    known = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))

    def compile_field(annotation: Any) -> Check | None:
        return compile_check(with_arguments(annotation, known))

    makers: dict[str, Callable[[Any], Check]] = {
        "form": _form,
        "enum": member_check,
        "typed_dict": lambda cls: _typed_dict(cls, _field_checks(cls, compile_field), compile_field),
        "named_tuple": lambda cls: _named_tuple(cls, _field_checks(cls, compile_field)),
        "config": lambda cls: config_check((cls,)),
        "dict_methods": _from_dict,
        "dataclass": lambda cls: _dataclass(cls, compile_field),
    }
    return makers[kind](cls) if (kind := kind_of(cls)) else None


def _plain_instance(cls: type[Any]) -> Check:
    # In Python True is an int, but it is not a number of layers. An int is a valid float.
    allowed = (int, float) if cls is float else cls
    is_number = cls in {int, float, complex} or cls.__module__ == "numbers"

    def fits(value: Any) -> bool:
        return isinstance(value, allowed) and not (is_number and isinstance(value, bool))

    def check(value: Any) -> Any:
        if type(value) is cls:
            return value
        builtin = builtin_value(value) if cls.__module__ == "builtins" else value
        if fits(builtin):
            return builtin
        if fits(value):
            return value
        raise expected(name_of(cls), value)

    return check


def _form(cls: type[Any]) -> Check:
    form = typing.cast("ValueType", value_type(cls))

    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            return form.decode(cls, value)
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            reason = f": {error}" if isinstance(value, str) else ""  # of other types, the error says enough
            raise expected(f"{name_of(cls)} or {form.form}", value, reason=reason) from None

    return check


def _named_tuple(cls: Any, checks_of_fields: FieldChecks) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(cls._fields):
            raise expected(f"{name_of(cls)} of {len(cls._fields)} values", value)
        checks = checks_of_fields()
        pairs = zip(cls._fields, value, strict=True)
        checked = check_all(((name, checks.get(name), entry) for name, entry in pairs), place=".{}".format)
        return value if isinstance(value, cls) and are_same(checked, value) else cls(*checked)

    return check


def _typed_dict(cls: Any, checks_of_fields: FieldChecks, compile_check: Compile) -> Check:
    names, extra = keys_of(cls), extra_items(cls)
    required = [name for name, is_required in names.items() if is_required]
    check_extra = compile_check(extra)
    miss = _raising(f"{name_of(cls)} needs this key, but no value was given", is_missing=True)

    def refused(key: Any) -> Check:
        from config_core.familiar_options import did_you_mean

        hint = did_you_mean((str(key),), names) or f"Remove it, or add it to {name_of(cls)}."
        return _raising(f"{name_of(cls)} has no such key. {hint}")

    def check(value: Any) -> Any:
        given = builtin_value(value)
        if not isinstance(given, dict):
            raise expected(f"dict with the keys of {name_of(cls)}", value)
        checks = checks_of_fields()
        entries = [
            (key, checks.get(key) if key in names else refused(key) if extra is typing.Never else check_extra, entry)
            for key, entry in given.items()
        ]
        missing = ((key, miss, None) for key in required if key not in given)
        checked = check_all((*entries, *missing), place="[{!r}]".format)
        return given if are_same(checked, given.values()) else dict(zip(given, checked, strict=True))

    return check


def _raising(problem: str, *, is_missing: bool = False) -> Check:
    """Return a check that no value passes."""

    def check(_: Any) -> Any:
        raise WrongValueError(problem, is_missing=is_missing)

    return check


def _dataclass(cls: Any, compile_check: Compile) -> Check:
    """Return the check of a plain dataclass, which JSON has an object for."""
    defaults = {field.name: field.default for field in dataclass_fields(cls)}
    required = [field.name for field in dataclass_fields(cls) if field.default is field.default_factory]  # both MISSING
    checks_of_fields, names = _field_checks(cls, compile_check, defaults), list(defaults)
    computed = {field.name for field in dataclass_fields(cls, with_computed=True)}.difference(names)

    def check(value: Any) -> Any:
        given = value if isinstance(value, cls) else builtin_value(value)
        is_object = isinstance(given, cls)
        if not is_object and not isinstance(given, dict):
            raise expected(f"{name_of(cls)} or dict", value)
        values = {name: getattr(given, name) for name in names if hasattr(given, name)} if is_object else {**given}
        claimed = {name: values.pop(name) for name in computed & values.keys()}
        if unknown := sorted(map(str, values.keys() - set(names))):
            from config_core.familiar_options import did_you_mean

            listed = ", ".join(map(repr, unknown))
            advice = f"A dataclass keeps no others: remove it, or add it to {name_of(cls)}."
            raise WrongValueError(f"{name_of(cls)} has no field {listed}. {did_you_mean(unknown, names) or advice}")
        if missing := [name for name in required if name not in values]:
            needed = ", ".join(map(repr, missing))
            raise WrongValueError(f"{name_of(cls)} needs {needed}, but no value was given", is_missing=True)
        checks = checks_of_fields()
        checked = check_all(((name, checks.get(name), entry) for name, entry in values.items()), place=".{}".format)
        if is_object and are_same(checked, values.values()):
            return given
        made = cls(**dict(zip(values, checked, strict=True)))
        for name, entry in claimed.items():
            if not same_value(getattr(made, name, None), entry):
                raise WrongValueError(
                    f"{name_of(cls)} computes {name!r} as {shown(getattr(made, name, None))}, got {shown(entry)}. "
                    "Leave it out"
                )
        return made

    return check


def _field_checks(
    cls: Any, compile_check: Compile, defaults: Mapping[str, Any] = types.MappingProxyType({})
) -> FieldChecks:
    """Return a function that returns the checks of a class's fields. They are made on first use: it may hold itself."""
    found: list[dict[str, Check | None]] = []

    def checks() -> dict[str, Check | None]:
        if not found:
            annotations = hints_of(cls)
            found.append(
                {
                    name: compile_check(described_by_default(annotation, defaults.get(name, name)))
                    for name, annotation in annotations.items()
                }
            )
        return found[0]

    return checks


def config_check(classes: tuple[type[Any], ...]) -> Check:
    """Return the check of a config of one of several classes, or a dict for one."""

    def check(value: Any) -> Any:
        from config_core.config._part_classes import class_of_part, is_part

        if is_part(value, classes):
            return value
        given = builtin_value(value)
        if not isinstance(given, dict):
            raise expected(" or ".join(map(name_of, classes)), value)
        chosen = class_of_part(given.get("model_type"), classes)
        try:
            return made_config(chosen, chosen.from_dict(given))
        except ConfigValidationError as error:
            raise problems_of_part(error) from error.__cause__

    return check


def _from_dict(cls: Any) -> Check:
    plain, (read, _) = _plain_instance(cls), dict_methods(cls) or ("", "")

    def check(value: Any) -> Any:
        is_dict = isinstance(value, dict) and not isinstance(value, cls)
        return getattr(cls, read)(value) if is_dict else plain(value)

    return check


def member_check(cls: type[Enum]) -> Check:
    """Return the check of a member of an enum, or its value: of the very type that it has, so that 1 is not True."""

    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        given = builtin_value(value)
        member = _member_of_value(cls, given)
        if member is None:
            raise WrongValueError(f"expected {_values_of(cls)}, got {shown(value)}")
        return member

    return check


def _member_of_value(cls: type[Enum], given: Any) -> Enum | None:
    """Return the member that has a value, or that the enum itself finds for it; None if there is none."""
    # A Flag would make a new member of False.
    if _finds_own_members(cls) or any(_has_types_of(given, member.value) for member in cls):
        with contextlib.suppress(Exception):  # a ValueError, or whatever its `_missing_` or the value raises
            found = cls(given)
            return found if _has_types_of(given, found.value) or not are_equal(given, found.value) else None
    for member in cls:
        written = _written(member.value)  # a tuple is a list in JSON
        if _has_types_of(given, written) and are_equal(given, written):
            return member
    return None


def _finds_own_members(cls: type[Enum]) -> bool:
    """Return whether the author of an enum finds members for further values, such as their names."""
    return cls._missing_.__func__ not in {Enum._missing_.__func__, Flag._missing_.__func__}  # type: ignore[attr-defined]


def _values_of(cls: type[Enum]) -> str:
    return f"one of {', '.join(repr(member.value) for member in cls)}"


def _has_types_of(given: Any, value: Any) -> bool:
    """Return whether a value is of the type of another one, at any depth. An int is a valid float, as everywhere."""
    if isinstance(value, (list, tuple)):
        is_same = isinstance(given, (list, tuple)) and len(given) == len(value)
        return is_same and all(map(_has_types_of, given, value))
    if isinstance(value, dict):
        is_same = isinstance(given, dict) and given.keys() == value.keys()
        return is_same and all(_has_types_of(given[key], value[key]) for key in value)
    if type(given) is type(value):
        return True
    allowed = (int, float) if type(value) is float else type(value)
    return isinstance(given, allowed) and not isinstance(given, (bool, Enum))


def _written(value: Any) -> Any:
    try:
        return jsonable(value)
    except ConfigError:  # the value of a member may be anything
        return value


def are_same(checked: Iterable[Any], given: Iterable[Any]) -> bool:
    """Return whether the checks of several values have returned all of them as they are."""
    return checked is given or all(new is old for new, old in zip(checked, given, strict=True))


def is_enum(annotation: Any) -> bool:
    """Return whether an annotation is an enum."""
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def has_members(annotation: Any) -> bool:
    """Return whether an annotation allows members of an enum, also as `Literal[Mode.FAST]` does."""
    is_literal = typing.get_origin(annotation) is Literal
    return is_enum(annotation) or (is_literal and any(isinstance(a, Enum) for a in typing.get_args(annotation)))


def expected(what: str, value: Any, *, reason: str = "") -> WrongValueError:
    """Return the error for a value that is not what was expected."""
    cls = type(value)
    if value is None:
        text = "None"
    elif is_foreign_config_class(cls):
        text = f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
    else:
        text = cls.__name__ if is_config(value) else f"{cls.__name__} {shown(value)}"  # a config has many lines
    return WrongValueError(f"expected {what}, got {text}{reason}")


def name_of(annotation: Any) -> str:
    """Return how an annotation is called in errors."""
    if annotation is types.NoneType:
        return "None"
    if typing.get_origin(annotation) is Literal:
        return f"one of {', '.join(map(repr, typing.get_args(annotation)))}"
    if is_enum(annotation):
        return _values_of(annotation)
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
