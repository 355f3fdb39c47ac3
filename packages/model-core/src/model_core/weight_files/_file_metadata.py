"""What our weight files hold besides tensors: JSON objects in the metadata of the safetensors header.

The format allows only strings there and has no checksum. A damaged name could turn into another valid name, so each
object is followed by a checksum of its own.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, TypeVar

from model_core.errors import WeightsFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MODULE_VERSIONS_KEY", "TIED_WEIGHTS_KEY", "decode_object", "encode_object"]

# Names that were saved once for several: {name that was left out: name that was saved}.
TIED_WEIGHTS_KEY = "tied_weights"
# Versions of modules with load hooks, which need them: {path of the module: version}.
MODULE_VERSIONS_KEY = "module_versions"

_Value = TypeVar("_Value", str, int)


def encode_object(key: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the metadata entries for an object: its JSON and the CRC-32 of that. No entries if it is empty."""
    if not values:
        return {}
    text = json.dumps(values, sort_keys=True)
    return {key: text, _checksum_key(key): _checksum(text)}


def decode_object(metadata: Mapping[str, str], key: str, kind: type[_Value], *, path: Path) -> dict[str, _Value]:
    """Return an object that metadata holds, or an empty dict if it is absent.

    Args:
        metadata: The metadata of a file.
        key: Key of the object.
        kind: Type of its values.
        path: The file, for error messages.

    Raises:
        WeightsFileError: The object is damaged, or has values of another type.
    """
    text = metadata.get(key)
    if text is None:
        return {}
    if metadata.get(_checksum_key(key), _checksum(text)) != _checksum(text):
        raise WeightsFileError(f"its metadata {key!r} is damaged. Download or copy the file again", file=path)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(type(value) is kind for value in values.values()):
        raise WeightsFileError(
            f"its metadata {key!r} is not a JSON object with values of type {kind.__name__}", file=path
        )
    return values


def _checksum_key(key: str) -> str:
    return f"{key}_crc32"


def _checksum(text: str) -> str:
    """Return the CRC-32 of a text, in hexadecimal."""
    return f"{zlib.crc32(text.encode()):08x}"
