"""Fields that a class computes from other fields, such as `self.head_dim = hidden // heads`.

They are fields like others, and are written to the file. When another field changes, they are computed again, unless
they have a value that somebody gave. Which is which is found by making the config without them: those that come out as
they were are computed.

A file notes which of its fields were computed at the save, with a checksum of each and one of all its values. As long
as the latter fits, the file is what a save wrote, and loads as it was: also values that are no function of fields, such
as the version of a library. If it does not fit, the file was edited: computed fields that somebody has changed count,
and the others are computed again. In a file without a note, which was not saved here, computed fields that contradict
the others are an error, also in a part that `__init__` makes of what the file has. What an `__init__` gives a part
beside that is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.config._config_definition import definition_of
from config_core.config._config_json import jsonable, sorted_text
from config_core.config._construction import attributes_made_of
from config_core.config._equal_values import same_value
from config_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "Note",
    "computed_again",
    "computed_fields",
    "computed_without_note",
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
        changed: Those of them that are written in another way now.
        is_edited: Whether any values of the file have changed since.
    """

    def __init__(self, checksums: Mapping[str, Any], values: Mapping[str, Any], *, is_edited: bool) -> None:
        """Make a note.

        Args:
            checksums: Computed field to the checksum of its value at the save.
            values: The values that the file has now.
            is_edited: Whether any have changed.
        """
        self._checksums, self._values = checksums, values
        self.names = frozenset(checksums)
        self.changed = frozenset(name for name in checksums if is_edited and not self._is_saved(name, values.get(name)))
        self.is_edited = is_edited

    def _is_saved(self, name: str, value: Any) -> bool:
        try:
            return bool(self._checksums[name] == _checksum({name: jsonable(value)}))
        except ConfigError:  # an `upgrade` may make any object of it
            return False

    def follow(self, fields: Mapping[str, Any]) -> None:
        """Change the names to those that the fields have now: after an `upgrade`, or if an alias was written."""
        self.changed -= {name for name in self.changed & fields.keys() if self._is_saved(name, fields[name])}
        if not (gone := self.names & self._values.keys() - fields.keys()):
            return
        new = fields.keys() - self._values.keys()
        names = {old: name for old in gone for name in new if same_value(fields[name], self._values[old])}
        self.names = frozenset(names.get(name, name) for name in self.names)
        self.changed = frozenset(names.get(name, name) for name in self.changed)


def read_note(noted: Any, values: Mapping[str, Any]) -> Note | None:
    """Return what a file notes of its computed fields, or None if it is not in the form that a save writes.

    Args:
        noted: The value in the file.
        values: The other values of the file.
    """
    if not isinstance(noted, dict) or not isinstance(checksums := noted.get("checksums"), dict):
        return None
    try:
        plain = jsonable(dict(values))
        return Note(checksums, plain, is_edited=noted.get("checksum") != _checksum(_inputs(plain)))
    except ConfigError:  # a dict with objects in it, which no save wrote
        return None


def make_note(names: Iterable[str], values: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
    """Return the note of computed fields for a file with these values.

    Args:
        names: The fields.
        values: All values of the file.
        owner: Name of the config class, for errors.
    """
    plain = jsonable(dict(values))
    whole = _checksum(_inputs(plain), owner)
    return {"checksum": whole, "checksums": {name: _checksum({name: plain[name]}) for name in sorted(names)}}


def _inputs(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name[:1] != "_" and name not in _NO_INPUTS}


def _checksum(value: Any, owner: str = "") -> str:
    import zlib

    return f"{zlib.crc32(sorted_text(value, owner=owner).encode()):08x}"


def computed_without_note(cls: type[Any], fields: Mapping[str, Any], given: Collection[str]) -> set[str]:
    """Return which fields of a file without a note have the value that their class computes from the others.

    Args:
        cls: The config class.
        fields: The fields of the file.
        given: Those that are given other values.
    """
    definition = definition_of(cls)
    base = definition.inherited - definition.passed
    names = {name for name in fields.keys() - base - set(given) if not name.startswith("_")}
    defaults = {name: definition.defaults.get(name) for name in names}
    # A default such as -1 may stand for a computed value, too.
    unlike_default = {
        name for name in names if name in definition.handed_on or not same_value(fields[name], defaults[name])
    }
    found, _ = computed_fields(cls, fields, unlike_default, defaults=defaults)
    if found is None:  # `__init__` does not work without some that are no derived ones
        found, _ = computed_fields(cls, fields, {name for name in unlike_default if defaults[name] is None})
    return found or set()


def computed_fields(
    cls: type[Any], fields: Mapping[str, Any], candidates: Collection[str], *, defaults: Mapping[str, Any] | None = None
) -> tuple[set[str] | None, dict[str, Any]]:
    """Return which fields have the value that their class computes from the others; None if it cannot be found out.

    Args:
        cls: The config class.
        fields: All fields, as plain values or as the config has them.
        candidates: Those that may be computed.
        defaults: The defaults of candidates; by default None.

    Returns:
        The pair of the fields and the attributes of the config that was made without them; none if there are none.
    """
    omitted, defaults = {name for name in candidates if name in fields}, defaults or {}
    while omitted:
        probe = attributes_made_of(cls, fields, without=omitted)
        if probe is None:
            return None, {}
        others = {name for name in omitted if name not in probe or not same_value(probe[name], fields[name])}
        if not others:
            return omitted, probe
        independent = {name for name in others if same_value(probe.get(name), defaults.get(name))}
        # One that somebody gave may be what others are computed from: look again with it in place.
        omitted -= independent or {next((name for name in probe if name in others), min(others))}
    return set(), {}


def computed_again(cls: type[Any], fields: Mapping[str, Any], note: Note) -> Collection[str]:
    """Return which computed fields of a file that was edited are to be computed again.

    Args:
        cls: The config class.
        fields: The fields of the file.
        note: What the file notes of those that were computed.
    """
    names, changed = note.names & fields.keys(), note.changed & fields.keys()
    if (made := attributes_made_of(cls, fields, without=names)) is not None:
        computed = names - {name for name in changed if not same_value(made.get(name), fields[name])}
        made, twin = (attributes_made_of(cls, fields, without=computed) for _ in range(2))
        if made is not None and twin is not None:
            # What is another value each time, such as a time, comes back.
            return {name for name in computed if same_value(made.get(name), twin.get(name))}
    return names - changed  # overrides may repair the values, or the load itself reports what is wrong
