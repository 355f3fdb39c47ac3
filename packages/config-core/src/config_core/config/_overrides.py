"""Making a config of the values of a file, with those that a caller gives in place of some."""

from __future__ import annotations

import contextlib
import copy
import functools
from typing import TYPE_CHECKING, Any, Literal

from config_core.config._base_fields import LABEL_FIELDS, attributes_of, without_replaced_labels
from config_core.config._checked_values import (
    UnknownFields,
    has_own,
    is_settable,
    note_unknown_in,
    num_labels_field,
    of_caller,
    of_file,
    resolve_aliases,
    speaker,
)
from config_core.config._config_definition import definition_of, public_names
from config_core.config._config_json import NOT_KEPT, NOTE_KEY, WRITTEN_BY_ALL, jsonable
from config_core.config._construction import (
    attributes_made_of,
    check_complete,
    check_property,
    construct,
    note_computed,
    unknown_to_init,
    upgraded,
    warn_of_other_model_type,
    with_wrong_values,
)
from config_core.config._problems import (
    AUTHOR_ERRORS,
    WrongValueError,
    check_all,
    check_fields,
    made_config,
    problems_of_part,
    with_problems,
)
from config_core.config._value_types import (
    SCALARS,
    builtin_value,
    copied,
    dataclass_fields,
    is_any_config,
    is_config,
    is_dataclass_object,
    is_foreign_config_class,
)
from config_core.errors import ConfigError, ConfigValidationError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from config_core.config._derived_fields import Note

__all__ = [
    "is_made_by_hand",
    "make_config",
    "make_with_note",
    "merge_fields",
    "of_dict",
    "replaced",
    "without_automatic_dtype",
]


def make_config(
    cls: type[Any],
    values: dict[str, Any],
    overrides: Mapping[str, Any],
    *,
    keep_unused: bool,
    extra: Literal["keep", "warn", "forbid"] = "keep",
) -> tuple[Any, dict[str, Any]]:
    """Make a config of the values of a file and of a caller's overrides.

    Args:
        cls: The config class.
        values: Values of a file, which may be changed.
        overrides: Values that replace those of the file.
        keep_unused: Return overrides that are not fields instead of refusing them.
        extra: What to do with values that the classes do not know. In dicts among the overrides, it is what the class
            of each says, unless this says otherwise.

    Returns:
        The config, and the overrides that are not fields.

    Raises:
        ConfigError: A value is wrong or missing, or a key is not allowed in a file.
        UnknownOptionError: An override is neither a field nor in `values`, or a name is forbidden.
    """
    unknown, of_values = UnknownFields(), speaker.unknown  # of a part of what a caller gives, or of a file
    if extra != "keep":
        unknown.rule, of_values = extra, unknown
    try:
        config, unused = _make(cls, values, overrides, keep_unused=keep_unused, of_values=of_values, unknown=unknown)
    except AUTHOR_ERRORS as error:
        if not unknown:
            raise
        from config_core.config._unknown_names import forbidden_in_parts

        raise with_problems(error, forbidden_in_parts(unknown, overrides, unknown.rule), cls)  # noqa: B904 - it has its cause
    if unknown:
        from config_core.config._unknown_names import report_unknown

        report_unknown(unknown, config, unknown.rule)
    return config, unused


def replaced(original: Any, changes: Mapping[str, Any]) -> Any:
    """Return a config with other values of some fields.

    Args:
        original: The config, which stays as it is.
        changes: The new values. Those that are the original's own change nothing.

    Raises:
        ConfigError: A value is wrong.
        UnknownOptionError: There is no such field.
    """
    given = {
        name: value
        for name, value in changes.items()
        if not hasattr(original, name) or getattr(original, name) is not value
    }
    cls = type(original)
    if definition_of(cls).unkept.isdisjoint(given):
        config = copy.deepcopy(original)  # not made of its file, which JSON may have no form for
        config.update(given)
        return config
    config, _ = make_config(cls, original.to_dict(), given, keep_unused=False)
    _keep_forms(config, original, given)
    config.name_or_path = original.name_or_path
    if "_commit_hash" in vars(original):
        vars(config)["_commit_hash"] = vars(original)["_commit_hash"]
    return config


