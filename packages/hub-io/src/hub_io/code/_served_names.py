"""The names of transformers that code in a bundle may import, and which package provides each.

A name is served under every module path listed here, because transformers has moved many of them between its modules.
The objects come from packages that may hold them, by entry point: hub_io itself imports no torch.
"""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

from auto_registry.auto_tasks import AUTO_CLASS_NAMES
from config_core.services import find_service

__all__ = [
    "TRANSFORMERS",
    "NameProvider",
    "is_served",
    "is_served_module",
    "is_transformers",
    "names_served_by",
    "provider_of",
    "served_object",
]

TRANSFORMERS: Final = "transformers"


class NameProvider(NamedTuple):
    """A package that provides names.

    Attributes:
        module: Its import name.
        distribution: The distribution that contains it.
        group: The entry-point group under which it offers an object with the names as attributes.
    """

    module: str
    distribution: str
    group: str


_CONFIG = NameProvider("config_core", "pretrained-config-core", "hub_io.transformers_config_names")
_AUTO = NameProvider("auto_registry", "pretrained-auto-registry", "hub_io.transformers_auto_names")
_MODEL = NameProvider("model_core", "pretrained-model-core", "hub_io.transformers_model_names")

# hub_io does not import model_core, which imports torch.
_MODEL_NAMES: Final = """
    PreTrainedModel ModelOutput ALL_ATTENTION_FUNCTIONS ACT2CLS ACT2FN get_activation
    GELUActivation NewGELUActivation FastGELUActivation QuickGELUActivation PytorchGELUTanh GELUTanh
    AccurateGELUActivation ClippedGELUActivation SiLUActivation MishActivation LinearActivation LaplaceActivation
    ReLUSquaredActivation gelu gelu_fast gelu_new gelu_pytorch_tanh quick_gelu silu
    ROPE_INIT_FUNCTIONS dynamic_rope_update
    create_causal_mask create_sliding_window_causal_mask create_bidirectional_mask
    create_bidirectional_sliding_window_mask
    BackboneMixin BackboneType
    capture_outputs OutputRecorder check_model_inputs merge_with_config_defaults filter_output_hidden_states
    slice_logits_to_keep maybe_autocast torch_compilable_check compile_compatible_method_lru_cache
    corners_to_center_format
    Conv1D apply_chunking_to_forward find_pruneable_heads_and_indices prune_layer prune_linear_layer meshgrid
    softmax_backward_data id_tensor_storage is_torch_greater_or_equal_than_1_13 is_torch_greater_or_equal_than_2_0
    is_torch_greater_or_equal_than_2_1 is_torch_greater_or_equal_than_2_2 is_torch_greater_or_equal_than_2_3
    is_torch_greater_or_equal_than_2_4 is_torch_greater_or_equal_than_2_6
    AttentionMaskConverter _prepare_4d_attention_mask _prepare_4d_attention_mask_for_sdpa
    _prepare_4d_causal_attention_mask _prepare_4d_causal_attention_mask_for_sdpa
    _create_4d_causal_attention_mask
    GradientCheckpointingLayer can_return_tuple center_to_corners_format torch_int torch_float is_torch_fx_proxy
    is_torchdynamo_compiling is_torchdynamo_exporting is_tracing isin_mps_friendly is_tensor is_torch_tensor
    get_parameter_device get_parameter_dtype get_torch_context_manager_or_global_device
    BackboneOutput BaseModelOutput BaseModelOutputWithCrossAttentions BaseModelOutputWithNoAttention
    BaseModelOutputWithPast BaseModelOutputWithPastAndCrossAttentions BaseModelOutputWithPooling
    BaseModelOutputWithPoolingAndCrossAttentions BaseModelOutputWithPoolingAndNoAttention
    BaseModelOutputWithPoolingAndProjection CausalLMOutput CausalLMOutputWithCrossAttentions CausalLMOutputWithPast
    DepthEstimatorOutput ImageClassifierOutput ImageClassifierOutputWithNoAttention ImageSuperResolutionOutput
    MaskedImageModelingOutput MaskedImageCompletionOutput MaskedLMOutput MoECausalLMOutputWithPast MoEModelOutput
    MoEModelOutputWithPastAndCrossAttentions MoeCausalLMOutputWithPast MoeModelOutputWithPast
    MultipleChoiceModelOutput NextSentencePredictorOutput QuestionAnsweringModelOutput SampleTSPredictionOutput
    SemanticSegmenterOutput Seq2SeqLMOutput Seq2SeqMoEModelOutput Seq2SeqMoEOutput Seq2SeqModelOutput
    Seq2SeqQuestionAnsweringModelOutput Seq2SeqSequenceClassifierOutput Seq2SeqSpectrogramOutput
    Seq2SeqTSModelOutput Seq2SeqTSPredictionOutput SequenceClassifierOutput SequenceClassifierOutputWithPast
    TokenClassifierOutput Wav2Vec2BaseModelOutput XVectorOutput
"""
_INITIALIZATION_NAMES: Final = """
    constant_ copy_ default_flax_embed_init_ dirac_ eye_ kaiming_normal_ kaiming_uniform_ lecun_normal_ normal_ ones_
    orthogonal_ sparse_ trunc_normal_ uniform_ xavier_normal_ xavier_uniform_ zeros_
"""


