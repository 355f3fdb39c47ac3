"""Fields that a class computes from other fields, such as `self.head_dim = hidden // heads`.

They are fields like others, and are written to the file. When another field changes, they are computed again, unless
they have a value that somebody gave. Which is which is found by making the config without them: those that come out as
they were are computed.

A file notes which of its fields were computed at the save, with a checksum of its values. As long as the checksum fits,
the file is what a save wrote, and loads as it was: also values that are no function of fields, such as a time or the
version of a library. If it does not fit, the file was edited, and a field that was computed and no longer fits the
others is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.config._base_fields import attributes_of
from config_core.config._config_definition import definition_of
from config_core.config._config_json import NOTE_KEY, jsonable, sorted_text
from config_core.config._equal_values import same_value
from config_core.config._problems import shown
from config_core.config._value_types import copied
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = [
    "Note",
    "check_edited",
    "computed_fields",
    "computed_without_note",
    "contradiction",
    "make_note",
    "read_note",
]

# What other tools, and saves of models, write into a config.
_NO_INPUTS = frozenset(
    {
        "architectures",
        "auto_map",
        "configuration_files",
        "dtype",
        "model_type",
        "torch_dtype",
        "transformers_version",
    }
)


class Note:
    """What a file notes of its computed fields.

    Attributes:
        names: The fields that were computed at the save.
        is_edited: Whether other values of the file have changed since.
    """

    def __init__(self, names: Collection[str], *, is_edited: bool) -> None:
        """Make a note."""
        self.names = frozenset(names)
        self.is_edited = is_edited


def read_note(noted: Any, values: Mapping[str, Any]) -> Note | None:
    """Return what a file notes of its computed fields, or None if it is not in the form that a save writes.

    Args:
        noted: The value in the file.
        values: The other values of the file.
    """
    if not isinstance(noted, dict) or not isinstance(names := noted.get("names"), list):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    try:
        is_edited = noted.get("checksum") != _checksum(jsonable(dict(values)))
    except ConfigError:  # a dict with objects in it, which no save wrote
        is_edited = True
    return Note(names, is_edited=is_edited)


def make_note(names: Iterable[str], values: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
    """Return the note of computed fields for a file with these values.

    Args:
        names: The fields.
        values: All values of the file.
        owner: Name of the config class, for errors.
    """
    return {"checksum": _checksum(jsonable(dict(values)), owner), "names": sorted(names)}


def _checksum(values: Mapping[str, Any], owner: str = "") -> str:
    import zlib

    inputs = {name: value for name, value in values.items() if name[:1] != "_" and name not in _NO_INPUTS}
    return f"{zlib.crc32(sorted_text(inputs, owner=owner).encode()):08x}"


def computed_without_note(
    cls: type[Any], make: Callable[[dict[str, Any]], Any], fields: Mapping[str, Any], given: Collection[str]
) -> set[str]:
    """Return which fields of a file without a note have the value that their class computes from the others.

    Args:
        cls: The config class.
        make: Makes a config of fields.
        fields: The fields of the file.
        given: Those that are given other values.
    """
    definition = definition_of(cls)
    base = definition.inherited - definition.passed
    names = {name for name in fields.keys() - base - set(given) if not name.startswith("_")}
    defaults = {name: definition.defaults.get(name) for name in names}
    # A default such as -1 may stand for a computed value, too.
    unlike_default = {name for name in names if not same_value(fields[name], defaults[name])}
    found = computed_fields(make, fields, unlike_default, defaults=defaults)
    if found is None:  # `__init__` does not work without some that are no derived ones
        found = computed_fields(make, fields, {name for name in unlike_default if defaults[name] is None})
    return found or set()


def computed_fields(
    make: Callable[[dict[str, Any]], Any],
    fields: Mapping[str, Any],
    candidates: Collection[str],
    *,
    defaults: Mapping[str, Any] | None = None,
) -> set[str] | None:
    """Return which fields have the value that their class computes from the others; None if it cannot be found out.

    Args:
        make: Makes a config of fields.
        fields: All fields, as plain values or as the config has them.
        candidates: Those that may be computed.
        defaults: The defaults of candidates; by default None.
    """
    omitted, defaults = {name for name in candidates if name in fields}, defaults or {}
    while omitted:
        try:
            probe = attributes_of(make({name: copied(value) for name, value in fields.items() if name not in omitted}))
        except Exception:  # noqa: BLE001 - the author's code, which may not work without them
            return None
        others = {name for name in omitted if name not in probe or not same_value(probe[name], fields[name])}
        if not others:
            return omitted
        independent = {name for name in others if same_value(probe.get(name), defaults.get(name))}
        # One that somebody gave may be what others are computed from: look again with it in place.
        omitted -= independent or {next((name for name in probe if name in others), min(others))}
    return set()


def check_edited(
    cls: type[Any], make: Callable[[dict[str, Any]], Any], fields: Mapping[str, Any], names: Collection[str]
) -> None:
    """Check that the computed fields of a file that was edited still fit the others.

    Raises:
        ConfigError: Some do not.
    """
    names = [name for name in fields if name in names]
    if not names:
        return
    try:
        probe = make({name: copied(value) for name, value in fields.items() if name not in names})
    except Exception:  # noqa: BLE001 - overrides may repair the values, or the load itself reports what is wrong
        return
    wrong = {
        name: vars(probe)[name]
        for name in names
        if name in vars(probe) and not same_value(vars(probe)[name], fields[name])
    }
    if wrong:
        raise contradiction(cls, fields, wrong, is_noted=True)


def contradiction(
    cls: type[Any], fields: Mapping[str, Any], computed: Mapping[str, Any], *, is_noted: bool = False
) -> ConfigError:
    """Return the error for fields that are not what the class computes.

    Args:
        cls: The config class.
        fields: All fields.
        computed: Those that differ, as the class computes them.
        is_noted: Whether the file notes that they were computed.
    """
    pairs = "; ".join(
        f"{name!r} is {shown(fields[name])}, but is computed from the other fields as {shown(value)}"
        for name, value in computed.items()
    )
    names = " and ".join(map(repr, computed))
    kept = ", ".join(f"{name}={shown(fields[name])}" for name in computed)
    other_way = f", or remove {names} from the names in {NOTE_KEY!r}" if is_noted else ""
    return ConfigError(
        f"{cls.__name__}: {pairs}. Leave {names} out for the computed value. To keep what is there, pass "
        f"{kept} as an override{other_way}."
    )
