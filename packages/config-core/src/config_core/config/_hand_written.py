"""A `to_dict` that the author of a class has written by hand."""

from __future__ import annotations

import functools
from typing import Any

from config_core.config._checked_values import resolve_aliases
from config_core.config._config_json import NOTE_KEY
from config_core.config._recomputing import with_note
from config_core.config._written_fields import BASE_DEFAULTS, hand_written_calls, is_base_default, written_fields
from config_core.errors import ConfigDefinitionError

__all__ = ["adopt_to_dict"]


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
        hand_written_calls.depth += 1
        try:
            written = method(self, *args, **kwargs)
            is_complete = id(self) in hand_written_calls.complete
            hand_written_calls.complete.add(id(self))
        finally:
            hand_written_calls.depth -= 1
            if not hand_written_calls.depth:
                hand_written_calls.complete.clear()
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
    if "_computed" not in vars(config):
        return values
    return with_note(config, fields, {name: value for name, value in values.items() if name != NOTE_KEY})
