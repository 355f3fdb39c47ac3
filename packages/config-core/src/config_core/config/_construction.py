"""How a config is made, from a call or from the values of a file: aliases, overrides, checks and sub-configs."""

from __future__ import annotations

import abc
import contextlib
import re
from typing import TYPE_CHECKING, Any, Literal, dataclass_transform

from config_core.config._base_fields import LABEL_FIELDS, without_replaced_labels
from config_core.config._body_fields import ORIGINAL
from config_core.config._checked_values import (
    FieldsOfFile,
    UnknownFields,
    check_and_restore,
    fill_num_labels,
    has_own_from_dict,
    make_sub_configs,
    note_unknown_in,
    num_labels_field,
    of_caller,
    of_file,
    resolve_aliases,
    speaker,
)
from config_core.config._config_definition import definition_of, public_names
from config_core.config._config_json import NOT_KEPT
from config_core.config._problems import check_fields, problems_of_part, with_problems
from config_core.config._value_types import builtin_value, copied, is_config
from config_core.config._written_fields import note_set_fields
from config_core.errors import ConfigDefinitionError, ConfigError, ConfigValidationError, UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager
    from dataclasses import field as _field

    from config_core.config._derived_fields import Note
else:
    _field = None  # what it is matters to type checkers only, and importing it is slow

__all__ = [
    "NOTE_KEY",
    "ConfigType",
    "make_config",
    "maker_of",
    "merge_fields",
    "replaced",
    "with_wrong_values",
]

# What a file notes of its computed fields: see `_derived_fields`.
NOTE_KEY = "_computed_fields"
_GIVEN_TWICE = re.compile(r"got multiple values for keyword argument '(\w+)'")
_NO_ATTRIBUTE = object()


# With it, type checkers know the keywords of a config from the annotations in its body.
@dataclass_transform(kw_only_default=True, field_specifiers=(_field,))
class ConfigType(abc.ABCMeta):
    """Metaclass of configs: runs steps before and after every `__init__`, which no subclass can leave out.

    It is an `ABCMeta` so that config classes may be abstract.
    """

    def _make(cls, *args: Any, **kwargs: Any) -> Any:
        if ORIGINAL in kwargs:  # from `dataclasses.replace`
            return replaced(kwargs.pop(ORIGINAL), kwargs)
        if NOTE_KEY in kwargs:
            return _make_with_note(cls, args, kwargs)
        if type(speaker.unknown) is FieldsOfFile:  # a part that `__init__` makes of a file's values
            kwargs = _upgraded(cls, kwargs)
        if "model_type" in kwargs:  # as in `MyConfig(**other.to_dict())`
            _warn_of_other_model_type(cls, kwargs.pop("model_type"))
        outer = speaker.unknown
        if outer is None:
            speaker.unknown = found = UnknownFields()
            try:
                config = _construct(cls, args, kwargs)
            finally:
                speaker.unknown = None
            if found:
                from config_core.config._unknown_names import report_unknown

                report_unknown(found, config)
            return config
        try:
            return _construct(cls, args, kwargs)
        except (TypeError, ValueError) as error:
            vars(error)["_given"] = kwargs  # for the config of which this is a part
            raise

    @property
    def __signature__(cls) -> Any:
        """What `inspect.signature` returns for a config class."""
        from config_core.config._signature import signature_of

        return signature_of(cls)

    if not TYPE_CHECKING:
        __call__ = _make  # type checkers take the types of a call from `__init__`


