"""Small names of `transformers.utils` that models and configs use.

Among them is `is_…_available`: whether an optional package is installed, without importing it. Packages that models
here cannot use count as absent, so that code takes the way that needs none of them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "CHECKS",
    "ExplicitEnum",
    "FlashAttentionKwargs",
    "LossKwargs",
    "OnnxConfig",
    "TensorType",
    "TransformersKwargs",
    "is_flash_attention_requested",
    "layer_type_validation",
    "requires_backends",
]

_ATTENTION = "_attn_implementation"
# Name in `is_<name>_available` to the modules that must be installed, where they are not just the one of this name.
_MODULES: Final = {
    "mamba_2_ssm": ("mamba_ssm",),
    "sklearn": ("sklearn", "scipy"),
    "torch_fx": ("torch",),
    "torch_sdpa": ("torch",),
    "torchvision_v2": ("torchvision",),
    "vision": ("PIL",),
}
_SAME_NAME: Final = (
    "accelerate", "av", "causal_conv1d", "cv2", "datasets", "librosa", "mamba_ssm", "ninja", "safetensors", "scipy",
    "sentencepiece", "soundfile", "timm", "torch", "torchaudio", "torchvision", "triton", "xformers",
)  # fmt: skip
# Other attention kernels, accelerators and frameworks, quantisation, and what belongs to transformers itself.
_ABSENT: Final = (
    "apex", "bitsandbytes", "deepspeed", "flash_attn", "flash_attn_2", "flash_attn_3", "flax", "kernels", "peft", "tf",
    "tokenizers", "torch_flex_attn", "torch_npu", "torch_tpu", "torch_xla",
)  # fmt: skip
_FALSE: Final = (
    "flash_attn_supports_top_left_mask", "is_deepspeed_zero3_enabled", "is_flash_attn_greater_or_equal",
    "is_flash_attn_greater_or_equal_2_10", "is_fsdp_managed_module",
)  # fmt: skip


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


def requires_backends(obj: object, backends: str | Iterable[str]) -> None:
    """Raise unless packages are installed.

    Args:
        obj: What needs them, for the error.
        backends: Names of packages.

    Raises:
        ImportError: One is not.
    """
    names = [backends] if isinstance(backends, str) else list(backends)
    missing = [name for name in names if not _is_installed({"vision": "PIL"}.get(name, name))]
    if missing:
        owner = getattr(obj, "__name__", type(obj).__name__)
        raise ImportError(f"{owner} requires {', '.join(missing)}, which is not installed.")


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


class TransformersKwargs(TypedDict, total=False):
    """Keywords of a `forward`, for annotations."""


class FlashAttentionKwargs(TypedDict, total=False):
    """Keywords of an attention function, for annotations."""


class LossKwargs(TypedDict, total=False):
    """Keywords of a loss function, for annotations."""


class OnnxConfig:
    """The base of classes that describe an export to ONNX. Code defines them beside its config; no load uses them."""


def _is_absent(*_args: object, **_kwargs: object) -> bool:
    return False


def _are_installed(modules: tuple[str, ...], *_args: object, **_kwargs: object) -> bool:
    return all(map(_is_installed, modules))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _has_cuda() -> bool:
    return _is_installed("torch") and bool(importlib.import_module("torch.cuda").is_available())


def _is_torch_at_least(library_version: str, *, accept_dev: bool = False) -> bool:  # noqa: ARG001 - transformers' own
    """Return whether the installed torch has at least a version; a development version counts as released."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return _release(version("torch")) >= _release(library_version)
    except PackageNotFoundError:
        return False


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: `(2, 6, 0)` for `2.6.0+cu124` and `2.6.0.dev1`."""
    numbers: list[int] = []
    for part in version.partition("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


CHECKS: Final[dict[str, Callable[..., bool]]] = {
    **{f"is_{name}_available": functools.partial(_are_installed, modules) for name, modules in _MODULES.items()},
    **{f"is_{name}_available": functools.partial(_are_installed, (name,)) for name in _SAME_NAME},
    **dict.fromkeys((*(f"is_{name}_available" for name in _ABSENT), *_FALSE), _is_absent),
    "is_torch_cuda_available": _has_cuda,
    "is_torch_greater_or_equal": _is_torch_at_least,
}
