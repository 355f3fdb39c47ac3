"""Which fields of a config are written to its file.

Every field of the class is written. A field of the base class is written if it was given or set at construction, or if
it has another value than the base class's default: a file without it could be loaded with another default of the class.
"""

from __future__ import annotations

import threading
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from config_core.config._base_fields import DEFAULT_NUM_LABELS, Labels, labels_of
from config_core.config._config_definition import definition_of
from config_core.config._value_types import SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BASE_DEFAULTS",
    "HandWrittenCalls",
    "hand_written_calls",
    "is_base_default",
    "note_complete",
    "note_set_fields",
    "written_fields",
]

_PLAIN_DEFAULTS: dict[str, Any] = {
    "architectures": None,
    "problem_type": None,
    "output_hidden_states": False,
    "output_attentions": False,
    "return_dict": True,
    "is_encoder_decoder": False,
}
BASE_DEFAULTS: dict[str, Any] = {**_PLAIN_DEFAULTS, "dtype": None, "num_labels": DEFAULT_NUM_LABELS}
_BASE_FIELDS = frozenset(BASE_DEFAULTS)
_base_attributes = itemgetter(*_PLAIN_DEFAULTS, "_dtype")
_UNSET = (*_PLAIN_DEFAULTS.values(), None)


def note_set_fields(config: Any, given: Mapping[str, Any]) -> None:
    """Note which fields of the base class were given to a new config, or set by its class."""
    state = vars(config)
    if "_labels" not in state and _BASE_FIELDS.isdisjoint(given) and _is_unset(state):
        return  # the usual case, in a tenth of the time
    labels = state.get("_labels", Labels())
    values = {**state, "dtype": config.dtype, "num_labels": labels.num_labels}
    state["_set_fields"] = frozenset(
        name for name in BASE_DEFAULTS if name in given or (name in values and not is_base_default(name, values[name]))
    )
    state["_num_named"] = len(labels.id2label or ())


def _is_unset(state: Mapping[str, Any]) -> bool:
    """Return whether no attribute of the base class was set."""
    try:
        return bool(_base_attributes(state) == _UNSET)
    except Exception:  # noqa: BLE001 - an author may set one to anything, such as an array
        return False


def is_base_default(name: str, value: Any) -> bool:
    """Return whether a value is the default of a field of the base class."""
    return type(value) in SCALARS and bool(value == BASE_DEFAULTS[name])


def written_fields(config: Any, *, with_unset: bool = False) -> dict[str, Any]:
    """Return the fields of a file, not yet as JSON's types.

    Args:
        config: The config.
        with_unset: Return those of the base class that need not be written too, for a comparison.
    """
    cls, state = type(config), vars(config)
    definition, num_named = definition_of(cls), state.get("_num_named", 0)
    cached = definition.cached_properties
    optional = frozenset() if with_unset else _BASE_FIELDS - definition.own - state.get("_set_fields", frozenset())
    fields: dict[str, Any] = {
        name: value
        for name, value in state.items()
        if name[:1] != "_" and name not in cached and (name not in optional or value is not BASE_DEFAULTS[name])
    }
    fields |= {name: getattr(config, name) for name in definition.properties}
    fields |= state.get("_extra", {})
    fields["model_type"] = cls.model_type or config.model_type
    if config.dtype is not None or "dtype" not in optional:
        fields["dtype"] = config.dtype
    labels = labels_of(config)
    if labels.id2label is None and num_named == labels.num_labels != 0:
        labels = labels.named()  # a file without names would be loaded with those of the class
    names = labels.id2label
    if names and (labels.has_own_names() or (num_named and not with_unset)):
        fields.update(id2label=names, label2id=labels.numbers())
    elif "num_labels" not in definition.aliases and (
        labels.num_labels != DEFAULT_NUM_LABELS or "num_labels" not in optional
    ):
        fields["num_labels"] = labels.num_labels
    return fields


# A `to_dict` that a class has written by hand


class HandWrittenCalls(threading.local):
    """The calls of hand-written `to_dict`s at hand in this thread.

    Attributes:
        complete: `id` of each config whose fields the base class has returned to one of them; None while there is none.
    """

    complete: set[int] | None = None


hand_written_calls = HandWrittenCalls()


def note_complete(config: Any) -> None:
    """Note that a hand-written `to_dict` got all fields from the base class: what it then lacks, it has removed."""
    if hand_written_calls.complete is not None:
        hand_written_calls.complete.add(id(config))
