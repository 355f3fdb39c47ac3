"""Whose file is it? A config file that does not name the class that reads it may be one of another library.

Its values would be kept as unknown fields and the class's own defaults used instead: a wrong model without a word. So a
file that does not claim the class, and has keys that the class does not know, is refused.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from config_core.config._construction import upgraded
from config_core.config._file_kinds import file_kind
from config_core.config._unknown_names import names_unknown_to
from config_core.config._value_types import copied
from config_core.errors import ForeignConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_claim"]


def check_claim(cls: type[Any], values: Mapping[str, Any], path: Path) -> None:
    """Check that a config file is one of the class that reads it, as far as can be told.

    Args:
        cls: The class. If it has no `model_type`, it is for files of any kind.
        values: The values in the file.
        path: The file.

    Raises:
        ForeignConfigError: It does not claim the class, and has keys that the class does not know.
    """
    unknown = names_unknown_to(cls, _upgraded(cls, values))
    if not unknown or _claims(cls, values):
        return
    kind, looks_like = file_kind(values)
    named = f" It looks like {looks_like}." if kind else ""  # a model_type is named as such
    found = f"has the model_type {values['model_type']!r:.80}" if values.get("model_type") else "has no model_type"
    raise ForeignConfigError(
        f"this is not a config of {cls.__name__}: it {found} and keys that the class does not know, "
        f"{_shortened(unknown)}.{named} {_remedy(cls, values, kind)}",
        path=path,
        looks_like=looks_like,
        unknown=unknown,
    )


def _upgraded(cls: type[Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values as the class's `upgrade` reads them; none if it fails, which the load itself will report."""
    with contextlib.suppress(Exception):  # a program's own code
        return upgraded(cls, copied(dict(values)))
    return {}


def _claims(cls: type[Any], values: Mapping[str, Any]) -> bool:
    """Return whether a file without a model_type names the class, or a model whose name starts like it."""
    if values.get("model_type"):
        return False
    auto_map = values.get("auto_map")
    reference = auto_map.get("AutoConfig") if isinstance(auto_map, dict) else None
    if isinstance(reference, str):
        return reference.rpartition(".")[2] == cls.__name__
    stem = cls.__name__.removesuffix("Config").lower()
    architectures = values.get("architectures")
    names = architectures if isinstance(architectures, list) else ()
    return any(isinstance(name, str) and name.lower().startswith(stem) for name in names)


def _remedy(cls: type[Any], values: Mapping[str, Any], kind: str) -> str:
    if (reader := cls.foreign_readers.get(kind)) is not None:
        return f"{reader} reads it."
    dicts = {name: value for name, value in values.items() if isinstance(value, dict)}
    if part := next((name for name, value in dicts.items() if value.get("model_type") == cls.model_type), None):
        name = cls.__name__
        return f"Its {part!r} is one: {name}.from_dict({name}.get_config_dict(...)[0][{part!r}])."
    if values.get("model_type"):
        return (
            f"Load it with the class of its model_type, or with {cls.__name__}.from_dict if it is meant for this one."
        )
    return (
        f'If it is meant for this class, add "model_type": "{cls.model_type}" to the file, or read it with '
        f"{cls.__name__}.from_dict."
    )


def _shortened(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"{name!r:.80}" for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown  # noqa: PLR2004 - a line's worth
