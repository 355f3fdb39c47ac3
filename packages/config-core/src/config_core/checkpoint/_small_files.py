"""Reading small files whose size somebody else has chosen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_at_most"]


def read_at_most(path: Path, limit: int) -> bytes:
    """Return the content of a file, or of a larger one its first `limit + 1` bytes, for the caller to refuse.

    Args:
        path: The file. Opening a pipe would wait for a writer: ask `is_file` first where there may be one.
        limit: Largest size in bytes that is of use.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(min(size, limit) + 1)  # Python makes room for all that is asked for
