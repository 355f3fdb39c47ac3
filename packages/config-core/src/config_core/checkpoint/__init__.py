"""Where the files of a checkpoint come from, and saving a folder as one step."""

from config_core.checkpoint._checkpoint import CONFIG_NAME, Checkpoint, FolderCheckpoint, existing_path, open_checkpoint
from config_core.checkpoint._hub_options import HubKeywords, HubOptions
from config_core.checkpoint._hub_service import check_push, push_saved
from config_core.checkpoint._safe_names import blobs_of_snapshot, check_links, check_relative_name
from config_core.checkpoint._small_files import read_at_most
from config_core.checkpoint._staged_save import pending_files, staged_save

__all__ = [
    "CONFIG_NAME",
    "Checkpoint",
    "FolderCheckpoint",
    "HubKeywords",
    "HubOptions",
    "blobs_of_snapshot",
    "check_links",
    "check_push",
    "check_relative_name",
    "existing_path",
    "open_checkpoint",
    "pending_files",
    "push_saved",
    "read_at_most",
    "staged_save",
]
