"""What loading and saving must agree on: the safetensors format, the metadata in it, and variants in file names."""

from model_core.weight_files._file_metadata import MODULE_VERSIONS_KEY, TIED_WEIGHTS_KEY, decode_object, encode_object
from model_core.weight_files._safetensors_format import (
    ALIGNMENT,
    ALIGNMENT_KEY,
    LENGTH_BYTES,
    METADATA_NAME,
    from_safetensors_dtype,
    to_safetensors_dtype,
)
from model_core.weight_files._save_identity import SAVE_ID_KEY, check_one_save, mixed_saves, new_save_id
from model_core.weight_files._variants import belongs_to_variant, check_variant

__all__ = [
    "ALIGNMENT",
    "ALIGNMENT_KEY",
    "LENGTH_BYTES",
    "METADATA_NAME",
    "MODULE_VERSIONS_KEY",
    "SAVE_ID_KEY",
    "TIED_WEIGHTS_KEY",
    "belongs_to_variant",
    "check_one_save",
    "check_variant",
    "decode_object",
    "encode_object",
    "from_safetensors_dtype",
    "mixed_saves",
    "new_save_id",
    "to_safetensors_dtype",
]
