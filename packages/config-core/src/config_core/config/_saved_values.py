"""Checking, before a file is written, that a load of it gives back what is saved.

JSON has neither tuples nor numbers as keys nor dates. The annotation of a field or its default restores them. A value
that nothing restores would be loaded as another one, so the save is refused and says how to annotate the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.config._base_fields import LABEL_FIELDS, attribute_of, check_names, labels_of
from config_core.config._checked_values import check_and_restore, fill_num_labels, resolve_aliases
from config_core.config._config_definition import definition_of
from config_core.config._config_json import encode_and_read
from config_core.config._equal_values import are_equal, same_value, setting_of
from config_core.config._hand_written import values_to_save, writes_by_hand
from config_core.config._problems import WrongValueError, shown
from config_core.config._record_types import kind_of
from config_core.config._unkept_parameters import check_kept, keeping_privately
from config_core.config._unknown_names import quoted, warn_caller
from config_core.config._value_types import SCALARS, copied, dataclass_fields, is_config
from config_core.config._written_fields import BASE_DEFAULTS, written_fields
from config_core.error_base import ConfigProblem
from config_core.errors import ConfigDefinitionError, ConfigError, ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from config_core.config._field_declarations import FieldCheck

__all__ = ["file_text"]

_LOST = object()
_NOT_COMPARED = BASE_DEFAULTS.keys() | {"id2label", "label2id", "model_type", "auto_map"}


def file_text(config: Any, values: dict[str, Any]) -> str:
    """Return the text of a config's file, after checking that a load gives back the config.

    Args:
        config: The config.
        values: What is written, as `to_dict` returns it.

    Raises:
        ConfigError: A value cannot be written to JSON, or would be loaded as another value or not at all.
    """
    cls = type(config)
    text, written = encode_and_read(values, owner=cls.__name__)
    if not cls._checks_values:
        _warn_of_losses(config, written)
        return text
    if "id2label" in written:
        check_names(written["id2label"])
    if _is_plainly_kept(config, written):
        return text
    try:
        if not _is_made_anew(config, written):
            return text
        loaded = _loaded(cls, written)
    except ConfigDefinitionError:
        raise
    except OSError as error:  # of what `__init__` reads, which may be there again when the file is loaded
        _warn(cls, f"the file could not be checked, because a load of it raises {type(error).__name__}: {error}.")
        return text
    except ConfigValidationError as error:
        error.args = (f"{error} The value as it would be written to the file could not be loaded again.",)
        raise
    except Exception as error:
        problem = f"{error}" if isinstance(error, ConfigError) else f"{cls.__name__}: {type(error).__name__}: {error}"
        raise ConfigError(
            f"{problem} A load of the file would raise this. Assign values that the class accepts together: "
            "config.update({…}) checks them."
        ) from error
    _check_loaded(config, loaded, written)
    return text


def _is_made_anew(config: Any, written: dict[str, Any]) -> bool:
    """Return whether a load may make something else of the values of a config.

    An assignment does not run the code of a class, which may refuse values or compute some from others.

    Raises:
        ConfigError: A value does not fit the annotation of its field any more.
    """
    cls = type(config)
    restored = check_and_restore(cls, fill_num_labels(cls, written))
    if definition_of(cls).runs_own_code:
        return True
    return any(_differences(_compared_fields(config), written | restored)) or bool(keeping_privately(config))


def _warn_of_losses(config: Any, written: dict[str, Any]) -> None:
    """Warn of what a load of a config's file does not give back.

    In transformers, that is lost without a word. A save is not refused, because it may be that of a long training.

    Args:
        config: A config whose class was written for transformers.
        written: What the file has.
    """
    cls, definition = type(config), definition_of(type(config))
    if not definition.runs_own_code:
        return
    further = definition.setters.union(f"_{name}" for name in definition.unkept)
    try:
        changes = _changes(config, written, _loaded(cls, written), further)
    except Exception as error:  # noqa: BLE001 - the author's code
        _warn(cls, f"a load of the file will raise {type(error).__name__}: {error}")
        return
    # Models read attributes of parts. Other values that change their type, such as tuples, do so in transformers, too.
    dicts = [each.path for each in changes if is_config(each.saved) and isinstance(each.loaded, dict)]
    if dicts:
        _warn(
            cls,
            f"a load of the file will make dicts of the configs in {quoted(dicts)}. Make configs of dicts in __init__ "
            "or __post_init__.",
        )
    lost = [each.path for each in changes if each.loaded is _LOST or not same_value(each.saved, each.loaded)]
    if lost:
        _warn(
            cls,
            f"a load of the file will not give back {quoted(lost)}. The class sets it by itself, or keeps it only in "
            "a private attribute, which is not written.",
        )


def _warn(cls: type[Any], problem: str) -> None:
    warn_caller(f"{cls.__name__}: {problem}")


def _changes(config: Any, written: dict[str, Any], loaded: Any, further: Iterable[str] = ()) -> list[_Difference]:
    """Return the values that a load of a config's file does not give back.

    Args:
        config: The config.
        written: What the file has.
        loaded: What a load makes.
        further: Attributes that are not written, and count too.
    """
    # A save of a model writes these in place of the config's own values.
    of_model = {name: written[name] for name in ("architectures", "dtype") if name in written}
    saved, made = _all_values(config, further) | of_model, _all_values(loaded, further)
    changes = [*_differences(saved, made)]
    if not changes:
        return []
    # What differs from load to load is no value that was given.
    twin = _all_values(_loaded(type(config), written), further)
    random = {each.path for each in _differences(made, twin)}
    return [each for each in changes if each.path not in random]


def _check_loaded(config: Any, loaded: Any, written: dict[str, Any]) -> None:
    """Check that the class of a config makes of its file what the config is.

    Args:
        config: The config.
        loaded: What a load makes.
        written: What the file has.

    Raises:
        ConfigValidationError: Some values differ, or are lost.
    """
    cls = type(config)
    if changes := _changes(config, written, loaded):
        again = _changed_again(loaded)
        problems = (
            ConfigProblem(each.path, _advice(each, home=cls.__module__, is_final=each.path not in again))
            for each in changes
        )
        raise ConfigValidationError.of_problems(tuple(problems), config_class=cls.__name__)
    check_kept(config, loaded, lambda: _loaded(cls, written))


def _changed_again(loaded: Any) -> set[str]:
    """Return the paths of the values of a loaded config of which another load would make yet others."""
    try:
        written = loaded.to_dict()
        return {each.path for each in _changes(loaded, written, _loaded(type(loaded), written))}
    except Exception:  # noqa: BLE001 - the author's code
        return set()


def _is_plainly_kept(config: Any, written: Any) -> bool:
    """Return whether every value of a config is one that JSON and the annotation of its field leave as it is.

    Most configs have only such values. Then no config need be made of what was written, to be compared.
    """
    cls, definition, fields = type(config), definition_of(type(config)), _compared_fields(config)
    if definition.runs_own_code or not isinstance(written, dict) or written.get("model_type") != cls.model_type:
        return False
    if not (LABEL_FIELDS.isdisjoint(written) and fields.keys() <= written.keys()):
        return False
    for name, loaded in written.items():
        value = fields.get(name, loaded)
        if is_config(value):
            if definition.parts.get(name) != (type(value),) or not _is_plainly_kept(value, loaded):
                return False
        elif (
            type(value) is not type(loaded)
            or not (value == loaded if type(value) in SCALARS else are_equal(value, loaded))
            or not _is_left_alone(value, definition.checks.get(name))
        ):
            return False
    return True


def _is_left_alone(value: Any, check: FieldCheck | None) -> bool:
    """Return whether the check of a field returns a value as it is, as far as that can be told without much work."""
    if check is None or type(value) in check.scalars:
        return True
    try:
        return type(value) is list and SCALARS.issuperset(map(type, value)) and check.check(value) is value
    except (WrongValueError, ConfigError, TypeError, ValueError):
        return False


def _compared_fields(config: Any) -> dict[str, Any]:
    """Return the fields whose values a load must give back; those of the base class have forms of their own.

    What a `to_dict` of the author's leaves out is not to be loaded.
    """
    cls, fields = type(config), written_fields(config)
    if writes_by_hand(cls):
        fields = {name: fields[name] for name in fields.keys() & resolve_aliases(cls, values_to_save(config)).keys()}
    return {name: value for name, value in fields.items() if name not in _NOT_COMPARED}


def _all_values(config: Any, further: Iterable[str] = ()) -> dict[str, Any]:
    """Return all values that a load must give back; names of classes only if they are not just numbered.

    Args:
        config: The config.
        further: Attributes that are not written.
    """
    labels = labels_of(config)
    names = labels.id2label if labels.has_own_names() else None
    numbers = names and labels.numbers()
    base = {name: getattr(config, name) for name in BASE_DEFAULTS}
    others = {name: attribute_of(config, name) for name in further}
    return {**_compared_fields(config), **base, "id2label": names, "label2id": numbers, **others}


def _loaded(cls: type[Any], written: dict[str, Any]) -> Any:
    """Return the config that a load would make. Its `__init__` may restore what no annotation does."""
    # Without `catch_warnings`, which threads that save at once would undo in the wrong order.
    return cls.from_dict(copied(written))  # one of the author's may change its argument


class _Difference(NamedTuple):
    """A value that a load does not give back.

    Attributes:
        path: Its path, such as `layers[2]`.
        saved: The value.
        loaded: What a load gives instead; `_LOST` if nothing.
        field: The value of the field, of the config, a part or a dataclass, that it is in.
    """

    path: str
    saved: Any
    loaded: Any
    field: Any


def _differences(saved: Mapping[str, Any], loaded: Mapping[str, Any], path: str = "") -> Iterator[_Difference]:
    """Yield what differs in the fields of two configs.

    Args:
        saved: The fields of one.
        loaded: Those of the other.
        path: Where they are.
    """
    for name, value in saved.items():
        yield from _difference(value, loaded.get(name, _LOST), f"{path}.{name}" if path else name, value)


def _difference(saved: Any, loaded: Any, path: str, field: Any) -> Iterator[_Difference]:
    if saved is loaded or (type(saved) in SCALARS and saved == loaded):
        return
    if setting_of(saved) != setting_of(loaded):
        yield _Difference(path, saved, loaded, field)
    elif (keys := _shared_keys(saved, loaded)) is not None:
        for key in keys:
            step = f".{key}" if isinstance(key, str) else f"[{key!r}]"
            yield from _difference(saved[key], loaded[key], f"{path}{step}", field)
    elif is_config(saved) and type(saved) is type(loaded):
        yield from _differences(_all_values(saved), _all_values(loaded), path)
    elif are_equal(saved, loaded):
        return
    elif type(saved) is type(loaded) and kind_of(type(saved)) == "dataclass":
        names = [each.name for each in dataclass_fields(type(saved), with_computed=True)]
        fields, others = ({name: getattr(each, name, None) for name in names} for each in (saved, loaded))
        yield from _differences(fields, others, path)
    # A class without `__eq__` compares by identity.
    elif type(saved) is not type(loaded) or isinstance(saved, (dict, list, tuple)) or not same_value(saved, loaded):
        yield _Difference(path, saved, loaded, field)


def _shared_keys(saved: Any, loaded: Any) -> Iterable[Any] | None:
    """Return the keys of two dicts that have the same, or the indices of two lists or tuples; None for others."""
    if isinstance(saved, dict) and isinstance(loaded, dict):
        return saved.keys() if saved.keys() == loaded.keys() else None
    are_of_kind = any(isinstance(saved, kind) and isinstance(loaded, kind) for kind in (list, tuple))
    return range(len(saved)) if are_of_kind and len(saved) == len(loaded) else None


def _advice(difference: _Difference, *, home: str, is_final: bool) -> str:
    """Return what would happen to a value, and what to do about it, such as how to annotate the field that it is in.

    Args:
        difference: The value, and what a load would make of it.
        home: The module of the class that has the field.
        is_final: Whether another load would leave that as it is.
    """
    path, saved, loaded, field = difference
    kind = type(saved).__name__
    if loaded is _LOST:
        return f"{shown(saved)} would be lost, because the class keeps no such value in a load. Remove it."
    if (setting := setting_of(saved)) != setting_of(loaded):
        name, plain = ("maxlen", "list") if hasattr(saved, "maxlen") else ("default_factory", "dict")
        problem = f"the {name} of a {kind} cannot be written to JSON: {shown(setting)} would be lost."
        return f"{problem} Use a {plain}, and make the {kind} of it where it is needed."
    if path.rpartition(".")[2].partition("[")[0] in _NOT_COMPARED or _is_of_json(saved):
        when, remedy = "each", "Let __init__ keep what it is given, and what it makes of that under another name."
        if is_final:
            ways = "the constructor or to update(), which make the same of it"
            when, remedy = "a", f"Assign {shown(loaded)}, or give {shown(saved)} to {ways}."
        return (
            f"the class makes something else of it in {when} load: {shown(saved)} would be loaded as "
            f"{type(loaded).__name__} {shown(loaded)}. {remedy}"
        )
    if is_config(saved) and is_config(loaded):
        return f"{kind} would be loaded as {type(loaded).__name__}. Give each of the classes a model_type."
    if isinstance(saved, dict) and isinstance(loaded, dict):
        kind += " whose keys are not text"
    problem = (
        f"a value of type {kind} cannot be written to JSON so that a load gives it back: {shown(saved)} would be "
        f"loaded as {type(loaded).__name__} {shown(loaded)}."
    )
    if isinstance(saved, str) or (isinstance(saved, dict) and not isinstance(loaded, dict)):
        return f"{problem} JSON has a meaning of its own for it: use another one."
    from config_core.config._value_advice import annotation_of

    annotation, after_imports = annotation_of(field, home)
    is_told = saved is field or not annotation.endswith("Any]")  # which of several types one of its values has
    annotate = f"Annotate the field with its type, such as {annotation}{after_imports}, or use" if is_told else "Use"
    return (
        f"{problem} {annotate} a value that JSON has: None, bool, int, float, str, list, or a dict with text as keys."
    )


def _is_of_json(value: Any) -> bool:
    """Return whether JSON gives a value back as it is."""
    try:
        _, read = encode_and_read({"value": value}, owner="")
    except (ConfigError, TypeError, ValueError):
        return False
    return not any(_difference(value, read["value"], "", value))
