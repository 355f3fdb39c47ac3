"""Checking config values against the annotations of their fields.

An annotation is compiled once into a function that returns the value, or raises `WrongValueError` with the path to what
is wrong. It also restores what JSON cannot express: a list for a `tuple` field becomes a tuple, the keys of a
`dict[int, …]` become numbers, a name becomes the member of an `Enum`. If an annotation allows both an enum and plain
values, a value means the same at construction as after a save and a load. If it allows several kinds of container, the
first that fits is used.
"""

from __future__ import annotations

import sys
import types
import typing
from collections import abc
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union

from config_core.config._config_json import jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Check = Callable[[Any], Any]

__all__ = ["WrongValueError", "class_named", "compile_check", "config_classes"]


_SEQUENCES = (tuple, list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


class WrongValueError(Exception):
    """A value does not fit its annotation. The caller turns this into the public error.

    Attributes:
        path: Path below the field, such as `[2]`.
        problem: What was expected and what was given.
    """

    def __init__(self, problem: str, *, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path


def compile_check(annotation: Any) -> Check | None:
    """Return a function that checks values against an annotation, or None if every value fits.

    Annotations that plain values cannot be checked against (type variables, callables, protocols) are not checked.
    """
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in {typing.Annotated, typing.Required, typing.NotRequired, typing.Final}:
        return compile_check(arguments[0])
    if origin is Literal:
        return _one_of(arguments)
    if origin in {Union, types.UnionType}:
        return _any_of(arguments)
    return _container(origin or annotation, arguments) or (None if origin else _instance(annotation))


def config_classes(annotation: Any) -> tuple[type[Any], ...]:
    """Return the config classes in the annotation of a field."""
    if typing.get_origin(annotation) in {Union, types.UnionType}:
        return tuple(cls for choice in typing.get_args(annotation) for cls in config_classes(choice))
    return (annotation,) if isinstance(annotation, type) and hasattr(annotation, "sub_configs") else ()


def class_named(model_type: Any, classes: tuple[type[Any], ...]) -> type[Any] | None:
    """Return the config class with a model_type; else the first of the classes, or None if there are none."""
    return next((cls for cls in classes if cls.model_type == model_type), classes[0] if classes else None)


def _container(container: Any, arguments: tuple[Any, ...]) -> Check | None:
    if container in _SEQUENCES:
        return _sequence(container, arguments)
    return _mapping(arguments) if container in _MAPPINGS else None


def _none(value: Any) -> Any:
    if value is not None:
        raise _expected("None", value)
    return value


def _one_of(allowed: tuple[Any, ...]) -> Check:
    def check(value: Any) -> Any:
        if not any(value == choice and type(value) is type(choice) for choice in allowed):
            raise WrongValueError(f"expected one of {', '.join(map(repr, allowed))}, got {value!r}")
        return value

    return check


def _any_of(alternatives: tuple[Any, ...]) -> Check | None:
    configs = tuple(cls for alternative in alternatives for cls in config_classes(alternative))
    # A member is a plain value in JSON, so members go first: `"fast"` is the member even if text is allowed too.
    members = [_member(alternative) for alternative in alternatives if _is_enum(alternative)]
    others = (choice for choice in alternatives if not config_classes(choice) and not _is_enum(choice))
    compiled = [*members, *map(compile_check, others)]
    as_config = _config(configs)
    if configs:
        compiled.append(as_config)
    checks = [check for check in compiled if check is not None]
    if len(checks) < len(compiled):
        return None

    def check(value: Any) -> Any:
        if isinstance(value, dict) and any(cls.model_type == value.get("model_type") for cls in configs):
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
        # Report the problem of the alternative that got furthest into the value.
        deepest = max((_problem(alternative, value) for alternative in checks), key=lambda problem: len(problem.path))
        raise deepest if deepest.path else _expected(" or ".join(map(_name, alternatives)), value)

    return check


def _problem(check: Check, value: Any) -> WrongValueError:
    """Return the error of a check that fails."""
    try:
        check(value)
    except WrongValueError as problem:
        return problem
    raise AssertionError(value)


def _sequence(container: Any, arguments: tuple[Any, ...]) -> Check:
    if container is tuple and arguments and arguments[-1] is not Ellipsis:
        return _fixed_tuple(arguments)
    item = compile_check(arguments[0]) if arguments else None

    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _expected(_name(container), value)
        checked = [_check_inside(f"[{index}]", item, entry) for index, entry in enumerate(value)] if item else value
        if container is tuple:
            return tuple(checked)
        return value if _are_same(checked, value) else checked

    return check


def _fixed_tuple(arguments: tuple[Any, ...]) -> Check:
    items = [compile_check(argument) for argument in arguments]

    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _expected("tuple", value)
        if len(value) != len(items):
            raise WrongValueError(f"expected {len(items)} values, got {len(value)}")
        pairs = zip(items, value, strict=True)
        return tuple(_check_inside(f"[{index}]", item, entry) for index, (item, entry) in enumerate(pairs))

    return check


def _mapping(arguments: tuple[Any, ...]) -> Check:
    key_type, value_type = arguments or (Any, Any)
    check_key, check_item = _key(compile_check(key_type)), compile_check(value_type)

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _expected("dict", value)
        checked = {}
        for key, entry in value.items():
            path = f"[{key!r}]"
            checked[_check_inside(path, check_key, key)] = _check_inside(path, check_item, entry)
        if len(checked) != len(value):
            raise WrongValueError(f"two of the keys {list(value)!r:.80} are the same in JSON")
        unchanged = _are_same(checked, value) and _are_same(checked.values(), value.values())
        return value if unchanged else checked

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
    if _is_enum(cls):
        return _member(cls)
    if typing.is_typeddict(cls):
        return _typed_dict(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _named_tuple(cls)
    if cls.__module__ == "torch" and cls.__name__ == "dtype":
        return _dtype(cls)
    if config_classes(cls):
        return _config((cls,))
    return _from_dict(cls) if callable(getattr(cls, "from_dict", None)) and hasattr(cls, "to_dict") else None


def _plain_instance(cls: type[Any]) -> Check:
    def check(value: Any) -> Any:
        # In Python True is an int, but it is not a number of layers. An int is a valid float.
        allowed = (int, float) if cls is float else cls
        if not isinstance(value, allowed) or (isinstance(value, bool) and cls in {int, float}):
            raise _expected(_name(cls), value)
        return value

    return check


def _named_tuple(cls: Any) -> Check:
    checks = _field_checks(cls)

    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(cls._fields):
            raise _expected(f"{_name(cls)} of {len(cls._fields)} values", value)
        pairs = zip(cls._fields, value, strict=True)
        checked = [_check_inside(f".{name}", checks.get(name), entry) for name, entry in pairs]
        return value if isinstance(value, cls) and _are_same(checked, value) else cls(*checked)

    return check


def _typed_dict(cls: Any) -> Check:
    checks = _field_checks(cls)

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _expected("dict", value)
        checked = {key: _check_inside(f"[{key!r}]", checks.get(key), entry) for key, entry in value.items()}
        return value if _are_same(checked.values(), value.values()) else checked

    return check


def _field_checks(cls: Any) -> dict[str, Check | None]:
    try:
        annotations = typing.get_type_hints(cls)
    except Exception:  # noqa: BLE001 - names that only type checkers know, and anything else
        return {}
    return {name: compile_check(annotation) for name, annotation in annotations.items()}


def _config(classes: tuple[type[Any], ...]) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, classes):
            return value
        if not isinstance(value, dict):
            raise _expected(" or ".join(map(_name, classes)), value)
        chosen: Any = class_named(value.get("model_type"), classes)
        return chosen.from_dict(value)

    return check


def _from_dict(cls: Any) -> Check:
    def check(value: Any) -> Any:
        return cls.from_dict(value) if isinstance(value, dict) and not isinstance(value, cls) else plain(value)

    plain = _plain_instance(cls)
    return check


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
            if jsonable(member.value) == value:  # a tuple, which is a list in JSON
                return member
        raise WrongValueError(f"expected one of {', '.join(repr(member.value) for member in cls)}, got {value!r}")

    return check


def _check_inside(path: str, check: Check | None, value: Any) -> Any:
    """Check a value inside a container, and add its place to the path of an error."""
    if check is None:
        return value
    try:
        return check(value)
    except WrongValueError as problem:
        problem.path = path + problem.path
        raise


def _are_same(checked: Iterable[Any], given: Iterable[Any]) -> bool:
    return all(new is old for new, old in zip(checked, given, strict=True))


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
    return WrongValueError(f"expected {what}, got {type(value).__name__} {value!r:.80}")


def _name(annotation: Any) -> str:
    if annotation is types.NoneType:
        return "None"
    if typing.get_origin(annotation) is Literal:
        return f"one of {', '.join(map(repr, typing.get_args(annotation)))}"
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