# Making


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
    unknown = UnknownFields()
    if extra != "keep":
        unknown.rule = extra
        of_values = of_caller(unknown)
    else:  # a part of what a caller gives, or a file
        of_values = of_caller(speaker.unknown if speaker.unknown is not None else FieldsOfFile())
    try:
        config, unused = _make(cls, values, overrides, keep_unused=keep_unused, of_values=of_values, unknown=unknown)
    except (TypeError, ValueError) as error:
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
    config, _ = make_config(type(original), original.to_dict(), given, keep_unused=False)
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
    of_values: AbstractContextManager[None],
    unknown: UnknownFields,
) -> tuple[Any, dict[str, Any]]:
    """Make a config of the values of a file and of a caller's overrides, whose unknown fields it adds to `unknown`."""
    definition = definition_of(cls)
    is_of_any_type = not (cls.model_type or definition.own)  # its files are of other classes, notes included
    note = _take_note(values) if NOTE_KEY in values and not is_of_any_type else None
    values = _upgraded(cls, values)
    fields = resolve_aliases(cls, {name: value for name, value in values.items() if name not in NOT_KEPT})
    given = resolve_aliases(cls, overrides) if overrides else {}
    if "self" in fields:
        raise ConfigError("'self' cannot be the name of a field.")
    unused = {name: given[name] for name in given if name not in definition.names and name not in fields}
    if unused:  # unless `__init__` sets them in a way that cannot be read from it
        unused = {name: unused[name] for name in _unknown_to_init(cls, fields | unused, unused)}
        given = {name: value for name, value in given.items() if name not in unused}
    if unused and not keep_unused:
        from config_core.config._unknown_names import quoted, spelling_hint

        problem = UnknownOptionError(
            f"{quoted(unused)} is neither a field of {cls.__name__} nor an option of this call."
            f"{spelling_hint(unused, {*public_names(cls), *fields})}",
            names=tuple(unused),
        )
        raise with_wrong_values(problem, cls, fields | given)
    model_type = values.get("model_type", cls.model_type)
    _warn_of_other_model_type(cls, model_type)
    computed = _computed_in(cls, fields, given, note) if given or (note and note.is_edited) else frozenset()
    if given:
        try:
            with of_caller(unknown):
                fields = _override(cls, {name: fields[name] for name in fields if name not in computed}, given)
        except ConfigValidationError as error:
            kept = {name: value for name, value in fields.items() if name not in given}
            raise with_wrong_values(error, cls, kept) from error.__cause__
    if missing := definition.required - fields.keys():
        names = ", ".join(map(repr, sorted(missing)))
        needed = ConfigError(f"{cls.__name__} needs {names}, but no value was given.")
        raise with_wrong_values(needed, cls, fields)
    with of_values:
        config = _construct(cls, (), fields, is_sure=given if note is None else fields)
    if not definition.unkept.isdisjoint(given):
        from config_core.config._unkept_parameters import check_effect

        with of_file():
            check_effect(config, given, fields, maker_of(cls))
    note_unknown_in(config, {name: given[name] for name in given if name not in definition.parts}, unknown, old=values)
    if note is not None:
        _note_computed(config, note.names)
    if not cls.model_type and model_type:
        config.model_type = model_type  # a class for configs of any type keeps what the file says
    return config, unused


