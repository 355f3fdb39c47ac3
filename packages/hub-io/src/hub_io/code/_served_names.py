"""The names of transformers that code in a bundle may import, and which package provides each.

A name is served under every module path listed here, because transformers has moved many of them between its modules.
The objects come from packages that may hold them, by entry point: hub_io itself imports no torch.
"""

from __future__ import annotations

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

_NAMES: Final = {
    _CONFIG: """
        PretrainedConfig PreTrainedConfig logging __version__
        CONFIG_NAME WEIGHTS_NAME WEIGHTS_INDEX_NAME SAFE_WEIGHTS_NAME SAFE_WEIGHTS_INDEX_NAME
        add_start_docstrings add_start_docstrings_to_model_forward add_end_docstrings add_code_sample_docstrings
        replace_return_docstrings auto_docstring deprecate_kwarg ExplicitEnum requires_backends
        is_accelerate_available is_apex_available is_av_available is_bitsandbytes_available
        is_causal_conv1d_available is_cv2_available is_datasets_available is_flash_attn_2_available
        is_flash_attn_3_available is_flash_attn_available is_flash_attn_greater_or_equal
        is_flash_attn_greater_or_equal_2_10 is_flax_available is_kernels_available is_librosa_available
        is_mamba_2_ssm_available is_mamba_ssm_available is_ninja_available is_peft_available is_safetensors_available
        is_scipy_available is_sentencepiece_available is_sklearn_available is_soundfile_available is_tf_available
        is_timm_available is_tokenizers_available is_torch_available is_torch_cuda_available is_torch_fx_available
        is_torch_greater_or_equal is_torch_npu_available is_torch_sdpa_available is_torch_tpu_available
        is_torch_xla_available is_torchaudio_available is_torchvision_available is_torchvision_v2_available
        is_triton_available is_vision_available is_xformers_available
    """,
    _AUTO: " ".join(AUTO_CLASS_NAMES),
    _MODEL: """
        PreTrainedModel ModelOutput ACT2CLS ACT2FN get_activation
        GELUActivation NewGELUActivation FastGELUActivation QuickGELUActivation PytorchGELUTanh GELUTanh
        AccurateGELUActivation ClippedGELUActivation SiLUActivation MishActivation LinearActivation LaplaceActivation
        ReLUSquaredActivation
        Conv1D apply_chunking_to_forward find_pruneable_heads_and_indices prune_layer prune_linear_layer meshgrid
        softmax_backward_data id_tensor_storage is_torch_greater_or_equal_than_1_13 is_torch_greater_or_equal_than_2_0
        is_torch_greater_or_equal_than_2_1 is_torch_greater_or_equal_than_2_2 is_torch_greater_or_equal_than_2_3
        is_torch_greater_or_equal_than_2_4 is_torch_greater_or_equal_than_2_6
        AttentionMaskConverter _prepare_4d_attention_mask _prepare_4d_attention_mask_for_sdpa
        _prepare_4d_causal_attention_mask _prepare_4d_causal_attention_mask_for_sdpa
        _create_4d_causal_attention_mask
        GradientCheckpointingLayer can_return_tuple torch_int torch_float is_torch_fx_proxy is_torchdynamo_compiling
        is_tracing is_tensor is_torch_tensor get_parameter_device get_parameter_dtype
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
    """,
}
_PROVIDERS: Final = {name: provider for provider, names in _NAMES.items() for name in names.split()}
# Names of the module `transformers.utils.logging`, which are served under that path alone.
_LOGGING: Final = f"{TRANSFORMERS}.utils.logging"
_LOGGING_NAMES: Final = frozenset(
    [
        "CRITICAL",
        "DEBUG",
        "ERROR",
        "FATAL",
        "INFO",
        "NOTSET",
        "WARN",
        "WARNING",
        "get_logger",
        "get_verbosity",
        "set_verbosity",
        "set_verbosity_debug",
        "set_verbosity_error",
        "set_verbosity_info",
        "set_verbosity_warning",
    ]
)
_MODULES: Final = frozenset(
    f"{TRANSFORMERS}{path}"
    for path in [
        ".activations",
        ".configuration_utils",
        ".file_utils",
        ".modeling_attn_mask_utils",
        ".modeling_layers",
        ".modeling_outputs",
        ".modeling_utils",
        ".pytorch_utils",
        ".utils",
        ".utils.deprecation",
        ".utils.doc",
        ".utils.generic",
        ".utils.import_utils",
        ".utils.logging",
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
    if module == _LOGGING:
        return _CONFIG if name in _LOGGING_NAMES else None
    return _PROVIDERS.get(name) if module in _MODULES else None


def is_served(module: str, name: str) -> bool:
    """Return whether a name of a module of transformers is served; it may be that of a submodule."""
    return f"{module}.{name}" in _MODULES or provider_of(module, name) is not None


def names_served_by(module: str) -> list[str]:
    """Return the names that are served under a module path, and those of its submodules, sorted."""
    names = _LOGGING_NAMES if module == _LOGGING else _PROVIDERS.keys()
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
    return getattr(offered.logging if module == _LOGGING else offered, name)
