"""What files of ours say besides their tensors: JSON objects in the metadata of a safetensors header.

The format knows only strings there, and no checksum. A damaged name could be another name that fits as well, so each
object is followed by its own.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, TypeVar

from model_core.errors import WeightsFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["TIED_KEY", "VERSIONS_KEY", "object_to_metadata", "read_object"]

# Names that were saved once for several: {name left out: name saved}.
TIED_KEY = "tied_weights"
# Versions of modules with load hooks, which ask for them: {path of the module: version}.
VERSIONS_KEY = "module_versions"

_Value = TypeVar("_Value", str, int)


def object_to_metadata(key: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the entries for an object: none if it is empty, else its text and the text's CRC-32 in hexadecimal."""
    if not values:
        return {}
    text = json.dumps(values, sort_keys=True)
    return {key: text, _checksum_key(key): _checksum(text)}


def read_object(metadata: Mapping[str, str], key: str, kind: type[_Value], *, path: Path) -> dict[str, _Value]:
    """Return an object that metadata holds; empty if there is none.

    Args:
        metadata: The metadata of a file.
        key: Which object.
        kind: The type of its values.
        path: The file, for the error.

    Raises:
        WeightsFileError: It is damaged, or no object of such values.
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
        raise WeightsFileError(f"its metadata {key!r} is not a JSON object of {kind.__name__}", file=path)
    return values


def _checksum_key(key: str) -> str:
    return f"{key}_crc32"


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
