"""Making one config from keywords: aliases, checks, the author's `__init__`, and what that has computed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from config_core.config._base_fields import attribute_of, attributes_of, read_labels
from config_core.config._checked_values import (
    FieldsOfFile,
    UnknownFields,
    check_and_restore,
    fill_num_labels,
    is_settable,
    make_sub_configs,
    of_file,
    resolve_aliases,
    speaker,
)
from config_core.config._config_definition import definition_of
from config_core.config._problems import (
    AUTHOR_ERRORS,
    call_validate,
    moved_to_root,
    shown,
    unpacked,
    values_in,
    with_problems,
)
from config_core.config._value_types import SCALARS, copied, is_any_config
from config_core.config._written_fields import note_set_fields
from config_core.error_base import ConfigProblem
from config_core.errors import ConfigDefinitionError, ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "attributes_made_of",
    "check_complete",
    "check_property",
    "construct",
    "note_computed",
    "set_properties",
    "unknown_to_init",
    "upgraded",
    "warn_of_other_model_type",
    "with_properties",
    "with_wrong_values",
]

_LABELS = ("num_labels", "id2label", "label2id")
_GIVEN_TWICE = r"got multiple values for keyword argument '(\w+)'"
_LEAVE_OUT_OR_GIVE = "Leave it out for the computed value, or give it as an override to keep it."


def construct(
    cls: type[Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    meant: Collection[str] | None = None,
    is_probe: bool = False,
) -> Any:
    """Make a config and check it. Keywords that the class does not know are noted for whoever asked for it.

    Args:
        cls: The config class.
        args: Values by position.
        kwargs: Values by name.
        meant: Those that count also if the class computes another value; None for all.
        is_probe: Make it only to see what the class makes of values, and accept those that undo each other.
    """
    try:
        return _checked(cls, args, kwargs, meant, is_probe=is_probe)
    except (*AUTHOR_ERRORS, ExceptionGroup) as raised:
        error = unpacked(raised, cls)
        if type(speaker.unknown) is not UnknownFields:
            raise error  # noqa: B904 - mostly the error itself
        from config_core.config._unknown_names import forbidden_in_parts, forbidden_names

        found, rule = speaker.unknown, speaker.unknown.rule
        problems = (*forbidden_names(cls, kwargs, rule), *forbidden_in_parts(found, kwargs, rule))
        raise with_problems(error, problems, cls)  # noqa: B904 - it has its cause


def _checked(
    cls: type[Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    meant: Collection[str] | None,
    *,
    is_probe: bool,
) -> Any:
    """Make a config, and check everything but the names of fields."""
    definition = definition_of(cls)
    if args:
        args, kwargs = _by_name(cls, args, kwargs)
    given = resolve_aliases(cls, kwargs)
    try:
        fields = fill_num_labels(cls, given)
    except ConfigError as error:
        raise with_wrong_values(error, cls, given) from None
    for name, default in definition.class_defaults.items():
        fields.setdefault(name, copied(default))
    # `__init__` and `__post_init__` see what JSON cannot express as it was.
    fields |= check_and_restore(cls, fields)
    config = _called(cls, args, fields, is_load=meant is not None)
    _check_contract(cls, config)
    has_others = not definition.defaults.keys() >= fields.keys()
    if has_others:
        _set_again(config, fields, meant)
    if has_others or "_replaced" in vars(config):
        _settle_computed(config, fields, meant, is_probe=is_probe)
    if definition.runs_own_code or vars(config)["_unknown"]:
        _track_computed(config, fields)
    if definition.mutable_defaults:
        _unshare_defaults(config)
    if definition.like_default:
        _note_own_forms(config, fields)
    make_sub_configs(config)
    _validate(config, fields, is_probe=is_probe)
    note_set_fields(config, fields)
    if names := config.__dict__.pop("_unknown"):
        _note_unknown(config, names, fields, kwargs)
    return config


def _note_unknown(config: Any, names: tuple[str, ...], fields: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Note the keywords that a class does not know for whoever asked for the config."""
    cls, noted = type(config), speaker.unknown
    if noted is None or cls._extra_fields == "keep":
        return
    if isinstance(noted, FieldsOfFile):
        noted.add_slips(config, names, given)
    else:
        noted.add(config, unknown_to_init(cls, fields, names))