@functools.cache
def _providers() -> dict[str, NameProvider]:
    """Return the package that provides each name, whatever module of transformers it is imported from."""
    from config_core import transformers_names as config_names

    return {
        **dict.fromkeys(dir(config_names), _CONFIG),
        **dict.fromkeys(AUTO_CLASS_NAMES, _AUTO),
        **dict.fromkeys(_MODEL_NAMES.split(), _MODEL),
    }


class _OwnModule(NamedTuple):
    """A module whose names are served under its path alone, and that is itself a name of the modules above it."""

    provider: NameProvider
    attribute: str
    names: frozenset[str]


@functools.cache
def _own_modules() -> dict[str, _OwnModule]:
    from config_core.transformers_names import logging

    return {
        f"{TRANSFORMERS}.utils.logging": _OwnModule(_CONFIG, "logging", frozenset(logging.__all__) - {"Logger"}),
        f"{TRANSFORMERS}.initialization": _OwnModule(
            _MODEL, "initialization", frozenset(_INITIALIZATION_NAMES.split())
        ),
    }


_MODULES: Final = frozenset(
    f"{TRANSFORMERS}{path}"
    for path in [
        ".activations",
        ".backbone_utils",
        ".configuration_utils",
        ".deepspeed",
        ".file_utils",
        ".image_transforms",
        ".image_utils",
        ".initialization",
        ".integrations",
        ".integrations.accelerate",
        ".integrations.deepspeed",
        ".integrations.fsdp",
        ".integrations.hub_kernels",
        ".masking_utils",
        ".modeling_attn_mask_utils",
        ".modeling_flash_attention_utils",
        ".modeling_layers",
        ".modeling_outputs",
        ".modeling_rope_utils",
        ".modeling_utils",
        ".onnx",
        ".processing_utils",
        ".pytorch_utils",
        ".utils",
        ".utils.backbone_utils",
        ".utils.constants",
        ".utils.deprecation",
        ".utils.doc",
        ".utils.generic",
        ".utils.import_utils",
        ".utils.logging",
        ".utils.output_capturing",
        ".utils.type_validators",
    ]
) | {TRANSFORMERS}


def is_transformers(module: str) -> bool:
    """Return whether a module is transformers or one of its submodules."""
    return module == TRANSFORMERS or module.startswith(f"{TRANSFORMERS}.")


def is_served_module(module: str) -> bool:
    """Return whether names are served under a module path, such as `transformers.modeling_outputs`."""
    return module in _MODULES


def provider_of(module: str, name: str) -> NameProvider | None:
    """Return the package that provides a name of a module of transformers, or None if it is not served."""
    if (own := _own_modules().get(module)) is not None:
        return own.provider if name in own.names else None
    return _providers().get(name) if module in _MODULES else None


def is_served(module: str, name: str) -> bool:
    """Return whether a name of a module of transformers is served; it may be that of a submodule."""
    return f"{module}.{name}" in _MODULES or provider_of(module, name) is not None


def names_served_by(module: str) -> list[str]:
    """Return the names that are served under a module path, and those of its submodules, sorted."""
    own = _own_modules().get(module)
    names = _providers().keys() if own is None else own.names
    submodules = {path.removeprefix(f"{module}.") for path in _MODULES if path.startswith(f"{module}.")}
    return sorted({*names, *(path for path in submodules if "." not in path)})


def served_object(module: str, name: str) -> Any:
    """Return the object that is served for a name of a module of transformers.

    Raises:
        AttributeError: It is not served.
        MissingServiceError: The package that provides it is not installed.
    """
    provider = provider_of(module, name)
    if provider is None:
        raise AttributeError(f"hub_io does not serve {name!r} of {module!r}")
    offered = find_service(
        provider.group, distribution=provider.distribution, purpose=f"Code that imports {module}.{name}"
    )
    own = _own_modules().get(module)
    return getattr(offered if own is None else getattr(offered, own.attribute), name)
