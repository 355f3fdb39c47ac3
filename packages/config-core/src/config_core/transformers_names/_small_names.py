"""Small names of `transformers.utils` that models and configs use: enumerations, checks of fields, annotations."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypedDict

__all__ = [
    "ExplicitEnum",
    "FlashAttentionKwargs",
    "LossKwargs",
    "OnnxConfig",
    "TensorType",
    "TransformersKwargs",
    "is_flash_attention_requested",
    "layer_type_validation",
    "remap_legacy_layer_types",
]

_ATTENTION = "_attn_implementation"
_NEW_KINDS = {
    "mamba": "linear_attention",
    "attention": "full_attention",
    "deepseek_sparse_attention": "indexed_attention",
    "qwen_sparse_attention": "indexed_attention",
}


class ExplicitEnum(str, Enum):  # noqa: UP042 - `StrEnum` has another str()
    """An enumeration of strings whose errors list the valid values."""

    @classmethod
    def _missing_(cls, value: object) -> ExplicitEnum:
        raise ValueError(f"{value!r} is not a valid {cls.__name__}. Valid are {[member.value for member in cls]}.")


class TensorType(ExplicitEnum):
    """Frameworks by their short names, in annotations of exports and processors."""

    PYTORCH = "pt"
    TENSORFLOW = "tf"
    NUMPY = "np"
    JAX = "jax"
    MLX = "mlx"


def is_flash_attention_requested(
    config: Any = None,
    requested_attention_implementation: str | None = None,
    version: object = None,  # noqa: ARG001 - transformers' signature
) -> bool:
    """Return whether a config, or the name of an implementation, asks for flash attention."""
    name = requested_attention_implementation if config is None else getattr(config, _ATTENTION)
    return name is not None and "flash" in name


def layer_type_validation(layer_types: list[str], num_hidden_layers: int | None = None, attention: bool = True) -> None:  # noqa: ARG001, FBT001, FBT002
    """Check that there is a kind for each layer.

    Raises:
        ValueError: There are more or fewer.
    """
    if num_hidden_layers is not None and num_hidden_layers != len(layer_types):
        raise ValueError(f"layer_types must name the kinds of {num_hidden_layers} layers, got {len(layer_types)}.")


def remap_legacy_layer_types(layer_types: list[str] | None = None, config: Any = None) -> list[str] | None:
    """Return kinds of layers by their names in transformers 5, or give a config these names."""
    if layer_types is not None:
        return [_NEW_KINDS.get(kind, kind) for kind in layer_types]
    for name in ("layer_types", "mtp_layer_types"):
        old = getattr(config, name, None)
        if old is not None and (new := remap_legacy_layer_types(old)) != old:
            setattr(config, name, new)
    return None


class TransformersKwargs(TypedDict, total=False):
    """Keywords of a `forward`, for annotations."""


class FlashAttentionKwargs(TypedDict, total=False):
    """Keywords of an attention function, for annotations."""


class LossKwargs(TypedDict, total=False):
    """Keywords of a loss function, for annotations."""


class OnnxConfig:
    """The base of classes that describe an export to ONNX. Code defines them beside its config; no load uses them."""
