"""Trading computation for memory in training: layers that compute their activations again in the backward pass.

A model offers it by `supports_gradient_checkpointing = True` and by layers that have an attribute
`gradient_checkpointing = False` and, where it is true, call `self._gradient_checkpointing_func(layer, *inputs)`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn
from torch.utils.checkpoint import checkpoint

from model_core.errors import CheckpointingError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GradientCheckpointing"]


class GradientCheckpointing(nn.Module):
    """The part of a model that switches its layers.

    Attributes:
        supports_gradient_checkpointing: Whether the model has such layers.
    """

    supports_gradient_checkpointing: ClassVar[bool] = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether any layer computes its activations again in the backward pass."""
        return any(getattr(module, "gradient_checkpointing", False) is True for module in self.modules())

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None) -> None:
        """Let layers compute their activations again in the backward pass instead of keeping them.

        Args:
            gradient_checkpointing_kwargs: Arguments of `torch.utils.checkpoint.checkpoint`; `use_reentrant` is False
                unless given.

        Raises:
            CheckpointingError: The class does not support it, or has no layer that does.
        """
        if not self.supports_gradient_checkpointing:
            raise CheckpointingError(
                "a class that does says supports_gradient_checkpointing = True.", model_class=type(self)
            )
        layers = self._switched_layers()
        if not layers:
            raise CheckpointingError("no layer has an attribute `gradient_checkpointing`.", model_class=type(self))
        options = {"use_reentrant": False, **(gradient_checkpointing_kwargs or {})}
        for layer in layers:
            setattr(layer, "_gradient_checkpointing_func", functools.partial(checkpoint, **options))  # noqa: B010
            setattr(layer, "gradient_checkpointing", True)  # noqa: B010

    def gradient_checkpointing_disable(self) -> None:
        """Let layers keep their activations."""
        for layer in self._switched_layers():
            setattr(layer, "gradient_checkpointing", False)  # noqa: B010

    def _switched_layers(self) -> list[nn.Module]:
        return [module for module in self.modules() if hasattr(module, "gradient_checkpointing")]
