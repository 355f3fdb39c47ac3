"""Where the files of a checkpoint come from, how they are named, and saving a folder as one step.

Saving, its journal and the names of weight files are imported on first use: a config that is read does not need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config_core.checkpoint._checkpoint import CONFIG_NAME, Checkpoint, FolderCheckpoint
from config_core.checkpoint._hub_service import (
    CardMetadata,
    HubKeywords,
    HubOptions,
    HubService,
    PushedCommit,
    PushOptions,
    check_card_metadata,
    check_push,
    check_save_options,
    push_saved,
)
from config_core.checkpoint._opening import existing_path, open_checkpoint
from config_core.checkpoint._safe_names import (
    blobs_of_snapshot,
    check_links,
    check_relative_name,
    expand_home,
    is_save_state,
)
from config_core.checkpoint._small_files import LFS_PROBLEM, decode_json, is_lfs_pointer, read_at_most, replace_file

if TYPE_CHECKING:
    from config_core.checkpoint._save_journal import pending_files
    from config_core.checkpoint._staged_save import staged_save
    from config_core.checkpoint._weight_files import (
        WeightFile,
        is_variant,
        kind_of_folder,
        parse_weight_file,
        stale_weights,
        weight_file_name,
        weight_index_name,
        weight_variants,
        where_config_may_be,
    )

__all__ = [
    "CONFIG_NAME",
    "LFS_PROBLEM",
    "CardMetadata",
    "Checkpoint",
    "FolderCheckpoint",
    "HubKeywords",
    "HubOptions",
    "HubService",
    "PushOptions",
    "PushedCommit",
    "WeightFile",
    "blobs_of_snapshot",
    "check_card_metadata",
    "check_links",
    "check_push",
    "check_relative_name",
    "check_save_options",
    "decode_json",
    "existing_path",
    "expand_home",
    "is_lfs_pointer",
    "is_save_state",
    "is_variant",
    "kind_of_folder",
    "open_checkpoint",
    "parse_weight_file",
    "pending_files",
    "push_saved",
    "read_at_most",
    "replace_file",
    "staged_save",
    "stale_weights",
    "weight_file_name",
    "weight_index_name",
    "weight_variants",
    "where_config_may_be",
]

_HOMES = {"pending_files": "_save_journal", "staged_save": "_staged_save"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, '_weight_files')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
