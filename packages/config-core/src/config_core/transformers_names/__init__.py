"""Names of transformers that code written for it imports and that need no torch: config, logging, decorators, checks.

The code of a checkpoint that says `from transformers import PretrainedConfig` gets these names if it is trusted and
`hub_io` loads it, whether transformers is installed or not. `dir()` of this module lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Unpack

from config_core.transformers_names import logging
from config_core.transformers_names._availability import CHECKS, requires_backends
from config_core.transformers_names._backbone_config import (
    BackboneConfigMixin,
    get_aligned_output_features_output_indices,
    verify_out_features_out_indices,
)
from config_core.transformers_names._config import PretrainedConfig
from config_core.transformers_names._decorators import (
    add_code_sample_docstrings,
    add_end_docstrings,
    add_start_docstrings,
    add_start_docstrings_to_model_forward,
    auto_docstring,
    deprecate_kwarg,
    filter_out_non_signature_kwargs,
    force_accelerate_hooks,
    replace_return_docstrings,
    use_kernel_forward_from_hub,
    use_kernel_func_from_hub,
    use_kernelized_func,
)
from config_core.transformers_names._rope_settings import RopeParameters, rope_config_validation
from config_core.transformers_names._small_names import (
    ExplicitEnum,
    FlashAttentionKwargs,
    LossKwargs,
    OnnxConfig,
    TensorType,
    TransformersKwargs,
    is_flash_attention_requested,
    layer_type_validation,
    remap_legacy_layer_types,
)
from config_core.transformers_names._sub_config_spec import SubConfigSpec, consolidate_backbone_kwargs_to_config
from config_core.transformers_names._validated_fields import (
    activation_fn_key,
    interval,
    is_divisible_by,
    positive_int_field,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CONFIG_NAME",
    "IMAGENET_DEFAULT_MEAN",
    "IMAGENET_DEFAULT_STD",
    "IMAGENET_STANDARD_MEAN",
    "IMAGENET_STANDARD_STD",
    "OPENAI_CLIP_MEAN",
    "OPENAI_CLIP_STD",
    "SAFE_WEIGHTS_INDEX_NAME",
    "SAFE_WEIGHTS_NAME",
    "WEIGHTS_INDEX_NAME",
    "WEIGHTS_NAME",
    "BackboneConfigMixin",
    "ExplicitEnum",
    "FlashAttentionKwargs",
    "LossKwargs",
    "OnnxConfig",
    "OnnxConfigWithPast",
    "OnnxSeq2SeqConfigWithPast",
    "PreTrainedConfig",
    "PretrainedConfig",
    "RopeParameters",
    "SubConfigSpec",
    "TensorType",
    "TransformersKwargs",
    "Unpack",
    "activation_fn_key",
    "add_code_sample_docstrings",
    "add_end_docstrings",
    "add_start_docstrings",
    "add_start_docstrings_to_model_forward",
    "auto_docstring",
    "consolidate_backbone_kwargs_to_config",
    "deprecate_kwarg",
    "filter_out_non_signature_kwargs",
    "force_accelerate_hooks",
    "get_aligned_output_features_output_indices",
    "interval",
    "is_divisible_by",
    "is_flash_attention_requested",
    "layer_type_validation",
    "logging",
    "positive_int_field",
    "remap_legacy_layer_types",
    "replace_return_docstrings",
    "requires_backends",
    "rope_config_validation",
    "use_kernel_forward_from_hub",
    "use_kernel_func_from_hub",
    "use_kernelized_func",
    "verify_out_features_out_indices",
]

PreTrainedConfig = PretrainedConfig
OnnxConfigWithPast = OnnxSeq2SeqConfigWithPast = OnnxConfig

# The last release of the line that most published code was written for. Code that compares versions takes its way.
__version__: Final = "4.57.0"

CONFIG_NAME: Final = "config.json"
WEIGHTS_NAME: Final = "pytorch_model.bin"
WEIGHTS_INDEX_NAME: Final = "pytorch_model.bin.index.json"
SAFE_WEIGHTS_NAME: Final = "model.safetensors"
SAFE_WEIGHTS_INDEX_NAME: Final = "model.safetensors.index.json"

# Mean and standard deviation of red, green and blue, by which images are normalised.
IMAGENET_DEFAULT_MEAN: Final = [0.485, 0.456, 0.406]
IMAGENET_DEFAULT_STD: Final = [0.229, 0.224, 0.225]
IMAGENET_STANDARD_MEAN: Final = [0.5, 0.5, 0.5]
IMAGENET_STANDARD_STD: Final = [0.5, 0.5, 0.5]
OPENAI_CLIP_MEAN: Final = [0.48145466, 0.4578275, 0.40821073]
OPENAI_CLIP_STD: Final = [0.26862954, 0.26130258, 0.27577711]


def __getattr__(name: str) -> Callable[..., Any]:
    """Return `is_…_available` and the like."""
    if name not in CHECKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return CHECKS[name]


def __dir__() -> list[str]:
    return [*__all__, "__version__", *CHECKS]