def _by_name(
    cls: type[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return values by position as values by name; as they are if there are too many, of which Python's error tells."""
    given = dict(zip(definition_of(cls).positional, args, strict=False))
    return ((), {**given, **kwargs}) if len(given) == len(args) and given.keys().isdisjoint(kwargs) else (args, kwargs)


def _unshare_defaults(config: Any) -> None:
    """Copy the mutable defaults of `__init__` that a config holds."""
    defaults = {id(default) for default in definition_of(type(config)).mutable_defaults.values()}
    for name, value in vars(config).items():
        if id(value) in defaults:
            vars(config)[name] = copied(value)


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


def _renamed_in(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that `__init__` takes by other names, which are not given themselves, to these names."""
    pairs = definition_of(cls).renamed.items()
    return {name: parameter for name, parameter in pairs if name in fields and parameter not in fields}


def _called(cls: type[Any], args: tuple[Any, ...], fields: Mapping[str, Any], *, is_load: bool) -> Any:
    """Call the class. A field that it passes to `super().__init__` itself is not passed a second time.

    Raises:
        ConfigError: Such a field was given another value.
    """
    definition = definition_of(cls)
    names = {**definition.spellings, **_renamed_in(cls, fields)} if definition.renamed else definition.spellings
    given = {names.get(name, name): value for name, value in fields.items()} if names else dict(fields)
    passed_by_class: list[str] = []
    # A file has what the class makes of a parameter in its place.
    file_counts = bool(definition.unkept) and (is_load or definition.unkept.isdisjoint(fields))
    of_parts: Exception | None = None
    while True:
        try:
            config = type.__call__(cls, *args, **given)
            break
        except (*AUTHOR_ERRORS, AttributeError) as error:
            if (twice := re.search(_GIVEN_TWICE, f"{error}")) and twice[1] in given:
                withheld = [twice[1]]
                if file_counts and twice[1] in _LABELS:  # the others are those of the file, and fit only each other
                    withheld = [name for name in _LABELS if name in given]
                passed_by_class += [name for name in withheld if name in fields]
                given = {name: value for name, value in given.items() if name not in withheld}
                continue
            parts = {name: given[name] for name in definition.parts if is_any_config(given.get(name))}
            if isinstance(error, ConfigError) and "num_labels" in passed_by_class:
                _check_passed_number(cls, fields)
            if isinstance(error, ValueError) or not (parts or of_parts):
                raise moved_to_root(error, cls, fields)  # noqa: B904 - mostly the error itself
            if of_parts:
                raise of_parts from None
            # An `__init__` that was written for transformers expects dicts, as in `TextConfig(**text_config)`.
            of_parts, given = error, given | {name: part.to_dict() for name, part in parts.items()}
            if speaker.unknown:  # it makes the parts again, and their unknown fields are noted again
                made = {id(value) for _, value in values_in(parts)}
                speaker.unknown[:] = [entry for entry in speaker.unknown if id(entry[0]) not in made]
    if passed_by_class:
        _settle_passed(config, passed_by_class, fields, is_load=is_load)
    return config


def _settle_passed(config: Any, names: Iterable[str], fields: Mapping[str, Any], *, is_load: bool) -> None:
    """Decide between what a class passes to `super().__init__` itself and what it was given for these fields.

    Raises:
        ConfigError: They differ, and either may be meant.
    """
    from config_core.config._equal_values import same_value

    cls = type(config)
    unkept = definition_of(cls).unkept - vars(config).keys()
    for name in names:
        if _is_not_given(cls, name, fields[name]) or same_value(getattr(config, name, None), fields[name]):
            continue
        if unkept and (is_load or unkept.isdisjoint(fields)):
            setattr(config, name, fields[name])  # a file has what the class makes of a parameter in its place
        else:
            passed = getattr(config, name, None)
            raise ConfigError(
                f"{cls.__name__}: {name!r} is {fields[name]!r:.80}, but the class itself passes {passed!r:.80} to "
                f"super().__init__. Leave it out{_or_give_parameter(cls, fields, passed, fields[name])}."
            )


def _check_passed_number(cls: type[Any], fields: Mapping[str, Any]) -> None:
    """Check that the number of classes that a class passes to `super().__init__` is that of their names.

    Raises:
        ConfigError: It is another one.
    """
    names = read_labels(fields.get("id2label"), fields.get("label2id"))[0] or {}
    number = (attributes_made_of(cls, fields, without=_LABELS) or {}).get("num_labels", len(names))
    if number != len(names):
        raise ConfigError(
            f"{cls.__name__}: the class itself passes num_labels={number} to super().__init__, but id2label names "
            f"{len(names)} classes. Give names for {number}{_or_give_parameter(cls, fields, number, len(names))}."
        )


def _or_give_parameter(cls: type[Any], fields: Mapping[str, Any], value: Any, other: Any) -> str:
    """Return the advice to give a parameter instead, if it is plainly the one whose value the class passes on."""
    definition = definition_of(cls)
    found = [
        name
        for name in definition.defaults.keys() - definition.inherited
        if type(held := fields.get(name, definition.defaults[name])) is type(value) and held == value
    ]
    return f", or give {found[0]}={other!r}" if len(found) == 1 and type(other) in SCALARS else ""


def _is_not_given(cls: type[Any], name: str, value: Any) -> bool:
    """Return whether a value is None, which the base class takes for one of its fields that is not given."""
    return value is None and name in definition_of(cls).inherited


def _set_again(config: Any, fields: Mapping[str, Any], meant: Collection[str] | None) -> None:
    """Set attributes that are no keywords to what they were given as, if `__init__` has undone that.

    Raises:
        ConfigError: The caller has given a field that says otherwise.
    """
    cls, names = type(config), definition_of(type(config)).names
    for name in _renamed_in(cls, fields):
        setattr(config, name, fields[name])  # which may be set under a condition, or changed afterwards
    properties = {name: fields[name] for name in fields if name not in names and is_settable(cls, name)}
    if not properties:
        return
    done = set_properties(config, properties, only_undone=True)
    if meant is None:
        without = attributes_made_of(cls, fields, without=properties) or {}
        check_property(config, properties, fields, before=without | done)


def set_properties(config: Any, properties: Mapping[str, Any], *, only_undone: bool) -> dict[str, Any]:
    """Set properties, or with `only_undone` those that have another value, and return what each is then."""
    from config_core.config._equal_values import same_value

    done = {}
    # None, which stands for what is not given, must not undo another one.
    for name, value in sorted(properties.items(), key=lambda item: item[1] is not None):
        if not (only_undone and same_value(attribute_of(config, name), value)):
            setattr(config, name, value)
        done[name] = attribute_of(config, name)
    return done


def check_property(
    config: Any, properties: Mapping[str, Any], fields: Mapping[str, Any], *, before: Mapping[str, Any]
) -> None:
    """Check that setting properties has left the other fields that a caller gave as they were.

    Args:
        config: The config.
        properties: What was set.
        fields: What the caller gave.
        before: The values of fields before that. Those that are not there are not checked.

    Raises:
        ConfigError: Another field has changed.
    """
    from config_core.config._equal_values import same_value

    for other, value in fields.items():
        current = attribute_of(config, other)
        if value is None or other not in before or same_value(current, before[other]):
            continue
        if not same_value(current, attribute_of(config, other)):  # a property that makes another object each time
            continue
        given = [f"{name}={shown(properties[name])}" for name in properties if name != other]
        raise ConfigError(
            f"{type(config).__name__}: {', '.join(given)} contradicts {other!r}, which is {shown(value)}. Give one of "
            "them."
        )


def unknown_to_init(cls: type[Any], fields: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return which names a caller has given, and the class does not set by itself if they are left out."""
    given = [name for name in names if name in fields]
    set_by_class = given and attributes_made_of(cls, fields, without=given)
    return tuple(name for name in given if name not in (set_by_class or ()))


def attributes_made_of(
    cls: type[Any], fields: Mapping[str, Any], *, without: Collection[str] = ()
) -> dict[str, Any] | None:
    """Return the attributes of a config that a class makes of fields, all of which are meant; None if it makes none.

    Args:
        cls: The config class.
        fields: The fields, of which nothing is changed.
        without: Those of them to leave out.
    """
    try:
        with of_file():
            given = {name: copied(value) for name, value in fields.items() if name not in without}
            return with_properties(construct(cls, (), given, is_probe=True))
    except Exception:  # noqa: BLE001 - the author's code
        return None


def with_properties(config: Any) -> dict[str, Any]:
    """Return the attributes of a config, with the properties that are fields."""
    properties = {name: attribute_of(config, name) for name in definition_of(type(config)).properties}
    return attributes_of(config) | properties


def check_complete(cls: type[Any], fields: Mapping[str, Any]) -> None:
    """Check that a file or a dict has a value for every field without a default.

    Raises:
        ConfigValidationError: It has not. The error has the wrong values of the others too.
    """
    if missing := definition_of(cls).required.difference(fields):
        name = cls.__name__
        needed = tuple(
            ConfigProblem(
                field,
                f"{name} needs {field!r}, but no value was given. Give it in the file or dict, or as a keyword.",
                is_missing=True,
            )
            for field in sorted(missing)
        )
        raise with_wrong_values(ConfigValidationError.of_problems(needed, config_class=name), cls, fields)


def with_wrong_values(error: ConfigError, cls: type[Any], fields: Mapping[str, Any]) -> Exception:
    """Return an error about a config as a whole, together with the wrong values of its fields if there are any."""
    try:
        check_and_restore(cls, fields)
    except AUTHOR_ERRORS as wrong:
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


def _settle_computed(config: Any, fields: Mapping[str, Any], meant: Collection[str] | None, *, is_probe: bool) -> None:
    """Decide between what `__init__` has computed and what it was given for fields that it does not take.

    Raises:
        ConfigError: They differ, and either may be meant.
    """
    cls, state = type(config), vars(config)
    replaced = {name: value for name, value in state.pop("_replaced", {}).items() if name in fields}
    definition = definition_of(cls)
    # Code for transformers expects that what it assigns to fields of the base class counts.
    current = attributes_of(config) if definition.runs_own_code and cls._checks_values else state
    ignored = {
        name: current[name]
        for name, value in fields.items()
        if name not in definition.defaults
        and name in current
        and current[name] is not value
        and name[:1] != "_"
        and not _is_not_given(cls, name, value)
    }
    if not (differing := {**replaced, **ignored}):
        return
    note_computed(config, differing.keys() - definition.inherited)
    from config_core.config._equal_values import same_value

    with of_file():  # what is made for a comparison reports nothing
        same = {name for name, value in differing.items() if same_value(value, fields[name])}
        # Which has what JSON cannot express.
        state.update({name: differing[name] for name in same if name in state})
        wrong = {name: value for name, value in differing.items() if name not in same}
        if not wrong:
            return
        probe = attributes_made_of(cls, fields, without=wrong) or {}
        random = _random_names(cls, fields, wrong, probe)
        # Otherwise `__init__` has made the value from the given one.
        wrong = {name: value for name, value in wrong.items() if name in probe and same_value(value, probe[name])}
    # What a caller has given for a field of the base class comes back, although no save notes it.
    # In transformers, the file counts.
    counting = wrong.keys() if meant is None or not cls._checks_values else definition.inherited.union(meant)
    unsure = {name: value for name, value in wrong.items() if name not in counting}
    if unsure:
        raise _contradiction(cls, fields, unsure)
    for name in (*wrong, *random):
        setattr(config, name, fields[name])
    if not is_probe and (unkept := definition.unkept & fields.keys()):  # the check makes probes itself
        from config_core.config._unkept_parameters import check_effect

        with of_file():
            check_effect(config, {name: fields[name] for name in unkept}, fields, attributes_made_of, only_copies=True)


def _contradiction(
    cls: type[Any], fields: Mapping[str, Any], computed: Mapping[str, Any], *, remedy: str = _LEAVE_OUT_OR_GIVE
) -> ConfigError:
    """Return the error for fields that are not what the class computes.

    Args:
        cls: The config class.
        fields: All fields.
        computed: Those that differ, as the class computes them.
        remedy: What to do.
    """
    problems = tuple(
        ConfigProblem(
            name,
            f"got {shown(fields[name])}, but the class computes {shown(value)} from the other fields. {remedy}",
        )
        for name, value in computed.items()
    )
    return ConfigValidationError.of_problems(problems, config_class=cls.__name__)


def _random_names(
    cls: type[Any], fields: Mapping[str, Any], computed: Mapping[str, Any], probe: Mapping[str, Any]
) -> list[str]:
    """Return which computed values are others in each config, such as a time: they are not made from given ones.

    Args:
        cls: The config class.
        fields: All fields.
        computed: Those that differ, as the class computes them.
        probe: The attributes of a config that was made without them.
    """
    changing = [
        name
        for name, value in computed.items()
        if type(value) in SCALARS
        and type(probe.get(name)) is type(value) is type(fields[name])
        and value != probe[name]
    ]
    twin = (attributes_made_of(cls, fields, without=computed) or {}) if changing else {}
    return [name for name in changing if name in twin and twin[name] != probe[name]]


def _track_computed(config: Any, fields: Mapping[str, Any]) -> None:
    """Note in a new config which fields its class has computed, and of which parameters."""
    state, definition = vars(config), definition_of(type(config))
    if definition.forced:
        state.setdefault("_computed", frozenset())  # so that a file notes whether they were computed
    if unknown := state["_unknown"]:
        from config_core.config._init_parameters import assigned_names

        # In a class that calls `super().__init__` first, they are not there yet when the base class looks for them.
        assigned = assigned_names(type(config)).intersection(unknown)
        state["_unknown"] = tuple(name for name in unknown if name not in assigned)
        note_computed(config, assigned)
    note_computed(config, _made_by_init(config, fields, [*state, *definition.properties]))
    if definition.unkept:
        _note_unkept(config, fields)


def _validate(config: Any, fields: Mapping[str, Any], *, is_probe: bool) -> None:
    """Call `validate` of a new config. One of the author's may compute fields, as an `__init__` does.

    Raises:
        ConfigError: It replaces what was given for a field that `__init__` does not take.
    """
    cls, state, definition = type(config), vars(config), definition_of(type(config))
    if not definition.has_validate:
        call_validate(config)
        return
    others = fields.keys() - definition.defaults.keys()
    given = [name for name in others if name[:1] != "_" and fields[name] is not None]  # None asks for what it computes
    before, before_of_given = {**state}, {name: attribute_of(config, name) for name in given}
    call_validate(config)
    if not (changed := [name for name, value in state.items() if value is not before.get(name, definition)]):
        return
    from config_core.config._equal_values import same_value

    note_computed(config, _made_by_init(config, fields, changed))
    now = {name: attribute_of(config, name) for name in given}
    wrong = {name: value for name, value in now.items() if not same_value(value, before_of_given[name])}
    if wrong and not is_probe:
        with of_file():
            probe = attributes_made_of(cls, fields, without=wrong) or {}
        # Otherwise it has made the value from the given one.
        if wrong := {name: value for name, value in wrong.items() if name in probe and same_value(value, probe[name])}:
            raise _contradiction(cls, fields, wrong, remedy="Leave it out: validate replaces it.")


def _note_unkept(config: Any, fields: Mapping[str, Any]) -> None:
    """Note in a new config what was given for parameters that it has no attribute with the value of."""
    definition, state = definition_of(type(config)), vars(config)
    public = {name: parameter for name, parameter in definition.renamed.items() if name[:1] != "_"}
    kept = {parameter for name, parameter in public.items() if state.get(name) is fields.get(parameter)}
    if names := definition.unkept & fields.keys() - kept - state.keys():
        state["_unkept"] = {name: copied(fields[name]) for name in names}


def _made_by_init(config: Any, fields: Mapping[str, Any], candidates: Collection[str]) -> list[str]:
    """Return which attributes of a new config its `__init__` or `validate` computed, and was not given."""
    from config_core.config._equal_values import same_value

    cls, state, definition = type(config), vars(config), definition_of(type(config))
    expected, handed_on = {**definition.defaults, **fields}, definition.handed_on - fields.keys()
    made: list[str] = []
    for name in {*candidates} - definition.inherited - definition.cached_properties:
        if name[:1] == "_":
            continue
        value = state[name] if name in state else attribute_of(config, name)
        if value is expected.get(name, cls) and name not in handed_on:
            continue
        default = definition.factories[name]() if name in definition.factories else definition.defaults.get(name, cls)
        if name in fields and fields[name] is not default and not same_value(fields[name], default):
            continue  # it is made of what was given
        if default is cls or name in handed_on or not same_value(value, default):
            made.append(name)
    return made


def note_computed(config: Any, names: Iterable[str]) -> None:
    """Note in a config which fields its class has computed, besides those that it has noted before."""
    state, properties = vars(config), definition_of(type(config)).properties
    computed = state.get("_computed", frozenset()) | {name for name in names if name in state or name in properties}
    if computed:
        state["_computed"] = computed


def upgraded(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
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


def warn_of_other_model_type(cls: type[Any], model_type: Any) -> None:
    """Warn if values have a model_type that is not that of the class which is made of them."""
    if cls.model_type and model_type and model_type != cls.model_type and cls._extra_fields != "keep":
        from config_core.config._unknown_names import warn_caller

        path = speaker.unknown.path if isinstance(speaker.unknown, FieldsOfFile) else ""
        where = f"{path}: a config has" if path else "The config has"
        warn_caller(f"{where} model_type {model_type!r:.80}, but {cls.__name__} is for {cls.model_type!r}.")
