"""An identifier by which files of different saves are told apart.

A sharded save writes a random identifier into the index and every shard. If a copy is interrupted halfway, or shards
of two checkpoints are put together by hand, the identifiers differ, although names and shapes may all match. Files
without an identifier, as other libraries write them, are accepted. A single file needs none, so saving a model
twice writes the same bytes.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from model_core.errors import WeightsFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SAVE_ID_KEY", "check_one_save", "mixed_saves", "new_save_id"]

# In the metadata of the index and of each shard.
SAVE_ID_KEY = "save_id"


def new_save_id() -> str:
    """Return a random identifier."""
    return secrets.token_hex(16)


def check_one_save(checkpoint: str, save_ids: Mapping[str, str | None]) -> None:
    """Check that files come from one save.

    Args:
        checkpoint: The checkpoint, for error messages.
        save_ids: The identifier in each file, by file name; None for a file without one.

    Raises:
        WeightsFileError: Two identifiers differ.
    """
    saves: dict[str, list[str]] = {}
    for filename, save_id in save_ids.items():
        if save_id is not None:
            saves.setdefault(save_id, []).append(filename)
    if len(saves) > 1:
        raise mixed_saves(checkpoint, saves.values())


def mixed_saves(checkpoint: str, saves: Iterable[Iterable[str]]) -> WeightsFileError:
    """Return the error for weight files from different saves, whose values do not belong together.

    Args:
        checkpoint: The checkpoint, for the message.
        saves: Names of the files, grouped by save.
    """
    groups = [tuple(filenames) for filenames in saves]
    listed = "; ".join(f"save {number}: {', '.join(filenames)}" for number, filenames in enumerate(groups, start=1))
    return WeightsFileError(
        f"the weight files come from {len(groups)} different saves ({listed}). Copy or download the whole checkpoint "
        "again into an empty folder, or remove the files that do not belong to it",
        file=checkpoint,
        saves=groups,
    )
