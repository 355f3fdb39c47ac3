"""Trading computation for memory in training: layers that compute their activations again in the backward pass.

A model offers it by `supports_gradient_checkpointing = True` and by layers that have an attribute
`gradient_checkpointing = False` and, where it is true, call `self._gradient_checkpointing_func(layer, *inputs)`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from torch.utils.checkpoint import checkpoint

from model_core.errors import ModelDefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

__all__ = ["is_checkpointing", "switch_checkpointing"]


def is_checkpointing(model: nn.Module) -> bool:
    """Tell whether any layer of a model computes its activations again."""
    return any(getattr(module, "gradient_checkpointing", False) is True for module in model.modules())


def switch_checkpointing(model: nn.Module, *, enable: bool, options: Mapping[str, Any] | None = None) -> None:
    """Switch it on or off in every layer of a model that has the attribute.

    Args:
        model: The model.
        enable: On or off.
        options: Arguments of `torch.utils.checkpoint.checkpoint`; `use_reentrant=False` unless given.

    Raises:
        ModelDefinitionError: The model says that it offers it, and no layer does.
    """
    layers = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    if enable and not layers:
        raise ModelDefinitionError(
            "supports_gradient_checkpointing is True, but no layer has an attribute `gradient_checkpointing` to switch on.",
            model_class=type(model),
        )
    function = functools.partial(checkpoint, **{"use_reentrant": False, **(options or {})})
    for layer in layers:
        layer.gradient_checkpointing = enable  # type: ignore[assignment]
        if enable:
            layer._gradient_checkpointing_func = function  # type: ignore[assignment]  # noqa: SLF001