def _make(
    cls: type[Any],
    values: dict[str, Any],
    overrides: Mapping[str, Any],
    *,
    keep_unused: bool,
    of_values: UnknownFields | None,
    unknown: UnknownFields,
) -> tuple[Any, dict[str, Any]]:
    """Make a config of the values of a file and of a caller's overrides, whose unknown fields it adds to `unknown`.

    The unknown fields of the values are added to `of_values`.
    """
    definition = definition_of(cls)
    is_of_any_type = not (cls.model_type or definition.own)  # its files are of other classes, notes included
    note = _take_note(values) if NOTE_KEY in values and not is_of_any_type else None
    values = upgraded(cls, values)
    fields = resolve_aliases(cls, {name: value for name, value in values.items() if name not in NOT_KEPT})
    if "self" in fields:
        raise ConfigError("'self' cannot be the name of a field.")
    given, settable, unused = _sorted(cls, overrides, fields) if overrides else ({}, {}, {})
    if unused and not keep_unused:
        raise _no_fields(cls, unused, fields, given)
    model_type = values.get("model_type", cls.model_type)
    warn_of_other_model_type(cls, model_type)
    before = fields = _without_stale(cls, fields, note)
    if given:
        fields = _override(cls, fields, given, note, unknown)
    check_complete(cls, fields)
    unsure = {name: value for name, value in before.items() if name not in given} if given else before
    try:
        with of_file(unsure, of_values):
            config = construct(cls, (), fields, meant=given if note is None else fields)
    except AUTHOR_ERRORS:
        if not settable or (config := _updated_file(cls, before, note, given | settable)) is None:
            raise
        settable = {}
    _keep_note(config, note, fields, given)
    note_unknown_in(config, {name: given[name] for name in given if name not in definition.parts}, unknown, old=values)
    if not cls.model_type and model_type:
        config.model_type = model_type  # a class for configs of any type keeps what the file says
    if settable:
        attributes = attributes_of(config)
        config.update(settable)
        check_property(config, settable, given, before=attributes)
    return config, unused


