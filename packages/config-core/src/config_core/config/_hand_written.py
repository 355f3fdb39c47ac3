"""A `to_dict`, `to_json_string` or `to_diff_dict` that the author of a class has written by hand."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from config_core.config._base_fields import LABEL_FIELDS
from config_core.config._checked_values import has_own, resolve_aliases
from config_core.config._config_json import NOTE_KEY, decode_config, has_note
from config_core.config._recomputing import with_note
from config_core.config._written_fields import BASE_DEFAULTS, hand_written_calls, is_base_default, written_fields
from config_core.errors import ConfigDefinitionError, ConfigFileError

__all__ = ["adopt_to_dict", "values_to_save", "writes_by_hand"]


def adopt_to_dict(cls: type[Any]) -> None:
    """Let a `to_dict` that the author of a class has written return what a load needs, and no private names.

    Published classes write `copy.deepcopy(self.__dict__)`, as transformers once did. Labels and the dtype are not
    there, and names with an underscore are no fields.

    Args:
        cls: The class.
    """
    method = cls.to_dict
    if hasattr(method, "_is_adopted") or not hasattr(method, "__code__"):
        return

    @functools.wraps(method)
    def to_dict(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        outer = hand_written_calls.complete
        hand_written_calls.complete = complete = set() if outer is None else outer
        try:
            written = method(self, *args, **kwargs)
        finally:
            hand_written_calls.complete = outer
        is_complete = id(self) in complete
        complete.add(id(self))
        return _completed(self, written, is_complete=is_complete)

    vars(to_dict)["_is_adopted"] = True
    cls.to_dict = to_dict


def _completed(config: Any, written: Any, *, is_complete: bool) -> dict[str, Any]:
    """Return what a hand-written `to_dict` returns, without private names and with what it lacks."""
    cls, fields = type(config), written_fields(config)
    if not isinstance(written, dict):
        raise ConfigDefinitionError(f"{cls.__qualname__}.to_dict must return a dict, got {written!r:.80}.")
    extra = vars(config).get("_extra", {})
    kept = {
        name: value
        for name, value in written.items()
        if (not str(name).startswith("_") or name in extra)
        and not (name not in fields and name in BASE_DEFAULTS and is_base_default(name, value))
    }
    # A copy of `__dict__` has all that is there, so what it lacks was removed on purpose.
    removed = vars(config).keys() if is_complete or "_extra" in written else frozenset()
    present = resolve_aliases(cls, kept).keys() | removed
    if is_complete:
        present |= fields.keys() - {"model_type"}
    values = kept | {name: value for name, value in fields.items() if name not in present}
    if not has_note(config):
        return values
    return with_note(config, fields, {name: value for name, value in values.items() if name != NOTE_KEY})


def writes_by_hand(cls: type[Any]) -> bool:
    """Return whether a save writes what a method of the author's returns, so that it may leave fields out."""
    return hasattr(cls.to_dict, "_is_adopted") or has_own(cls, "to_json_string") or has_own(cls, "to_diff_dict")


def values_to_save(config: Any, *, use_diff: bool = False) -> dict[str, Any]:
    """Return what a save of a config writes, as transformers does: by its own `to_json_string` or `to_diff_dict`.

    What these lack of the fields of the base class is added, and private names are removed, as for a `to_dict`.

    Args:
        config: The config.
        use_diff: Whether only what differs from the defaults is asked for.

    Raises:
        ConfigDefinitionError: Such a method returns something else than a JSON object.
    """
    cls = type(config)
    values: Any
    if has_own(cls, "to_json_string"):
        values = _object_in(config.to_json_string(use_diff=True) if use_diff else config.to_json_string(), cls)
    elif has_own(cls, "to_diff_dict"):
        values = config.to_diff_dict()
    else:
        return config.to_diff_dict() if use_diff else config.to_dict()  # type: ignore[no-any-return]
    if not isinstance(values, dict):
        raise ConfigDefinitionError(f"{cls.__qualname__}.to_diff_dict must return a dict, got {values!r:.80}.")
    names = {NOTE_KEY, *vars(config).get("_extra", {})}
    public = {name: value for name, value in values.items() if not str(name).startswith("_") or name in names}
    of_base = {"model_type", *LABEL_FIELDS, *BASE_DEFAULTS}
    return {name: value for name, value in written_fields(config).items() if name in of_base} | public


def _object_in(text: Any, cls: type[Any]) -> dict[str, Any]:
    method = f"{cls.__qualname__}.to_json_string"
    if not isinstance(text, str):
        raise ConfigDefinitionError(f"{method} must return text, got {text!r:.80}.")
    try:
        return decode_config(text.encode(), path=Path(method))
    except ConfigFileError as error:
        raise ConfigDefinitionError(f"{method} must return a JSON object: {error.problem}") from error
