"""What loading and saving must agree on: names of weight files, the safetensors format, and the metadata in it."""

from model_core.weight_files._file_metadata import MODULE_VERSIONS_KEY, TIED_WEIGHTS_KEY, decode_object, encode_object
from model_core.weight_files._safetensors_format import (
    ALIGNMENT,
    ALIGNMENT_KEY,
    LENGTH_BYTES,
    METADATA_NAME,
    from_safetensors_dtype,
    to_safetensors_dtype,
)
from model_core.weight_files._save_identity import SAVE_ID_KEY, check_one_save, new_save_id
from model_core.weight_files._weight_names import index_name, is_weights_name, legacy_names, shard_name, single_name

__all__ = [
    "ALIGNMENT",
    "ALIGNMENT_KEY",
    "LENGTH_BYTES",
    "METADATA_NAME",
    "MODULE_VERSIONS_KEY",
    "SAVE_ID_KEY",
    "TIED_WEIGHTS_KEY",
    "check_one_save",
    "decode_object",
    "encode_object",
    "from_safetensors_dtype",
    "index_name",
    "is_weights_name",
    "legacy_names",
    "new_save_id",
    "shard_name",
    "single_name",
    "to_safetensors_dtype",
]
