"""What loading and saving must agree on: variants, the safetensors format, and the metadata in it."""

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
from model_core.weight_files._variants import check_variant, is_written_for

__all__ = [
    "ALIGNMENT",
    "ALIGNMENT_KEY",
    "LENGTH_BYTES",
    "METADATA_NAME",
    "MODULE_VERSIONS_KEY",
    "SAVE_ID_KEY",
    "TIED_WEIGHTS_KEY",
    "check_one_save",
    "check_variant",
    "decode_object",
    "encode_object",
    "from_safetensors_dtype",
    "is_written_for",
    "new_save_id",
    "to_safetensors_dtype",
]
