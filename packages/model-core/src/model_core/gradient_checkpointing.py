"""Gradient checkpointing: layers that recompute their activations in the backward pass to save memory.

A model supports it with `supports_gradient_checkpointing = True` and with layers that have an attribute
`gradient_checkpointing = False` and that, when it is true, call `self._gradient_checkpointing_func(layer, *inputs)`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn
from torch.utils.checkpoint import checkpoint

from model_core.errors import ModelDefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GradientCheckpointing"]


class GradientCheckpointing(nn.Module):
    """The part of `PreTrainedModel` that enables and disables gradient checkpointing.

    Attributes:
        supports_gradient_checkpointing: Whether the model has such layers.
    """

    supports_gradient_checkpointing: ClassVar[bool] = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether gradient checkpointing is enabled in any layer."""
        return any(getattr(module, "gradient_checkpointing", False) is True for module in self.modules())

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None) -> None:
        """Recompute activations in the backward pass instead of keeping them.

        Args:
            gradient_checkpointing_kwargs: Arguments of `torch.utils.checkpoint.checkpoint`; `use_reentrant` is False
                unless given.

        Raises:
            ModelDefinitionError: The class does not support it, or none of its layers does.
        """
        if not self.supports_gradient_checkpointing:
            raise ModelDefinitionError(
                "it does not support gradient checkpointing: set supports_gradient_checkpointing = True in a class "
                "whose layers support it.",
                model_class=type(self),
            )
        layers = self._checkpointing_layers()
        if not layers:
            raise ModelDefinitionError(
                "it does not support gradient checkpointing: none of its layers has an attribute "
                "`gradient_checkpointing`.",
                model_class=type(self),
            )
        options = {"use_reentrant": False, **(gradient_checkpointing_kwargs or {})}
        for layer in layers:
            setattr(layer, "_gradient_checkpointing_func", functools.partial(checkpoint, **options))  # noqa: B010
            setattr(layer, "gradient_checkpointing", True)  # noqa: B010

    def gradient_checkpointing_disable(self) -> None:
        """Keep activations for the backward pass again."""
        for layer in self._checkpointing_layers():
            setattr(layer, "gradient_checkpointing", False)  # noqa: B010

    def _checkpointing_layers(self) -> list[nn.Module]:
        return [module for module in self.modules() if hasattr(module, "gradient_checkpointing")]
