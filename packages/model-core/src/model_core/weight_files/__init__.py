"""The files that hold weights: their names, their format, and what they say besides their tensors.

What loading and saving must agree on, and all that they share.
"""

from model_core.weight_files._checkpoint_layout import (
    WeightFiles,
    find_weight_files,
    index_name,
    is_weights_name,
    shard_name,
    single_name,
)
from model_core.weight_files._file_metadata import TIED_KEY, VERSIONS_KEY, object_to_metadata, read_object
from model_core.weight_files._safetensors_format import (
    ALIGNMENT,
    ALIGNMENT_METADATA_KEY,
    LENGTH_BYTES,
    METADATA_NAME,
    stored_dtype,
    stored_name,
)
from model_core.weight_files._save_identity import SAVE_ID_KEY, check_one_save, new_save_id

__all__ = [
    "ALIGNMENT",
    "ALIGNMENT_METADATA_KEY",
    "LENGTH_BYTES",
    "METADATA_NAME",
    "SAVE_ID_KEY",
    "TIED_KEY",
    "VERSIONS_KEY",
    "WeightFiles",
    "check_one_save",
    "find_weight_files",
    "index_name",
    "is_weights_name",
    "new_save_id",
    "object_to_metadata",
    "read_object",
    "shard_name",
    "single_name",
    "stored_dtype",
    "stored_name",
]
