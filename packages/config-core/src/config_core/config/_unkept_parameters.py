"""Keywords that a class takes and keeps under no attribute of their name, as in `self.hidden_size = hidden`.

A file has what the class makes of them. So a load needs no such parameter, and the value of one that is given in a load
may have no effect: the file says what it would make.
"""

from __future__ import annotations

import typing
from collections import deque
from enum import Enum
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from config_core.config._base_fields import attribute_of, attributes_of
from config_core.config._config_definition import definition_of, private_attributes
from config_core.config._equal_values import are_equal, same_value
from config_core.config._init_parameters import unwrapped
from config_core.config._problems import values_in
from config_core.config._value_types import SCALARS, authored_classes, copied, is_config
from config_core.errors import ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    _MadeOf = Callable[..., dict[str, Any] | None]

__all__ = ["as_keywords", "check_effect", "check_kept", "keeping_privately", "made_of_parameter"]

_MAX_DEPTH = 4  # of tables in functions that `__init__` calls
_MOST_SOUGHT = 1000  # of tables and functions, and of the entries of one
_MAX_PROBES = 50
_LONGEST = 300  # text of a value in an error that says what to give
_SAMPLES: tuple[Any, ...] = (1, 1.5, "a", True, [1], {})


def check_effect(
    config: Any, given: Mapping[str, Any], fields: Mapping[str, Any], made_of: _MadeOf, *, only_copies: bool = False
) -> None:
    """Check that what a caller gives for such parameters is not undone by other fields, such as those of a file.

    Args:
        config: The config that was made.
        given: What the caller gives.
        fields: All fields that it was made of.
        made_of: Returns the attributes of a config of fields.
        only_copies: Leave out what is computed of a parameter, and check only what has its very value.

    Raises:
        ConfigError: It is undone.
    """
    cls, definition, state = type(config), definition_of(type(config)), attributes_of(config)
    for name in definition.unkept & given.keys():
        made = made_of_parameter(cls, name, given[name], fields, made_of)
        others = fields.keys() - given.keys()
        undone = [
            other
            for other, value in made.items()
            if other in others
            and not same_value(state.get(other), value)
            and (not only_copies or same_value(value, _checked(cls, name, given[name])))
        ]
        if undone:
            present = " and ".join(f"{other!r}, which is {fields[other]!r:.80}" for other in undone)
            # What is computed of them too.
            instead = {other: new for other, new in made.items() if not same_value(state.get(other), new)}
            raise ConfigError(
                f"{cls.__name__}: {name}={given[name]!r:.80} would have no effect, because what the class makes of it "
                f"has a value already: {present}. Give {' and '.join(map(repr, undone))} instead: "
                f"{as_keywords(instead)}."
            )


def made_of_parameter(
    cls: type[Any], name: str, value: Any, fields: Mapping[str, Any], made_of: _MadeOf
) -> dict[str, Any]:
    """Return what a class makes of a parameter that it keeps under no attribute of its name.

    Args:
        cls: The class.
        name: The parameter.
        value: Its value.
        fields: All fields, on some of which it may depend what is made.
        made_of: Returns the attributes of a config of fields.
    """
    definition, value = definition_of(cls), _checked(cls, name, value)
    needed = {other: fields[other] for other in definition.required if other in fields}
    after = made_of(cls, {**needed, name: value}) or {}
    if name in after:  # kept by what it is passed to
        return {}
    makers = [vars(base).get(method) for base in authored_classes(cls) for method in ("__init__", "__post_init__")]
    known = [*fields.values(), *_constants_in([*makers, definition.annotations.get(name)], cls)]
    inputs = [needed, *({**needed, name: other} for other in _unlike(value, known))]
    probes = [made for made in (made_of(cls, values) for values in inputs) if made]
    public = {other for other in after if other[:1] != "_"}
    made = sorted({other for before in probes for other in _changed(before, after, after.keys() & public)})
    whole = made_of(cls, {**fields, name: value}, without=made) or {}
    return {other: whole.get(other, after[other]) for other in made}


def _checked(cls: type[Any], name: str, value: Any) -> Any:
    checks = definition_of(cls).checks
    return checks[name].check(value) if name in checks else value  # an enum by its member


def as_keywords(values: Mapping[str, Any]) -> str:
    """Return values as a call has them; names of classes say how many there are, and very long values are left out."""
    implied = {"label2id", "num_labels"} if values.get("id2label") is not None else {"id2label", "label2id"}
    texts = {name: repr(value) for name, value in values.items() if name not in implied}
    return ", ".join(f"{name}={text if len(text) <= _LONGEST else '…'}" for name, text in texts.items())


