"""Loading weights into a model: opening them, matching names, shapes and dtypes, and assigning values."""

from model_core.loading._allowed_differences import AllowedDifferences, Patterns
from model_core.loading._given_weights import GivenWeights
from model_core.loading._model_config import config_for_load
from model_core.loading._model_loading import load_weights
from model_core.loading._name_rules import (
    NameRules,
    Renaming,
    ScopedPattern,
    checked_key_mapping,
    scoped_patterns,
    scoped_renamings,
)
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
    "checked_key_mapping",
    "config_for_load",
    "load_weights",
    "resolve_device",
    "resolve_dtype",
    "scoped_patterns",
    "scoped_renamings",
]
