"""`is_…_available` of transformers and the like: whether a package is installed, without importing it.

Packages that models here cannot use count as absent, so that code takes the way that needs none of them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["CHECKS", "requires_backends"]

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
    "accelerate", "av", "causal_conv1d", "cv2", "datasets", "detectron2", "librosa", "mamba_ssm", "ninja",
    "safetensors", "scipy", "sentencepiece", "soundfile", "timm", "torch", "torchaudio", "torchvision", "triton",
    "xformers", "xlstm",
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


def requires_backends(obj: object, backends: str | Iterable[str]) -> None:
    """Raise unless packages are installed.

    Args:
        obj: What needs them, for the error.
        backends: Names of packages.

    Raises:
        ImportError: One is not.
    """
    names = [backends] if isinstance(backends, str) else list(backends)
    missing = [name for name in names if not _are_installed(name)]
    if missing:
        owner = getattr(obj, "__name__", type(obj).__name__)
        raise ImportError(f"{owner} requires {', '.join(missing)}, which is not installed.")


def _is_absent(*_args: object, **_kwargs: object) -> bool:
    return False


def _are_installed(name: str, *_args: object, **_kwargs: object) -> bool:
    return all(map(_is_installed, _MODULES.get(name, (name,))))


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
    numbers = re.match(r"(\d+\.)*\d+", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


CHECKS: Final[dict[str, Callable[..., bool]]] = {
    **{f"is_{name}_available": functools.partial(_are_installed, name) for name in (*_MODULES, *_SAME_NAME)},
    **dict.fromkeys((*(f"is_{name}_available" for name in _ABSENT), *_FALSE), _is_absent),
    "is_torch_cuda_available": _has_cuda,
    "is_torch_greater_or_equal": _is_torch_at_least,
}
