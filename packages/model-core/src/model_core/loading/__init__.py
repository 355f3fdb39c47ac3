"""Loading weights into a model: opening them, matching names, shapes and dtypes, and filling in values."""

from model_core.loading._checkpoint_reading import WeightSource, open_weights, wrap_state_dict
from model_core.loading._familiar_options import without_familiar_options
from model_core.loading._model_config import config_for_load, saved_by_hint
from model_core.loading._module_hooks import extra_states, hook_versions, run_load_hooks, run_post_hooks
from model_core.loading._placement import Placement, resolve_device, resolve_dtype
from model_core.loading._safetensors_reading import SafetensorsFile, map_file
from model_core.loading._weight_loading import fill
from model_core.loading._weight_matching import Allowed, NameRules, Patterns, check_plan, plan_load

__all__ = [
    "Allowed",
    "NameRules",
    "Patterns",
    "Placement",
    "SafetensorsFile",
    "WeightSource",
    "check_plan",
    "config_for_load",
    "extra_states",
    "fill",
    "hook_versions",
    "map_file",
    "open_weights",
    "plan_load",
    "resolve_device",
    "resolve_dtype",
    "run_load_hooks",
    "run_post_hooks",
    "saved_by_hint",
    "without_familiar_options",
    "wrap_state_dict",
]
