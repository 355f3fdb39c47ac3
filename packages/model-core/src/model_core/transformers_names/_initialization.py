"""`transformers.initialization`: functions that fill a tensor, and leave one alone that is marked as initialised."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "constant_", "copy_", "default_flax_embed_init_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_",
    "lecun_normal_", "normal_", "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_",
    "xavier_uniform_", "zeros_",
]  # fmt: skip

_TRUNCATED_STD = 0.87962566103423978  # of a normal distribution that is cut at two standard deviations


def _guarded(fill: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    @functools.wraps(fill)
    def call(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return tensor if getattr(tensor, "_is_hf_initialized", False) else fill(tensor, *args, **kwargs)

    return call


uniform_ = _guarded(nn.init.uniform_)
normal_ = _guarded(nn.init.normal_)
constant_ = _guarded(nn.init.constant_)
ones_ = _guarded(nn.init.ones_)
zeros_ = _guarded(nn.init.zeros_)
eye_ = _guarded(nn.init.eye_)
dirac_ = _guarded(nn.init.dirac_)
xavier_uniform_ = _guarded(nn.init.xavier_uniform_)
xavier_normal_ = _guarded(nn.init.xavier_normal_)
kaiming_uniform_ = _guarded(nn.init.kaiming_uniform_)
kaiming_normal_ = _guarded(nn.init.kaiming_normal_)
trunc_normal_ = _guarded(nn.init.trunc_normal_)
orthogonal_ = _guarded(nn.init.orthogonal_)
sparse_ = _guarded(nn.init.sparse_)


@_guarded
def copy_(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Fill a tensor with the values of another one."""
    with torch.no_grad():
        return tensor.copy_(other)


@_guarded
def lecun_normal_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill a weight from a truncated normal distribution whose variance is one by its number of inputs."""
    return nn.init.trunc_normal_(tensor, std=_std_by_inputs(tensor) / _TRUNCATED_STD)


@_guarded
def default_flax_embed_init_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill a weight from a normal distribution whose variance is one by its number of inputs."""
    return nn.init.normal_(tensor, std=_std_by_inputs(tensor))


def _std_by_inputs(tensor: torch.Tensor) -> float:
    return math.sqrt(1.0 / tensor[0].numel())
