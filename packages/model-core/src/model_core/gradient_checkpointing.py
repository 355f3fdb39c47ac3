"""Gradient checkpointing: layers that recompute their activations in the backward pass to save memory.

A model supports it with `supports_gradient_checkpointing = True` and with layers of either kind: layers that have an
attribute `gradient_checkpointing = False` and that, when it is true, call
`self._gradient_checkpointing_func(layer, *inputs)`; or networks that have a method `set_grad_checkpointing(enable)`, as
those of timm do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from model_core.errors import ArgumentError, ModelDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GradientCheckpointing"]

_FUNCTION_OF_LAYERS = "_gradient_checkpointing_func"  # which layers call, as in transformers


class GradientCheckpointing(nn.Module):
    """The part of `PreTrainedModel` that enables and disables gradient checkpointing.

    Attributes:
        supports_gradient_checkpointing: Whether the model has such layers.
    """

    supports_gradient_checkpointing: ClassVar[bool] = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether gradient checkpointing is enabled in any layer."""
        return any(
            getattr(module, name, False) is True
            for module in self.modules()
            for name in ("gradient_checkpointing", "grad_checkpointing")
        )

    @property
    def is_activation_checkpointing(self) -> bool:
        """Whether gradient checkpointing is enabled in any layer. transformers' newer name of the property."""
        return self.is_gradient_checkpointing

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        *,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Recompute activations in the backward pass instead of keeping them.

        Args:
            gradient_checkpointing_kwargs: Arguments of `torch.utils.checkpoint.checkpoint`; `use_reentrant` is False
                unless given. Networks of timm take no others.
            every_n_layers: Recompute in every n-th layer only. Networks of timm recompute in every layer.
            offload: Keep the inputs of the layers in host memory until the backward pass.

        Raises:
            ModelDefinitionError: The class does not support it, or none of its layers does.
            ArgumentError: The layers do not support an argument.
        """
        if not self.supports_gradient_checkpointing:
            raise ModelDefinitionError(
                "it does not support gradient checkpointing: set supports_gradient_checkpointing = True in a class "
                "whose layers support it.",
                model_class=type(self),
            )
        layers, networks = self._checkpointing_layers(), _timm_networks(self)
        if not layers and not networks:
            raise ModelDefinitionError(
                "it does not support gradient checkpointing: none of its layers has an attribute "
                "`gradient_checkpointing` or a method `set_grad_checkpointing`.",
                model_class=type(self),
            )
        options = {"use_reentrant": False, **_checked_options(gradient_checkpointing_kwargs)}
        if networks:
            _check_timm_options(options, every_n_layers=every_n_layers, offload=offload)
        _check_every_n_layers(every_n_layers, len(layers))
        function: Callable[..., Any] = functools.partial(checkpoint, **options)
        if offload:
            function = functools.partial(_offloaded, function)
        for number, layer in enumerate(layers):
            setattr(layer, _FUNCTION_OF_LAYERS, function)
            layer.gradient_checkpointing = number % every_n_layers == 0
        for network in networks:
            network.set_grad_checkpointing(True)

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,  # noqa: FBT001, FBT002 - the signature that the Trainer of transformers calls
    ) -> None:
        """Recompute activations in the backward pass. transformers' newer name of `gradient_checkpointing_enable`.

        Args:
            activation_checkpointing_kwargs: As `gradient_checkpointing_kwargs` of `gradient_checkpointing_enable`.
            every_n_layers: As for `gradient_checkpointing_enable`.
            offload: As for `gradient_checkpointing_enable`.
        """
        further: dict[str, Any] = {"every_n_layers": every_n_layers} if every_n_layers != 1 else {}
        if offload:
            further["offload"] = offload
        # An author's own method may know the first argument alone.
        self.gradient_checkpointing_enable(activation_checkpointing_kwargs, **further)

    def gradient_checkpointing_disable(self) -> None:
        """Stop recomputing activations: keep them for the backward pass again."""
        for layer in self._checkpointing_layers():
            layer.gradient_checkpointing = False
        for network in _timm_networks(self):
            network.set_grad_checkpointing(False)

    def activation_checkpointing_disable(self) -> None:
        """Stop recomputing activations. transformers' newer name of `gradient_checkpointing_disable`."""
        self.gradient_checkpointing_disable()

    def _checkpointing_layers(self) -> list[Any]:
        return [module for module in self.modules() if hasattr(module, "gradient_checkpointing")]


def _checked_options(options: Any) -> Mapping[str, Any]:
    """Return the options of `torch.utils.checkpoint.checkpoint`: others would fail in the first forward pass."""
    allowed = inspect.signature(checkpoint).parameters.keys() - {"function", "args", "kwargs"}
    checked: Any = options or {}
    if not isinstance(checked, Mapping) or not allowed.issuperset(checked):
        expected = f"a dict of options of torch.utils.checkpoint.checkpoint: {', '.join(sorted(allowed))}"
        raise ArgumentError("gradient_checkpointing_kwargs", options, expected=expected)
    return checked


def _timm_networks(module: nn.Module) -> list[Any]:
    """Return the outermost modules that have timm's method; it covers what is inside them."""
    if callable(getattr(module, "set_grad_checkpointing", None)):
        return [module]
    return [network for child in module.children() for network in _timm_networks(child)]


def _check_every_n_layers(every_n_layers: object, num_layers: int) -> None:
    if not isinstance(every_n_layers, int) or isinstance(every_n_layers, bool) or every_n_layers < 1:
        raise ArgumentError("every_n_layers", every_n_layers, expected="a positive integer")
    if every_n_layers > max(num_layers, 1):
        raise ArgumentError(
            "every_n_layers",
            every_n_layers,
            expected=f"at most {num_layers}, the number of modules with an attribute `gradient_checkpointing`",
        )


def _check_timm_options(options: dict[str, Any], *, every_n_layers: int, offload: bool) -> None:
    """Check that nothing is asked for that timm's method has no argument for."""
    for argument, value, default in (
        ("gradient_checkpointing_kwargs", options, {"use_reentrant": False}),
        ("every_n_layers", every_n_layers, 1),
        ("offload", offload, False),
    ):
        if value != default:
            remedy = "Networks of timm checkpoint every layer, without options."
            raise ArgumentError(argument, value, remedy=remedy)


def _offloaded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with torch.autograd.graph.save_on_cpu(pin_memory=torch.accelerator.is_available()):
        return function(*args, **kwargs)