def _upgraded(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file as the class's `upgrade` returns them.

    Raises:
        ConfigDefinitionError: It does not return a dict.
    """
    try:
        upgraded = cls.upgrade(values)
    except Exception as error:
        error.add_note(f"Raised by {cls.__qualname__}.upgrade.")
        raise
    if not isinstance(upgraded, dict):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.upgrade must return the values of a config as a dict, got {upgraded!r:.80}. End it "
            "with `return values`."
        )
    return upgraded


def _construct(
    cls: type[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, is_sure: Collection[str] | None = None
) -> Any:
    """Make a config and check it. Keywords that the class does not know are noted for whoever asked for it.

    Args:
        cls: The config class.
        args: Values by position.
        kwargs: Values by name.
        is_sure: Those that are meant, also if the class computes another value; None for all.
    """
    try:
        return _checked(cls, args, kwargs, is_sure)
    except (TypeError, ValueError) as error:
        if type(speaker.unknown) is not UnknownFields:
            raise
        from config_core.config._unknown_names import forbidden_in_parts, forbidden_names

        found, rule = speaker.unknown, speaker.unknown.rule
        problems = (*forbidden_names(cls, kwargs, rule), *forbidden_in_parts(found, kwargs, rule))
        raise with_problems(error, problems, cls)  # noqa: B904 - it has its cause


def _checked(cls: type[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], is_sure: Collection[str] | None) -> Any:
    """Make a config, and check everything but the names of fields."""
    definition = definition_of(cls)
    if args:
        by_position = dict(zip(definition.positional, args, strict=False))
        if len(by_position) == len(args) and by_position.keys().isdisjoint(kwargs):
            args, kwargs = (), {**by_position, **kwargs}  # else Python's own error is the best
    given = resolve_aliases(cls, kwargs)
    try:
        fields = fill_num_labels(cls, given)
    except ConfigError as error:
        raise with_wrong_values(error, cls, given) from None
    for name, default in definition.class_defaults.items():
        fields.setdefault(name, copied(default))
    # `__init__` and `__post_init__` see what JSON cannot express as it was.
    fields |= check_and_restore(cls, fields)
    config = _called(cls, args, fields)
    _check_contract(cls, config)
    if not (definition.defaults.keys() >= fields.keys() and "_replaced" not in vars(config)):
        _settle_computed(config, fields, is_sure)
    _track_computed(config, fields)
    defaults = {id(default) for default in definition.mutable_defaults.values()}
    for name, value in vars(config).items() if defaults else ():
        if id(value) in defaults:
            vars(config)[name] = copied(value)
    _note_own_forms(config, fields)
    make_sub_configs(config)
    config.validate()
    note_set_fields(config, fields)
    names = config.__dict__.pop("_unknown")
    if names and cls._extra_fields != "keep" and type(speaker.unknown) is UnknownFields:
        speaker.unknown.add(config, _unknown_to_init(cls, fields, names))
    return config


def _note_own_forms(config: Any, fields: Mapping[str, Any]) -> None:
    """Note which fields `__init__` has given another form than that of their default, as in `list(depths)`."""
    definition, state = definition_of(type(config)), vars(config)
    names = frozenset(
        name
        for name in definition.like_default
        if name in state and type(state[name]) is not type(fields.get(name, definition.defaults[name]))
    )
    if names:
        state["_own_forms"] = names


def _called(cls: type[Any], args: tuple[Any, ...], fields: Mapping[str, Any]) -> Any:
    """Call the class. A field that it passes to `super().__init__` itself is not passed a second time.

    Raises:
        ConfigError: Such a field was given another value.
    """
    spellings = definition_of(cls).spellings
    given = {spellings.get(name, name): value for name, value in fields.items()} if spellings else dict(fields)
    passed_by_class: list[str] = []
    while True:
        try:
            config = type.__call__(cls, *args, **given)
            break
        except (TypeError, ValueError) as error:
            twice = _GIVEN_TWICE.search(f"{error}")
            if twice is None or twice[1] not in given:
                from config_core.config._problems import moved_to_root

                raise moved_to_root(error, cls, fields)  # noqa: B904 - mostly the error itself
            passed_by_class.append(twice[1])
            del given[twice[1]]
    for name in passed_by_class:
        from config_core.config._derived_fields import same_value

        if not same_value(getattr(config, name, None), fields[name]):
            raise ConfigError(
                f"{cls.__name__}: {name!r} is {fields[name]!r:.80}, but the class itself passes "
                f"{getattr(config, name, None)!r:.80} to super().__init__. Leave it out."
            )
    return config


def _unknown_to_init(cls: type[Any], fields: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return which names a caller has given, and the class does not set by itself if they are left out."""
    given = [name for name in names if name in fields]
    set_by_class = given and _set_without(cls, fields, given)
    return tuple(name for name in given if name not in (set_by_class or ()))


def _set_without(cls: type[Any], fields: Mapping[str, Any], names: Collection[str]) -> dict[str, Any] | None:
    """Return the attributes of a config of fields without some of them; None if the class needs those."""
    given = {name: copied(value) for name, value in fields.items() if name not in names}
    try:
        with of_file():
            attributes: dict[str, Any] = vars(_construct(cls, (), given))
    except Exception:  # noqa: BLE001 - the author's code
        return None
    return attributes


def with_wrong_values(error: ConfigError, cls: type[Any], fields: Mapping[str, Any]) -> Exception:
    """Return an error about a config as a whole, together with the wrong values of its fields if there are any."""
    try:
        check_and_restore(cls, fields)
    except (TypeError, ValueError) as wrong:
        return with_problems(wrong, error.problems, cls)
    return error


def _check_contract(cls: type[Any], config: Any) -> None:
    """Check that `__init__` has done what it must for the config to be saved and loaded.

    Raises:
        ConfigDefinitionError: It has not.
    """
    if "_extra" not in vars(config):
        raise ConfigDefinitionError(
            f"{cls.__qualname__}.__init__ does not call super().__init__(**kwargs). Add it as its last line."
        )
    for name in definition_of(cls).required:
        if not hasattr(config, name):
            raise ConfigDefinitionError(
                f"{cls.__qualname__}.__init__ takes {name!r} and keeps no attribute of that name, so that a saved "
                f"config could not be loaded. Add self.{name} = {name}, or give it a default."
            )


# Computed fields


def _take_note(values: dict[str, Any]) -> Note | None:
    """Remove what a file notes of its computed fields, and return it."""
    from config_core.config._derived_fields import read_note

    return read_note(values.pop(NOTE_KEY), values)


def _make_with_note(cls: type[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a config of what `to_dict` returned, as in `MyConfig(**{**config.to_dict(), "heads": 8})`."""
    note = _take_note(kwargs)
    if note is not None and note.is_edited:
        try:
            fields = {name: value for name, value in kwargs.items() if name not in NOT_KEPT}
            _computed_in(cls, resolve_aliases(cls, fields), {}, note)
        except ConfigError as error:
            if isinstance(speaker.unknown, FieldsOfFile):  # the values of a file, for a part that `__init__` makes
                raise
            remedy = f"call {cls.__name__}.from_dict(config.to_dict(), …) with their new values"
            error.args = (f"{error} To change fields of a copy of a config, {remedy}.",)
            raise
    config = cls(*args, **kwargs)
    if note is not None:
        _note_computed(config, note.names)
    return config


def _computed_in(
    cls: type[Any], fields: Mapping[str, Any], given: Mapping[str, Any], note: Note | None
) -> Collection[str]:
    """Return the fields of a file that are computed from others, and so are computed again for other values.

    Raises:
        ConfigError: The file was edited, and what was computed does not fit the other fields.
    """
    from config_core.config._derived_fields import check_edited, computed_fields, computed_without_note

    if note is None and not definition_of(cls).runs_own_code:
        return frozenset()
    with of_file():
        if note is None:
            return computed_without_note(cls, maker_of(cls), fields, given.keys())
        names = note.names - given.keys()
        if note.is_edited:
            check_edited(cls, maker_of(cls), fields, names)
            return names & fields.keys()
        found = computed_fields(maker_of(cls), fields, names)
        # If the values of the file alone make no config, the given ones repair it.
        return names & fields.keys() if found is None else found


def maker_of(cls: type[Any]) -> Callable[[dict[str, Any]], Any]:
    """Return a function that makes a config of fields, all of which are meant."""
    return lambda fields: _construct(cls, (), fields)


def _settle_computed(config: Any, fields: Mapping[str, Any], is_sure: Collection[str] | None) -> None:
    """Decide between what `__init__` has computed and what it was given for fields that it does not take.

    Raises:
        ConfigError: They differ, and either may be meant.
    """
    cls, state = type(config), vars(config)
    replaced = {name: value for name, value in state.pop("_replaced", {}).items() if name in fields}
    defaults = definition_of(cls).defaults
    ignored = {
        name: state[name]
        for name, value in fields.items()
        if name not in defaults and name in state and state[name] is not value and not name.startswith("_")
    }
    if not (differing := {**replaced, **ignored}):
        return
    _note_computed(config, differing)
    from config_core.config._derived_fields import contradiction, same_value

    with of_file():  # what is made for a comparison reports nothing
        same = {name for name, value in differing.items() if same_value(value, fields[name])}
        state.update({name: differing[name] for name in same})  # which has what JSON cannot express
        wrong = {name: value for name, value in differing.items() if name not in same}
        if not wrong:
            return
        probe = _set_without(cls, fields, wrong) or {}
        # Otherwise `__init__` has made the value from the given one.
        wrong = {name: value for name, value in wrong.items() if name in probe and same_value(value, probe[name])}
    unsure = {name: value for name, value in wrong.items() if is_sure is not None and name not in is_sure}
    if unsure:
        raise contradiction(cls, fields, unsure)
    state.update({name: fields[name] for name in wrong})


def _track_computed(config: Any, fields: Mapping[str, Any]) -> None:
    """Note in a new config which fields its class has computed."""
    state, definition = vars(config), definition_of(type(config))
    if not state["_unknown"] and not definition.runs_own_code:
        return
    if not state["_unknown"] and state.keys() <= definition.plain_attributes:
        for name, default in definition.defaults.items():
            if state.get(name, default) is not default and (name not in fields or fields[name] is default):
                break
        else:
            return  # the usual case
    from config_core.config._derived_fields import assigned_names, given_by_init

    # In a class that calls `super().__init__` first, they are not there yet when the base class looks for them.
    assigned = assigned_names(type(config)).intersection(state["_unknown"])
    state["_unknown"] = tuple(name for name in state["_unknown"] if name not in assigned)
    _note_computed(config, given_by_init(config, fields) | assigned)


def _note_computed(config: Any, names: Iterable[str]) -> None:
    state = vars(config)
    computed = state.get("_computed", frozenset()) | {name for name in names if name in state}
    if computed:
        state["_computed"] = computed


# Values


def _override(cls: type[Any], fields: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a file with a caller's in their place. Names of classes go when their number changes."""
    if not given:
        return fields
    count = num_labels_field(cls)
    # Programs pass None for labels that they do not know.
    given = {name: value for name, value in given.items() if value is not None or name not in LABEL_FIELDS | {count}}
    values = without_replaced_labels(fields, given, count_field=count)
    by_hand = _parts_made_by_hand(cls, fields, given)
    merged = merge_fields(cls, values | by_hand, given, by_hand=by_hand)
    # `__init__` makes these parts of dicts.
    return (
        values
        | merged
        | {name: merged[name].to_dict() for name in by_hand if type(merged[name]) is type(by_hand[name])}
    )


def _parts_made_by_hand(cls: type[Any], fields: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts that a caller changes and of which only `__init__` knows that they are configs."""
    definition = definition_of(cls)
    names = [name for name in given if name not in definition.parts and _may_be_part(given[name])]
    attributes = _set_without(cls, fields, ()) if names else None
    return {name: attributes[name] for name in names if is_config(attributes.get(name))} if attributes else {}


def _may_be_part(value: Any) -> bool:
    return is_config(value) or isinstance(builtin_value(value), dict)


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
            try:
                with of_file() if name in by_hand else contextlib.nullcontext():
                    merged = _merged(cls, name, old.get(name), builtin_value(value))
            except ConfigValidationError as error:
                raise problems_of_part(error) from error.__cause__
            return checks[name].check(merged) if name in checks else merged

        return merge

    merged = check_fields(cls, ((name, merging(name), value) for name, value in given.items()))
    return dict(zip(given, merged, strict=True))


def _merged(cls: type[Any], name: str, old: Any, new: Any) -> Any:
    """Return the new value of a field."""
    part: type[Any] | None = None
    if hasattr(type(old), "sub_configs"):
        part, old = type(old), old.to_dict()
    elif isinstance(old, dict):
        from config_core.config._part_classes import class_named

        part = class_named(old.get("model_type"), definition_of(cls).parts.get(name, ()), cls)
    if part is None or not isinstance(new, dict):
        return new
    kind = old.get("model_type", part.model_type)
    if new.get("model_type", kind) != kind:
        return new  # fields of one class say nothing about another
    return _changed(part, old, new)


def _changed(part: type[Any], old: dict[str, Any], new: dict[str, Any]) -> Any:
    """Return a config of the values of a file, with those that a caller gives for some of them."""
    known = definition_of(part).names | definition_of(part).aliases.keys() | old.keys()
    given = {name: value for name, value in new.items() if name in known and name not in NOT_KEPT}
    unknown = {name: value for name, value in new.items() if name not in known}
    values, found = old | unknown, speaker.unknown
    if found is None or has_own_from_dict(part):
        with of_file():
            config = part.from_dict(values, **given)
    else:
        config, _ = _make(part, values, given, keep_unused=False, of_values=of_file(), unknown=found)
    names = tuple(name for name in unknown if not name.startswith("_"))
    if found is not None:
        found.add(config, names)
    return config


def _warn_of_other_model_type(cls: type[Any], model_type: Any) -> None:
    if cls.model_type and model_type and model_type != cls.model_type and cls._extra_fields != "keep":
        from config_core.config._unknown_names import warn_caller

        warn_caller(f"The config has model_type {model_type!r}, but {cls.__name__} is for {cls.model_type!r}.")
