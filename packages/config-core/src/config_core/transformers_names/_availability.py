"""`is_…_available`: whether an optional package is installed, without importing it.

Packages that models here cannot use count as absent, so that code takes the way that needs none of them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKS"]

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
_ABSENT: Final = frozenset(
    [
        "flash_attn_supports_top_left_mask",
        "is_apex_available",
        "is_bitsandbytes_available",
        "is_deepspeed_available",
        "is_deepspeed_zero3_enabled",
        "is_flash_attn_2_available",
        "is_flash_attn_3_available",
        "is_flash_attn_available",
        "is_flash_attn_greater_or_equal",
        "is_flash_attn_greater_or_equal_2_10",
        "is_flax_available",
        "is_fsdp_managed_module",
        "is_kernels_available",
        "is_peft_available",
        "is_tf_available",
        "is_tokenizers_available",
        "is_torch_flex_attn_available",
        "is_torch_npu_available",
        "is_torch_tpu_available",
        "is_torch_xla_available",
    ]
)


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
    **dict.fromkeys(_ABSENT, _is_absent),
    "is_torch_cuda_available": _has_cuda,
    "is_torch_greater_or_equal": _is_torch_at_least,
}
