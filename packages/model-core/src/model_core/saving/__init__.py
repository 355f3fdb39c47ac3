"""Writing the tensors of a model as safetensors files."""

from model_core.saving._savable_tensors import SavableTensors, hook_versions, savable_tensors
from model_core.saving._weight_writing import parse_size, write_weights

__all__ = ["SavableTensors", "hook_versions", "parse_size", "savable_tensors", "write_weights"]