def _unlike(value: Any, known: Iterable[Any]) -> list[Any]:
    """Return other values for a parameter, since the given one may be its default and so change nothing.

    Args:
        value: The given one.
        known: Values among which there may be some that the parameter may have.
    """
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, Enum):
        return [member for member in type(value) if member is not value]
    if value is None:
        return list(_SAMPLES)
    if type(value) in {list, tuple}:
        return [type(value)(row) for row in zip(*(_unlike(item, known) for item in value), strict=False)]
    found = {f"{other!r:.80}": other for other in known if type(other) is type(value) and not are_equal(other, value)}
    return [*found.values()][:_MAX_PROBES] + ([2 * value + 1] if isinstance(value, (int, float)) else [])


def _constants_in(values: Iterable[Any], cls: type[Any]) -> Iterator[Any]:
    """Yield the constants in code and annotations, and in what the code names: keys of a table, or another function."""
    queue, seen = deque((value, 0) for value in values), set[int]()
    while queue and len(seen) < _MOST_SOUGHT:
        value, depth = queue.popleft()
        if type(value) in SCALARS:
            yield value
        elif depth < _MAX_DEPTH and id(value) not in seen:
            seen.add(id(value))
            queue.extend((each, depth + 1) for each in islice(_entries_of(value, cls), _MOST_SOUGHT))


def _entries_of(value: Any, cls: type[Any]) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain(value, value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if hasattr(value, "__code__"):
        function = unwrapped(value)
        names = (function.__globals__.get(name, getattr(cls, name, None)) for name in function.__code__.co_names)
        return chain(function.__code__.co_consts, names)
    return typing.get_args(value)  # of a Literal


def keeping_privately(config: Any) -> dict[str, Any]:
    """Return the config and its parts, by their paths, of which only private attributes may hold what was given."""
    return {path: part for path, part in _parts_of(config).items() if _may_keep_privately(type(part), part)}


def _may_keep_privately(cls: type[Any], part: Any) -> bool:
    return cls._checks_values and ("_unkept" in vars(part) or bool(definition_of(cls).setters))


def _parts_of(config: Any) -> dict[str, Any]:
    """Return a config and its parts by their paths, without those in private attributes."""
    parts = {path: value for path, value in values_in(config) if is_config(value)}
    return {"": config} | {path: part for path, part in parts.items() if "._" not in f".{path}"}


def check_kept(config: Any, loaded: Any, load: Callable[[], Any]) -> None:
    """Check that nothing is lost because only a private attribute holds it, as in `self._hidden = hidden`.

    Args:
        config: The config.
        loaded: What a load of its file makes.
        load: Makes what another load makes.

    Raises:
        ConfigValidationError: A parameter or a property would be lost, of the config or of a part of it.
    """
    made = _parts_of(loaded)
    for path, part in keeping_privately(config).items():
        given, there = _given_privately(part), _values(made[path]) if path in made else {}
        lost = _changed(there, given, given.keys() & there.keys())
        if lost:  # what differs from load to load is no value that was given
            twin = _parts_of(load())
            lost = [name for name in lost if path in twin and same_value(there[name], _values(twin[path]).get(name))]
        if lost:
            cls, field = type(part), f"{path}.{lost[0]}".removeprefix(".")
            raise ConfigValidationError(
                f"private attributes are not written, so that {given[lost[0]]!r:.80} would be lost: a load would make "
                f"this {there[lost[0]]!r:.80}. {_remedy(cls, lost[0])}",
                config_class=type(config).__name__,
                field=field,
            )


def _remedy(cls: type[Any], name: str) -> str:
    definition = definition_of(cls)
    if name in definition.setters:
        return f"Make {name!r} a parameter of __init__, or a field in the body of the class."
    taken = ", ".join(map(repr, sorted(definition.unkept)))
    return f"Keep what {cls.__qualname__}.__init__ takes ({taken}) under its own name too."


def _given_privately(part: Any) -> dict[str, Any]:
    """Return the properties of a config that can be assigned, and the private attributes that were given.

    These are what its class makes of the parameters that it does not keep: what is there now may be a cache.
    """
    cls, definition, given = type(part), definition_of(type(part)), vars(part).get("_unkept", {})
    properties = {name: attribute_of(part, name) for name in definition.setters}
    if not given:
        return properties
    kept = {
        definition.renamed.get(name, name): value
        for name, value in part.to_dict().items()
        if name in definition.own or name in definition.renamed
    }
    try:
        made = vars(cls.from_dict(copied({**kept, **given})))
    except Exception:  # noqa: BLE001 - the author's code, which may refuse them together with what was assigned
        made = vars(part)
    return private_attributes(made) | properties


def _values(config: Any) -> dict[str, Any]:
    """Return the attributes of a config, properties that can be assigned included."""
    properties = {name: attribute_of(config, name) for name in definition_of(type(config)).setters}
    return {**vars(config), **properties}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return which attributes have another value, sorted."""
    return sorted(name for name in names if name not in before or not same_value(before[name], after[name]))
