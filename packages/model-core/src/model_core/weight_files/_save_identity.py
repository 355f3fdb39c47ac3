"""Which files were written by one and the same save.

A sharded save draws a random identity and writes it into the index and into every shard. A copy that broke off half
way, or shards that somebody put together by hand, then show as what they are: files of two saves, whose tensors fit
each other in name and shape and in nothing else. Files without an identity, as other libraries write them, pass. A
single file needs none, so that saving the same model twice gives the same bytes.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from model_core.errors import MixedSavesError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SAVE_ID_KEY", "check_one_save", "new_save_id"]

# In the metadata of the index and of each shard.
SAVE_ID_KEY = "save_id"


def new_save_id() -> str:
    """Return an identity that no other save has."""
    return secrets.token_hex(16)


def check_one_save(checkpoint: str, save_ids: Mapping[str, str | None]) -> None:
    """Refuse files of different saves.

    Args:
        checkpoint: The checkpoint in words.
        save_ids: Names of files to what they say of the save that wrote them; None for those that say nothing.

    Raises:
        MixedSavesError: Two of them name different saves.
    """
    saves: dict[str, list[str]] = {}
    for filename, save_id in save_ids.items():
        if save_id is not None:
            saves.setdefault(save_id, []).append(filename)
    if len(saves) > 1:
        raise MixedSavesError(checkpoint=checkpoint, saves=saves.values())
