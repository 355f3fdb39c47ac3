"""The `key_mapping` of a load: the caller's regular expressions for names, and their replacements."""

from __future__ import annotations

import re
from collections.abc import Mapping

from model_core.errors import ArgumentError

__all__ = ["checked_key_mapping"]


def checked_key_mapping(key_mapping: object) -> Mapping[str, str]:
    """Return the argument of this name, or an empty mapping for None.

    Raises:
        ArgumentError: It is no mapping, or an expression or a replacement is invalid.
    """
    expected = "a dict from regular expressions to replacements"
    mapping = {} if key_mapping is None else key_mapping
    if not isinstance(mapping, Mapping):
        raise ArgumentError("key_mapping", key_mapping, expected=expected)
    for pattern, replacement in mapping.items():
        try:
            re.compile(pattern).sub(replacement, "")
        except (re.error, TypeError, IndexError) as error:
            shown = {pattern: replacement}
            raise ArgumentError("key_mapping", shown, expected=f"{expected} ({error})") from error
    return mapping
