"""Names of transformers that code written for it imports and that need torch: the base model, outputs, activations.

The code of a checkpoint that says `from transformers import PreTrainedModel` gets these names if it is trusted and
`hub_io` loads it, whether transformers is installed or not. hub_io finds this module by entry point; nothing else
imports it.
"""

from __future__ import annotations

from typing import Any

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
    get_activation,
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
from model_core.transformers_names._model import GradientCheckpointingLayer, PreTrainedModel
from model_core.transformers_names._model_output import ModelOutput
from model_core.transformers_names._modeling_outputs import OUTPUT_CLASSES
from model_core.transformers_names._pytorch_utils import (
    Conv1D,
    apply_chunking_to_forward,
    can_return_tuple,
    center_to_corners_format,
    find_pruneable_heads_and_indices,
    get_parameter_device,
    get_parameter_dtype,
    id_tensor_storage,
    is_tensor,
    is_torch_fx_proxy,
    is_torch_tensor,
    is_torchdynamo_compiling,
    is_tracing,
    meshgrid,
    prune_layer,
    prune_linear_layer,
    softmax_backward_data,
    torch_float,
    torch_int,
)

__all__ = [
    "ACT2CLS",
    "ACT2FN",
    "ALL_ATTENTION_FUNCTIONS",
    "OUTPUT_CLASSES",
    "AccurateGELUActivation",
    "AttentionMaskConverter",
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
    "PreTrainedModel",
    "PytorchGELUTanh",
    "QuickGELUActivation",
    "ReLUSquaredActivation",
    "SiLUActivation",
    "apply_chunking_to_forward",
    "can_return_tuple",
    "center_to_corners_format",
    "find_pruneable_heads_and_indices",
    "get_activation",
    "get_parameter_device",
    "get_parameter_dtype",
    "id_tensor_storage",
    "is_tensor",
    "is_torch_fx_proxy",
    "is_torch_tensor",
    "is_torchdynamo_compiling",
    "is_tracing",
    "meshgrid",
    "prune_layer",
    "prune_linear_layer",
    "softmax_backward_data",
    "torch_float",
    "torch_int",
]

# transformers names these with an underscore, and other code imports them all the same.
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