def _sorted(
    cls: type[Any], overrides: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return overrides under the names of fields: those that `__init__` takes, those to assign, and those of no field.

    Args:
        cls: The config class.
        overrides: The overrides.
        fields: The fields of the file.
    """
    definition = definition_of(cls)
    given = without_automatic_dtype(resolve_aliases(cls, of_dict(cls, overrides)))
    known = definition.names | fields.keys() | WRITTEN_BY_ALL
    unused = {name: given[name] for name in given if not (name in known or is_settable(cls, name))}
    if unused:  # unless `__init__` sets them in a way that cannot be read from it
        unused = {name: unused[name] for name in unknown_to_init(cls, {**fields, **unused}, unused)}
        given = {name: value for name, value in given.items() if name not in unused}
    # `__init__` takes what the file says of these; a setter may change what else it says.
    others = definition.names.difference(definition.properties)
    settable = {name: given.pop(name) for name in given.keys() - others if is_settable(cls, name)}
    return given, settable, unused


def _no_fields(
    cls: type[Any], unused: Collection[str], fields: Mapping[str, Any], given: Mapping[str, Any]
) -> Exception:
    """Return the error for overrides that are no fields."""
    from config_core.config._unknown_names import name_hint, quoted

    problem = UnknownOptionError(
        f"{quoted(unused)} is neither a field of {cls.__name__} nor an option of this call."
        f"{name_hint(cls, unused, {*public_names(cls), *fields})}",
        names=tuple(unused),
    )
    return with_wrong_values(problem, cls, {**fields, **given})


def _updated_file(cls: type[Any], fields: Mapping[str, Any], note: Note | None, given: Mapping[str, Any]) -> Any:
    """Return the config of a file after an update, or None if the file needs what is given to be a config.

    What a file says of properties may fit only its own values of what they depend on.
    """
    if not definition_of(cls).unkept.isdisjoint(given):
        return None
    try:
        with of_file():
            config = construct(cls, (), fields, meant=() if note is None else fields)
    except AUTHOR_ERRORS:
        return None
    if note is not None:
        note_computed(config, note.names)
    config.update(given)
    return config


def without_automatic_dtype(values: dict[str, Any]) -> dict[str, Any]:
    """Return new values without a dtype of `"auto"`: in transformers, that of the file. They may be changed."""
    if isinstance(dtype := values.get("dtype"), str) and dtype == "auto":
        del values["dtype"]
    return values


def _keep_note(config: Any, note: Note | None, fields: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Keep in a config what its file notes. No parameter that the class keeps under no name may have been undone.

    Args:
        config: The config.
        note: The note.
        fields: All fields that it was made of.
        given: Those of them that a caller gives.

    Raises:
        ConfigError: The fields of a file undo a parameter that is given, or that no save writes.
    """
    definition, meant = definition_of(type(config)), given
    if note is not None:
        note_computed(config, note.names)
        meant = {name: fields[name] for name in definition.unkept - vars(config).keys() if name in fields} | {**given}
    if not definition.unkept.isdisjoint(meant):
        from config_core.config._unkept_parameters import check_effect

        with of_file():
            check_effect(config, meant, fields, attributes_made_of)


def _take_note(values: dict[str, Any]) -> Note | None:
    """Remove what a file notes of its computed fields, and return it."""
    from config_core.config._derived_fields import read_note

    return read_note(values.pop(NOTE_KEY), values)


def make_with_note(cls: type[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a config of what `to_dict` returned, as in `MyConfig(**{**config.to_dict(), "heads": 8})`."""
    note = _take_note(kwargs)
    kwargs = _without_stale(cls, kwargs, note)
    config = cls(*args, **kwargs)
    _keep_note(config, note, resolve_aliases(cls, kwargs), {})
    return config


def of_dict(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields among values that may be those of a `to_dict`, as in `config.update(other.to_dict())`.

    Raises:
        ConfigError: Values of a `to_dict` were changed, and make no config.
    """
    if NOTE_KEY not in values and NOT_KEPT.isdisjoint(values):
        return dict(values)  # the usual case
    dropped = NOT_KEPT if values.get("model_type", cls.model_type) == cls.model_type else NOT_KEPT - {"model_type"}
    kept = {name: value for name, value in values.items() if name not in dropped or name == "_name_or_path"}
    if NOTE_KEY not in kept:
        return kept
    known = _without_stale(cls, kept, _take_note(kept))
    if len(known) == len(kept):
        return kept
    with of_file():
        made = make_config(cls, copied(known), {}, keep_unused=False)[0].to_dict()
    return known | {name: made[name] for name in kept if name in made and name not in known}


def _without_stale(cls: type[Any], values: dict[str, Any], note: Note | None) -> dict[str, Any]:
    """Return the values of a file, without those that are to be computed again because others were edited."""
    if note is None:
        return values
    fields = resolve_aliases(cls, {name: value for name, value in values.items() if name not in NOT_KEPT})
    note.follow(fields)
    if not note.is_edited:
        return values
    from config_core.config._derived_fields import computed_again

    with of_file():
        stale = computed_again(cls, fields, note)
    aliases = definition_of(cls).aliases
    return {name: value for name, value in values.items() if aliases.get(name, name) not in stale}


def _computed_in(
    cls: type[Any], fields: Mapping[str, Any], given: Collection[str], note: Note | None
) -> Collection[str]:
    """Return the fields of a file that are computed from others, and so are computed again for other values."""
    from config_core.config._derived_fields import computed_fields, computed_without_note

    definition = definition_of(cls)
    if note is None and not definition.runs_own_code:
        return frozenset()
    with of_file():
        if note is None:
            return computed_without_note(cls, fields, given)
        names = note.names.difference(given)
        found, _ = computed_fields(cls, fields, names | definition.passed.difference(given))
        # If the values of the file alone make no config, the given ones repair it.
        return names & fields.keys() if found is None else found


def _override(
    cls: type[Any], fields: dict[str, Any], given: dict[str, Any], note: Note | None, unknown: UnknownFields
) -> dict[str, Any]:
    """Return the fields of a file with a caller's in their place, and without those that are to be computed again.

    Raises:
        ConfigError: A value of the caller's is wrong. The error has the wrong values of the file too.
    """
    computed = _computed_in(cls, fields, given, note)
    try:
        with of_caller(unknown):
            return _merged_fields(cls, {name: fields[name] for name in fields if name not in computed}, given)
    except ConfigValidationError as error:
        kept = {name: value for name, value in fields.items() if name not in given}
        raise with_wrong_values(error, cls, kept) from error.__cause__


def _merged_fields(cls: type[Any], fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a file with a caller's in their place. Names of classes go when their number changes."""
    count = num_labels_field(cls)
    # Programs pass None for labels that they do not know.
    given = {name: value for name, value in given.items() if value is not None or name not in LABEL_FIELDS | {count}}
    values = without_replaced_labels(fields, given, count_field=count)
    by_hand = _made_by_hand(cls, fields, given)
    merged = merge_fields(cls, values | by_hand, given, by_hand=by_hand)
    # `__init__` makes these of dicts.
    return (
        values
        | merged
        | {name: jsonable(merged[name]) for name in by_hand if type(merged[name]) is type(by_hand[name])}
    )


def _made_by_hand(cls: type[Any], fields: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts and dataclasses that a caller changes and of which only `__init__` knows what they are."""
    parts = definition_of(cls).parts
    names = [name for name in given if name not in parts and type(given[name]) not in {*SCALARS, list, tuple}]
    made = (attributes_made_of(cls, fields) or {}) if names else {}
    by_hand = {name: made[name] for name in names if name in made and is_made_by_hand(cls, name, made[name])}
    for name, value in by_hand.items():
        if isinstance(values := fields.get(name), dict) and NOTE_KEY not in values and is_any_config(value):
            vars(value).pop("_computed", None)  # nobody is known to mean what contradicts the others
    return by_hand


def is_made_by_hand(cls: type[Any], name: str, value: Any) -> bool:
    """Return whether a field holds a config or a dataclass of which its annotation does not tell."""
    definition = definition_of(cls)
    if is_any_config(value):
        return name not in definition.parts
    return name not in definition.checks and is_dataclass_object(value)


def merge_fields(
    cls: type[Any], old: Mapping[str, Any], given: dict[str, Any], *, by_hand: Collection[str] = ()
) -> dict[str, Any]:
    """Return the new values of fields, checked. Where an old value is a config or stands for one, a dict changes it.

    Args:
        cls: The config class.
        old: The old values.
        given: The new values.
        by_hand: Fields whose configs `__init__` makes again. What they do not know is found in those.

    Raises:
        ConfigError: A value is wrong.
        UnknownOptionError: A dict has a name that the class of its config forbids.
    """
    checks = definition_of(cls).checks

    def merging(name: str) -> Callable[[Any], Any]:
        def merge(value: Any) -> Any:
            with of_file() if name in by_hand else contextlib.nullcontext():
                merged = _merged(cls, name, old.get(name), value)
            return checks[name].check(merged) if name in checks else merged

        return merge

    # The others are as they are.
    names = [name for name in given if type(given[name]) not in (checks[name].scalars if name in checks else SCALARS)]
    merged = check_fields(cls, ((name, merging(name), given[name]) for name in names))
    return {**given, **dict(zip(names, merged, strict=True))}


def _merged(cls: type[Any], name: str, old: Any, new: Any) -> Any:
    """Return the new value of a field."""
    if not isinstance(values := builtin_value(new), dict):
        return new
    definition = definition_of(cls)
    if isinstance(old, dict):
        from config_core.config._part_classes import class_named

        part = class_named(old.get("model_type"), definition.parts.get(name, ()), cls)
        if part is not None and ("model_type" in old or _stands_for_config(cls, name, old)):
            return _changed_config(part, old, values)
        if name in definition.checks:
            with of_file(), contextlib.suppress(WrongValueError, *AUTHOR_ERRORS):
                old = definition.checks[name].check(old)  # which is a dataclass, if the field is for one
    elif is_dataclass_object(old) and name not in definition.checks and not definition.runs_own_code:
        return new  # the field is for anything, and nothing makes dataclasses of dicts
    return _changed_object(old, new)


def _changed_object(old: Any, new: Any) -> Any:
    """Return the new value in place of an old one. For a config or a dataclass, a dict has fields to change."""
    if not isinstance(values := builtin_value(new), dict):
        return new
    if is_any_config(old):
        return _changed_part(old, values)
    fields = {field.name: field.init for field in dataclass_fields(type(old), with_computed=True)}
    if not fields or not values.keys() <= fields.keys():
        return new
    from config_core.config._equal_values import same_value
    from config_core.config._field_types import compile_check

    kept = {name: getattr(old, name) for name in fields if fields[name] and hasattr(old, name)}
    # What the class computes is computed again where it is only passed on, as in `asdict(old) | {"width": 2}`.
    values = {
        name: value for name, value in values.items() if fields[name] or not same_value(getattr(old, name, None), value)
    }
    entries = ((name, functools.partial(_changed_object, kept.get(name)), value) for name, value in values.items())
    changed = {**kept, **dict(zip(values, check_all(entries, place=".{}".format), strict=True))}
    check = compile_check(type(old))
    return check(changed) if check is not None else changed


def _changed_part(old: Any, new: dict[str, Any]) -> Any:
    """Return the new value in place of a config object, of which a file would not have everything."""
    cls, given = type(old), new
    if is_config(old) and new.get("model_type", cls.model_type) == cls.model_type:
        given = resolve_aliases(cls, new)
        entries = ((name, functools.partial(_merged, cls, name, vars(old).get(name)), given[name]) for name in given)
        given = dict(zip(given, check_all(entries, place=".{}".format), strict=True))
    changed = _changed_config(cls, old.to_dict(), given)
    _keep_forms(changed, old, given)
    return changed


def _changed_config(part: type[Any], old: dict[str, Any], new: dict[str, Any]) -> Any:
    """Return the new value in place of a config, whose class it keeps unless it says otherwise."""
    kind = old.get("model_type", part.model_type)
    if new.get("model_type", kind) != kind:
        return new  # fields of one class say nothing about another
    try:
        return _changed(part, old, new)
    except ConfigValidationError as error:
        raise problems_of_part(error) from error.__cause__


def _keep_forms(new: Any, old: Any, given: Mapping[str, Any]) -> None:
    """Give a config that was made of an old one's file the values that JSON has no form for, such as tuples.

    Args:
        new: The config, or a dataclass in it; anything else is left alone.
        old: The old one.
        given: What the caller gave in place of the old values.
    """
    if type(new) is not type(old) or not (is_config(old) or is_dataclass_object(old)):
        return
    from config_core.config._equal_values import same_value

    if is_config(old):
        given = resolve_aliases(type(old), given)
    names = vars(old) if is_config(old) else [field.name for field in dataclass_fields(type(old))]
    for name in names:
        if name[:1] == "_" or not hasattr(new, name) or type(before := getattr(old, name)) in SCALARS:
            continue
        value = getattr(new, name)
        if name not in given and same_value(value, before):
            object.__setattr__(new, name, copied(before))  # also in a frozen dataclass
        elif isinstance(changes := given.get(name, {}), dict):
            _keep_forms(value, before, changes)


def _stands_for_config(cls: type[Any], name: str, value: dict[str, Any]) -> bool:
    """Return whether a dict becomes a config, which in a field of `Part | dict[str, int]` it need not."""
    check = definition_of(cls).checks.get(name)
    try:
        with of_file():
            return check is None or is_any_config(check.check(value))
    except Exception:  # noqa: BLE001 - what is given may repair it
        return True


def _with_changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a config of another library with a caller's in their place, those of its parts included."""
    changed = {**old, **new}
    for name, value in new.items():
        part = old.get(name)
        if isinstance(value, dict) and isinstance(part, dict) and "model_type" in part:
            changed[name] = _with_changes(part, value)
    return changed


def _changed(part: type[Any], old: dict[str, Any], new: dict[str, Any]) -> Any:
    """Return a config of the values of a file, with those that a caller gives for some of them."""
    if is_foreign_config_class(part):
        return part.from_dict(_with_changes(old, new))
    new = of_dict(part, new)
    known = definition_of(part).names | definition_of(part).aliases.keys() | old.keys()
    given = {name: value for name, value in new.items() if name in known}
    unknown = {name: value for name, value in new.items() if name not in known}
    values, found = old | unknown, speaker.unknown
    if found is None or has_own(part, "from_dict"):
        with of_file():
            config = made_config(part, part.from_dict(values, **given))
    else:
        config, _ = _make(part, values, given, keep_unused=False, of_values=None, unknown=found)
    names = tuple(name for name in unknown if name in vars(config))  # `upgrade` may have taken some
    if found is not None:
        found.add(config, names)
    return config
