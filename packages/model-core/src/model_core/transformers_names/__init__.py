"""Names of transformers that code written for it imports and that need torch: the base model, outputs, activations.

The code of a checkpoint that says `from transformers import PreTrainedModel` gets these names if it is trusted and
`hub_io` loads it, whether transformers is installed or not. hub_io finds this module by entry point; nothing else
imports it.
"""

from __future__ import annotations

from typing import Any

from model_core.transformers_names import _initialization as initialization
from model_core.transformers_names._activations import (
    ACT2CLS,
    ACT2FN,
    AccurateGELUActivation,
    ClippedGELUActivation,
    FastGELUActivation,
    GELUActivation,
    GELUTanh,
    LaplaceActivation,
    LinearActivation,
    MishActivation,
    NewGELUActivation,
    PytorchGELUTanh,
    QuickGELUActivation,
    ReLUSquaredActivation,
    SiLUActivation,
    gelu,
    gelu_fast,
    gelu_new,
    gelu_pytorch_tanh,
    get_activation,
    quick_gelu,
    silu,
)
from model_core.transformers_names._attention_functions import ALL_ATTENTION_FUNCTIONS
from model_core.transformers_names._attention_masks import (
    AttentionMaskConverter,
    create_4d_causal_attention_mask,
    prepare_4d_attention_mask,
    prepare_4d_attention_mask_for_sdpa,
    prepare_4d_causal_attention_mask,
    prepare_4d_causal_attention_mask_for_sdpa,
)
from model_core.transformers_names._backbone import BackboneMixin, BackboneType
from model_core.transformers_names._mask_functions import (
    create_bidirectional_mask,
    create_bidirectional_sliding_window_mask,
    create_causal_mask,
    create_sliding_window_causal_mask,
)
from model_core.transformers_names._model import GradientCheckpointingLayer, PreTrainedModel
from model_core.transformers_names._model_output import OUTPUT_CLASSES, ModelOutput
from model_core.transformers_names._output_capturing import (
    OutputRecorder,
    capture_outputs,
    check_model_inputs,
    filter_output_hidden_states,
    merge_with_config_defaults,
)
from model_core.transformers_names._pytorch_utils import (
    Conv1D,
    apply_chunking_to_forward,
    can_return_tuple,
    center_to_corners_format,
    compile_compatible_method_lru_cache,
    corners_to_center_format,
    find_pruneable_heads_and_indices,
    get_parameter_device,
    get_parameter_dtype,
    get_torch_context_manager_or_global_device,
    id_tensor_storage,
    is_tensor,
    is_torch_fx_proxy,
    is_torch_tensor,
    is_torchdynamo_compiling,
    is_torchdynamo_exporting,
    is_tracing,
    isin_mps_friendly,
    maybe_autocast,
    meshgrid,
    prune_layer,
    prune_linear_layer,
    slice_logits_to_keep,
    softmax_backward_data,
    torch_compilable_check,
    torch_float,
    torch_int,
)
from model_core.transformers_names._rotary_embeddings import ROPE_INIT_FUNCTIONS, dynamic_rope_update

__all__ = [
    "ACT2CLS",
    "ACT2FN",
    "ALL_ATTENTION_FUNCTIONS",
    "OUTPUT_CLASSES",
    "ROPE_INIT_FUNCTIONS",
    "AccurateGELUActivation",
    "AttentionMaskConverter",
    "BackboneMixin",
    "BackboneType",
    "ClippedGELUActivation",
    "Conv1D",
    "FastGELUActivation",
    "GELUActivation",
    "GELUTanh",
    "GradientCheckpointingLayer",
    "LaplaceActivation",
    "LinearActivation",
    "MishActivation",
    "ModelOutput",
    "NewGELUActivation",
    "OutputRecorder",
    "PreTrainedModel",
    "PytorchGELUTanh",
    "QuickGELUActivation",
    "ReLUSquaredActivation",
    "SiLUActivation",
    "apply_chunking_to_forward",
    "can_return_tuple",
    "capture_outputs",
    "center_to_corners_format",
    "check_model_inputs",
    "compile_compatible_method_lru_cache",
    "corners_to_center_format",
    "create_bidirectional_mask",
    "create_bidirectional_sliding_window_mask",
    "create_causal_mask",
    "create_sliding_window_causal_mask",
    "dynamic_rope_update",
    "filter_output_hidden_states",
    "find_pruneable_heads_and_indices",
    "gelu",
    "gelu_fast",
    "gelu_new",
    "gelu_pytorch_tanh",
    "get_activation",
    "get_parameter_device",
    "get_parameter_dtype",
    "get_torch_context_manager_or_global_device",
    "id_tensor_storage",
    "initialization",
    "is_tensor",
    "is_torch_fx_proxy",
    "is_torch_tensor",
    "is_torchdynamo_compiling",
    "is_torchdynamo_exporting",
    "is_tracing",
    "isin_mps_friendly",
    "maybe_autocast",
    "merge_with_config_defaults",
    "meshgrid",
    "prune_layer",
    "prune_linear_layer",
    "quick_gelu",
    "silu",
    "slice_logits_to_keep",
    "softmax_backward_data",
    "torch_compilable_check",
    "torch_float",
    "torch_int",
]

# transformers names these with an underscore, and other code imports them nevertheless.
_create_4d_causal_attention_mask = create_4d_causal_attention_mask
_prepare_4d_attention_mask = prepare_4d_attention_mask
_prepare_4d_attention_mask_for_sdpa = prepare_4d_attention_mask_for_sdpa
_prepare_4d_causal_attention_mask = prepare_4d_causal_attention_mask
_prepare_4d_causal_attention_mask_for_sdpa = prepare_4d_causal_attention_mask_for_sdpa

_TORCH_AT_LEAST = "is_torch_greater_or_equal_than_"


def __getattr__(name: str) -> Any:
    """Return an output class, or whether torch has at least the version in a name."""
    if name in OUTPUT_CLASSES:
        return OUTPUT_CLASSES[name]
    if name.startswith(_TORCH_AT_LEAST):
        return True  # the oldest version that this package takes is newer than those in published code
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
