"""Updating a config: what its class computes from other fields is computed again, and noted in its file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config._base_fields import attribute_of, check_num_labels
from config_core.config._checked_values import (
    UnknownFields,
    fill_num_labels,
    is_reserved,
    make_sub_configs,
    note_unknown_in,
    of_caller,
    of_file,
    resolve_aliases,
)
from config_core.config._config_definition import definition_of, private_attributes, public_names
from config_core.config._config_json import NOT_KEPT, NOTE_KEY, WRITTEN_BY_ALL, plain_value
from config_core.config._construction import (
    attributes_made_of,
    check_property,
    construct,
    note_computed,
    set_properties,
    with_properties,
)
from config_core.config._derived_fields import computed_fields, make_note
from config_core.config._equal_values import same_value
from config_core.config._overrides import is_made_by_hand, merge_fields, of_dict, without_automatic_dtype
from config_core.config._problems import AUTHOR_ERRORS, call_validate, unpacked, with_problems
from config_core.config._unknown_names import (
    forbidden_in_parts,
    forbidden_names,
    name_hint,
    quoted,
    report_unknown,
)
from config_core.config._value_types import SCALARS, copied, is_any_config, is_dataclass_object
from config_core.config._written_fields import written_fields
from config_core.errors import ConfigError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["update", "with_note"]

_CONTAINERS = frozenset({dict, list, set})
_NO_HOLDERS = SCALARS | {frozenset}


def with_note(config: Any, fields: Mapping[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """Return the values for a file with a note of those that its class computes.

    Args:
        config: The config.
        fields: Its fields.
        plain: The values.
    """
    cls, passed = type(config), definition_of(type(config)).passed
    candidates = vars(config)["_computed"] | passed
    with of_file():
        found, _ = computed_fields(cls, _as_given(cls, fields), candidates)
    names = found or set()
    if not names and candidates <= definition_of(cls).defaults.keys() | passed:
        return plain  # a load takes keywords for what they say
    return plain | {NOTE_KEY: make_note(names & plain.keys(), plain, owner=cls.__name__)}


def update(config: Any, values: Mapping[str, Any]) -> None:
    """Assign several fields, and compute again what the class computes from them: all, or none if one is wrong.

    Raises:
        UnknownOptionError: The config has no such field.
        ConfigError: A value is wrong.
    """
    if "_unknown" in vars(config):  # its own `__init__` calls it
        for name, value in values.items():
            setattr(config, name, value)
        return
    computes = _may_compute(type(config), values)
    # A setter of the author's may change lists and parts in place.
    before = _contents_of(config) if computes else [(vars(config), {**vars(config)})]
    try:
        _update(config, values, computes=computes)
    except BaseException:
        for holder, contents in before:
            holder.clear()
            (holder.extend if isinstance(holder, list) else holder.update)(contents)
        raise


def _may_compute(cls: type[Any], names: Collection[str]) -> bool:
    """Return whether a class may make other fields of some, or something else of these than what they are given as."""
    if not definition_of(cls).runs_own_code:
        return False
    from config_core.config._init_parameters import fields_kept_alone

    return not fields_kept_alone(cls).issuperset(names)


def _contents_of(config: Any) -> list[tuple[Any, Any]]:
    """Return the lists, dicts, sets and attributes in a config and its parts, each with a copy of what it holds."""
    found: dict[int, tuple[Any, Any]] = {}
    pending = [config]
    while pending:
        holder = pending.pop()
        kind = type(holder)
        if kind not in _CONTAINERS and (is_any_config(holder) or is_dataclass_object(holder)):
            holder = getattr(holder, "__dict__", {})
            kind = type(holder)
        if kind is not tuple:
            if kind not in _CONTAINERS or id(holder) in found:
                continue
            found[id(holder)] = (holder, holder.copy())
        pending.extend(item for item in (holder.values() if kind is dict else holder) if type(item) not in _NO_HOLDERS)
    return [*found.values()]


def _update(config: Any, values: Mapping[str, Any], *, computes: bool) -> None:
    cls, unknown = type(config), UnknownFields()
    values = of_dict(cls, values)
    names = [name for name in values if not _is_field(config, name)]
    fields = {name: value for name, value in values.items() if name not in names} if names else values
    try:
        _assign(config, fields, unknown, computes=computes)
        call_validate(config)
    except (*AUTHOR_ERRORS, ExceptionGroup) as error:
        problems = (*forbidden_names(cls, names, "forbid"), *forbidden_in_parts(unknown, values))
        raise with_problems(unpacked(error, cls), problems, cls)  # noqa: B904 - it has its cause
    if names:
        hint = name_hint(cls, names, {*public_names(cls)} - definition_of(cls).unkept - {*names})
        for name in sorted(definition_of(cls).names.intersection(names)):
            hint = f" {_instead_of_parameter(config, name, values[name])}{hint}"
        problem = UnknownOptionError(f"{cls.__name__} has no field {quoted(names)}.{hint}", names=(*names,))
        raise with_problems(problem, forbidden_in_parts(unknown, values), cls)
    if unknown:
        report_unknown(unknown, config)


def _instead_of_parameter(config: Any, name: str, value: Any) -> str:
    """Return what to give in place of a parameter that a class does not keep."""
    from config_core.config._unkept_parameters import as_keywords, made_of_parameter

    cls = type(config)
    try:
        with of_file():
            fields = _as_given(cls, written_fields(config))
            made = made_of_parameter(cls, name, value, fields, attributes_made_of)
    except Exception:  # noqa: BLE001 - a wrong value
        made = {}
    if not made:
        return f"__init__ takes {name!r}, and keeps nothing of it that could be updated."
    return f"__init__ takes {name!r} and makes other fields of it. Give these instead: {as_keywords(made)}."


def _is_field(config: Any, name: str) -> bool:
    cls, definition = type(config), definition_of(type(config))
    if name in definition.aliases or name in definition.setters or name in WRITTEN_BY_ALL:
        return True
    is_known = name in vars(config) or name in definition.names - definition.unkept
    if not cls._checks_values:  # code for transformers may update what a base class has
        is_known = is_known or hasattr(config, name)
    return is_known and not name.startswith("_") and not is_reserved(cls, name)


def _assign(config: Any, values: Mapping[str, Any], unknown: UnknownFields, *, computes: bool) -> None:
    """Assign fields. What the parts that dicts among the values are for do not know is added to `unknown`."""
    cls, state, definition = type(config), vars(config), definition_of(type(config))
    given = without_automatic_dtype(resolve_aliases(cls, values))
    filled = fill_num_labels(cls, {**given})
    before = _computed_in(config, filled) if computes else None
    # Assigning names of classes sets their number.
    fields = filled if filled.keys() == given.keys() else {name: filled[name] for name in filled if name in given}
    with of_caller(unknown):
        new = merge_fields(cls, {name: attribute_of(config, name) for name in fields}, fields)
        new |= {name: fields[name] for name in state.get("_own_forms", ()) if name in fields}
        if before is None:
            for name, value in new.items():
                setattr(config, name, value)
            make_sub_configs(config)
        else:
            plain = _assign_and_compute(config, new, fields, before)
            note_unknown_in(config, plain, unknown, old={})
    for name in definition.cached_properties:
        state.pop(name, None)


def _assign_and_compute(
    config: Any, new: dict[str, Any], given: Mapping[str, Any], before: _Computed
) -> dict[str, Any]:
    """Assign fields, and compute again what the class computes from them.

    Args:
        config: The config.
        new: The new values.
        given: The same, as they were given.
        before: What was computed.

    Returns:
        Those of the given ones of which only `__init__` knows what it makes of them.
    """
    cls, definition = type(config), definition_of(type(config))
    setters = definition.setters.union(definition.properties)
    properties = {name: new.pop(name) for name in (*new,) if name in setters}
    for name, value in new.items():
        setattr(config, name, value)
    with_parts = definition.with_parts
    plain = {
        name: value
        for name, value in given.items()
        if not (name in with_parts or is_any_config(vars(config).get(name)))
    }
    done: dict[str, Any] = {}
    if properties:
        if new or len(properties) > 1:
            # Setters may depend on what is computed from all new values at once, and other properties on theirs. If
            # these make no config, the setters work with what is there, and what is wrong is found afterwards.
            left_out = {*definition.properties} - definition.required
            known = {name: properties[name] for name in properties if name in definition.names}
            fields = {name: value for name, value in written_fields(config).items() if name not in left_out}
            with contextlib.suppress(*AUTHOR_ERRORS):
                _compute_again(config, before, plain, fields | known)
        done = {name: attribute_of(config, name) for name in new} | set_properties(
            config, properties, only_undone=False
        )
        check_property(config, properties, new | properties, before=done)
    make_sub_configs(config)
    _compute_again(config, before, plain, written_fields(config))
    if (count := given.get("num_labels")) is not None:  # which names that the class passes on may contradict
        check_num_labels(count, config.id2label, count_field="num_labels", owner=cls.__name__)
    for name, value in properties.items():
        if not same_value(attribute_of(config, name), done[name]):
            setattr(config, name, value)
    return plain


class _Computed(NamedTuple):
    """What a config has as its class computes it from the other fields.

    Attributes:
        names: Fields.
        private: Private attributes, such as an index of names. A lock or a counter is another one in each config.
    """

    names: Collection[str]
    private: Mapping[str, Any]


def _computed_in(config: Any, given: Mapping[str, Any]) -> _Computed:
    """Return what a config has as its class computes it, without the fields that are given.

    It takes one config that is made without these fields, or none if there is nothing that may be computed.
    """
    cls, state, passed = type(config), vars(config), definition_of(type(config)).passed
    candidates = (state.get("_computed", frozenset()) | passed) - given.keys()
    has_private = bool(private_attributes(state))
    if not (candidates or has_private):
        return _Computed(frozenset(), {})  # the usual case
    with of_file():
        fields = _as_given(cls, written_fields(config, with_unset=bool(passed)))
        names, made = computed_fields(cls, fields, candidates)
        if not names and has_private:
            made = attributes_made_of(cls, _as_given(cls, written_fields(config))) or {}
    private = {name: value for name, value in private_attributes(made).items() if same_value(value, state.get(name))}
    return _Computed(names or frozenset(), private)


def _compute_again(config: Any, before: _Computed, given: Collection[str], fields: Mapping[str, Any]) -> None:
    """Set what is computed to what the class makes of the other fields. There may be more of it now, or less.

    Args:
        config: The config.
        before: What was computed.
        given: Fields with new values, such as dicts of which `__init__` makes configs.
        fields: All fields.
    """
    cls, state = type(config), vars(config)
    with of_file():
        sure = {name: value for name, value in fields.items() if name not in before.names}
        made = with_properties(construct(cls, (), copied(_as_given(cls, sure))))
    now_computed = made.get("_computed", frozenset())
    for name in before.names - made.keys():
        state.pop(name, None)
    new = now_computed - state.get("_computed", frozenset())
    # What `__post_init__` changes in parts, as in `self.text.hidden = self.hidden`.
    parts = [name for name, value in state.items() if is_any_config(value) or is_dataclass_object(value)]
    changed = [name for name in parts if name in made and not same_value(state[name], made[name])]
    properties = definition_of(cls).properties
    # Setters may depend on other fields.
    for name in sorted((*before.names, *given, *new, *changed), key=lambda name: name in properties):
        if name in made and (name not in properties or name in state or name in before.names):
            setattr(config, name, made[name])
    note_computed(config, now_computed)
    for name, value in private_attributes(made).items():
        if name not in state or (name in before.private and not same_value(value, before.private[name])):
            state[name] = value


def _as_given(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a config as its class takes them: what `__init__` makes by hand are dicts."""
    return {
        name: value if type(value) in SCALARS else _plain_if_by_hand(cls, name, value)
        for name, value in fields.items()
        if name not in NOT_KEPT
    }


def _plain_if_by_hand(cls: type[Any], name: str, value: Any) -> Any:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    has_configs = any(map(is_any_config, items)) and name not in definition_of(cls).with_parts
    if has_configs or is_made_by_hand(cls, name, value):
        with contextlib.suppress(ConfigError):  # it holds an array
            return plain_value(value)
    return value
