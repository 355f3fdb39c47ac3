"""Loading weights into a model: opening them, matching names, shapes and dtypes, and assigning values."""

from model_core.loading._allowed_differences import AllowedDifferences, Patterns
from model_core.loading._file_hints import call_for_named_file, file_of_weights, refused_file
from model_core.loading._load_arguments import check_load_arguments
from model_core.loading._model_config import config_for_load
from model_core.loading._model_loading import load_weights
from model_core.loading._name_rules import NameRules, Renaming, ScopedPattern, scoped_patterns, scoped_renamings
from model_core.loading._placement import Placement, resolve_device, resolve_dtype
from model_core.loading._python_code import Code
from model_core.loading._suggested_call import SuggestedCall
from model_core.loading._weight_sources import open_weights, wrap_state_dict
from model_core.loading._weights_of_folder import call_for_weights

__all__ = [
    "AllowedDifferences",
    "Code",
    "NameRules",
    "Patterns",
    "Placement",
    "Renaming",
    "ScopedPattern",
    "SuggestedCall",
    "call_for_named_file",
    "call_for_weights",
    "check_load_arguments",
    "config_for_load",
    "file_of_weights",
    "load_weights",
    "open_weights",
    "refused_file",
    "resolve_device",
    "resolve_dtype",
    "scoped_patterns",
    "scoped_renamings",
    "wrap_state_dict",
]
