"""Writing the tensors of a model as safetensors files."""

from model_core.saving._changed_modules import warn_about_changed_modules
from model_core.saving._changed_ties import check_ties_hold
from model_core.saving._expected_model import ExpectedModel
from model_core.saving._savable_tensors import (
    SavableTensors,
    check_not_distributed,
    check_savable,
    hook_versions,
    savable_tensors,
)
from model_core.saving._state_dict_names import match_state_dict, own_state_dict
from model_core.saving._weight_writing import parse_size, write_weights

__all__ = [
    "ExpectedModel",
    "SavableTensors",
    "check_not_distributed",
    "check_savable",
    "check_ties_hold",
    "hook_versions",
    "match_state_dict",
    "own_state_dict",
    "parse_size",
    "savable_tensors",
    "warn_about_changed_modules",
    "write_weights",
]
