"""Writing the tensors of a model as safetensors files."""

from model_core.saving._expected_model import ExpectedModel
from model_core.saving._savable_tensors import SavableTensors, savable_tensors
from model_core.saving._weight_writing import parse_size, write_weights

__all__ = ["ExpectedModel", "SavableTensors", "parse_size", "savable_tensors", "write_weights"]
