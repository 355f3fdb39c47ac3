"""Loading weights into a model: opening them, matching names, shapes and dtypes, and assigning values."""

from model_core.loading._allowed_differences import AllowedDifferences, Patterns
from model_core.loading._file_hints import file_of_weights
from model_core.loading._given_weights import GivenWeights
from model_core.loading._load_arguments import check_load_arguments
from model_core.loading._model_config import config_for_load
from model_core.loading._model_loading import load_weights
from model_core.loading._name_rules import NameRules, Renaming, ScopedPattern, scoped_patterns, scoped_renamings
from model_core.loading._placement import Placement, resolve_device, resolve_dtype
from model_core.loading._suggested_call import SuggestedCall

__all__ = [
    "AllowedDifferences",
    "GivenWeights",
    "NameRules",
    "Patterns",
    "Placement",
    "Renaming",
    "ScopedPattern",
    "SuggestedCall",
    "check_load_arguments",
    "config_for_load",
    "file_of_weights",
    "load_weights",
    "resolve_device",
    "resolve_dtype",
    "scoped_patterns",
    "scoped_renamings",
]
