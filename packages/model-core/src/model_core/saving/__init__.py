"""Writing the tensors of a model as safetensors."""

from model_core.saving._checkpoint_writing import SavableTensors, parse_size, savable_tensors, write_weights

__all__ = ["SavableTensors", "parse_size", "savable_tensors", "write_weights"]
