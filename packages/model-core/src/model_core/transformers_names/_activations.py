"""Activation functions by name, as configs of transformers name them: `ACT2FN["gelu_new"]`."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ACT2CLS",
    "ACT2FN",
    "AccurateGELUActivation",
    "ClippedGELUActivation",
    "FastGELUActivation",
    "GELUActivation",
    "GELUTanh",
    "LaplaceActivation",
    "LinearActivation",
    "MishActivation",
    "NewGELUActivation",
    "PytorchGELUTanh",
    "QuickGELUActivation",
    "ReLUSquaredActivation",
    "SiLUActivation",
    "gelu",
    "gelu_fast",
    "gelu_new",
    "gelu_pytorch_tanh",
    "get_activation",
    "quick_gelu",
    "silu",
]


class GELUActivation(nn.Module):
    """GELU with the error function.

    Args:
        use_gelu_python: Compute it from `torch.erf`, which may differ in the last bits.
    """

    def __init__(self, use_gelu_python: bool = False) -> None:  # noqa: FBT001, FBT002 - transformers' signature
        super().__init__()
        self._use_erf = use_gelu_python

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        if self._use_erf:
            return input * 0.5 * (1.0 + torch.erf(input / math.sqrt(2.0)))
        return nn.functional.gelu(input)


class GELUTanh(nn.Module):
    """GELU approximated with tanh, in one operation of torch."""

    def __init__(self, use_gelu_tanh_python: bool = False) -> None:  # noqa: FBT001, FBT002 - transformers' signature
        super().__init__()
        self._use_tanh = use_gelu_tanh_python

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        return _gelu_tanh(input) if self._use_tanh else nn.functional.gelu(input, approximate="tanh")


PytorchGELUTanh = GELUTanh


class NewGELUActivation(nn.Module):
    """GELU approximated with tanh, in separate operations."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        return _gelu_tanh(input)


class FastGELUActivation(nn.Module):
    """GELU approximated with tanh, with rounded constants."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        return 0.5 * input * (1.0 + torch.tanh(input * 0.7978845608 * (1.0 + 0.044715 * input * input)))


class QuickGELUActivation(nn.Module):
    """GELU approximated with a sigmoid."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        return input * torch.sigmoid(1.702 * input)


class ClippedGELUActivation(nn.Module):
    """GELU, clipped to a range.

    Args:
        min: Lowest value.
        max: Highest value.
    """

    def __init__(self, min: float, max: float) -> None:  # noqa: A002 - transformers' signature
        super().__init__()
        self.min = min
        self.max = max

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.clip(nn.functional.gelu(x), self.min, self.max)


class AccurateGELUActivation(NewGELUActivation):
    """The same, by another name."""


class SiLUActivation(nn.SiLU):
    """Input times its sigmoid."""


class MishActivation(nn.Mish):
    """Input times tanh of its softplus."""


class LinearActivation(nn.Identity):
    """The input itself."""


class LaplaceActivation(nn.Module):
    """Distribution function of a normal distribution, whose parameters make it close to a squared ReLU."""

    def forward(self, input: torch.Tensor, mu: float = 0.707107, sigma: float = 0.282095) -> torch.Tensor:  # noqa: A002
        return 0.5 * (1.0 + torch.erf((input - mu).div(sigma * math.sqrt(2.0))))


class ReLUSquaredActivation(nn.Module):
    """Square of ReLU."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - transformers' signature
        return torch.square(nn.functional.relu(input))


def _gelu_tanh(input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - as above
    return 0.5 * input * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (input + 0.044715 * torch.pow(input, 3.0))))


class _Activations(OrderedDict[str, Any]):
    """Names of activations; reading one creates a module."""

    def __getitem__(self, name: str) -> nn.Module:
        made = super().__getitem__(name)
        make, options = made if isinstance(made, tuple) else (made, {})
        module: nn.Module = make(**options)
        return module


ACT2CLS: Final[dict[str, Callable[..., nn.Module] | tuple[Callable[..., nn.Module], dict[str, Any]]]] = {
    "gelu": GELUActivation,
    "gelu_10": (ClippedGELUActivation, {"min": -10, "max": 10}),
    "gelu_accurate": AccurateGELUActivation,
    "gelu_fast": FastGELUActivation,
    "gelu_new": NewGELUActivation,
    "gelu_python": (GELUActivation, {"use_gelu_python": True}),
    "gelu_python_tanh": (GELUTanh, {"use_gelu_tanh_python": True}),
    "gelu_pytorch_tanh": GELUTanh,
    "hardswish": nn.Hardswish,
    "laplace": LaplaceActivation,
    "leaky_relu": nn.LeakyReLU,
    "linear": LinearActivation,
    "mish": MishActivation,
    "prelu": nn.PReLU,
    "quick_gelu": QuickGELUActivation,
    "relu": nn.ReLU,
    "relu2": ReLUSquaredActivation,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "silu": SiLUActivation,
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
}
ACT2FN: Final = _Activations(ACT2CLS)


def get_activation(activation_string: str) -> nn.Module:
    """Return a new activation module.

    Args:
        activation_string: Its name.

    Raises:
        KeyError: There is no activation of this name.
    """
    if activation_string not in ACT2FN:
        raise KeyError(f"There is no activation {activation_string!r}. Use one of {', '.join(ACT2FN)}.")
    return ACT2FN[activation_string]


gelu: Final = get_activation("gelu")
gelu_new: Final = get_activation("gelu_new")
gelu_fast: Final = get_activation("gelu_fast")
gelu_pytorch_tanh: Final = get_activation("gelu_pytorch_tanh")
quick_gelu: Final = get_activation("quick_gelu")
silu: Final = get_activation("silu")
