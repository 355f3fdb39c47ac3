"""`PreTrainedModel` for models that were written for transformers 4 and 5."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from config_core.transformers_names import logging
from model_core.loading import Renaming, ScopedPattern
from model_core.pretrained_model import PreTrainedModel as OwnModel
from model_core.tied_weights import TIE_FIELD, declares_ties
from model_core.transformers_names._attention_functions import choose_attention, requested_attention
from model_core.transformers_names._attention_masks import MaskMethods
from model_core.transformers_names._losses import loss_for
from model_core.transformers_names._pytorch_utils import is_tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_core.loading import NameRules
    from model_core.module_tensors import NamedTensors

__all__ = ["GradientCheckpointingLayer", "PreTrainedModel"]

_logger = logging.get_logger(__name__)

# Names in checkpoints of the first years, which every version of transformers reads, and their names today.
_OLD_NAMES = (
    Renaming(r"(^|\.)LayerNorm\.gamma$", r"\1LayerNorm.weight"),
    Renaming(r"(^|\.)LayerNorm\.beta$", r"\1LayerNorm.bias"),
    Renaming(r"(^|\.)weight_g$", r"\1parametrizations.weight.original0"),
    Renaming(r"(^|\.)weight_v$", r"\1parametrizations.weight.original1"),
)
_LOSS = "loss_function"
_TIES = "_tied_weights_keys"
# What only transformers can do, so that an error says where to find it.
_NOT_SERVED = frozenset({
    "generate", "resize_token_embeddings", "resize_position_embeddings", "prune_heads", "dequantize",
    "set_attn_implementation", "generation_config", _LOSS,
})  # fmt: skip


class PreTrainedModel(OwnModel, MaskMethods):
    """The base class that models of transformers find here: `model_core.PreTrainedModel` with the methods they call.

    Weights that tie the output embeddings to the input embeddings are tied as in transformers 4, declared as a list or
    not at all. Tensors of a checkpoint for buffers that are not persistent are left out.
    """

    framework: ClassVar[str] = "pt"
    is_parallelizable: ClassVar[bool] = False
    _auto_class: ClassVar[str | None] = None
    _no_split_modules: ClassVar[Any] = None
    _skip_keys_device_placement: ClassVar[Any] = None
    _supports_attention_backend: ClassVar[bool] = False
    _supports_cache_class: ClassVar[bool] = False
    _supports_flash_attn: ClassVar[bool] = False
    _supports_flash_attn_2: ClassVar[bool] = False
    _supports_flex_attn: ClassVar[bool] = False
    _supports_quantized_cache: ClassVar[bool] = False
    _supports_sdpa: ClassVar[bool] = False
    _supports_static_cache: ClassVar[bool] = False
    _is_stateful: ClassVar[bool] = False
    _can_record_outputs: ClassVar[Any] = None
    _input_embed_layer: ClassVar[str] = "embed_tokens"

    def __init__(self, config: Any, *_args: Any, **_kwargs: Any) -> None:  # transformers ignores the others, too
        super().__init__(config)
        choose_attention(self)

    @classmethod
    def _config_class_of_parts(cls) -> None:
        """Return None: in transformers, a part may inherit the config class of the whole and take its own config."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,
        *model_args: Any,
        attn_implementation: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Load a model, as `model_core.PreTrainedModel` does.

        Args:
            pretrained_model_name_or_path: A folder, a repository `owner/name`, or an open checkpoint.
            *model_args: Further positional arguments of the constructor.
            attn_implementation: "eager" or "sdpa" for the model and the models inside it. If None, each uses "sdpa" if
                it says that it supports that.
            **kwargs: As there.

        Raises:
            ArgumentError: There is no such implementation, or the model does not support it.
        """
        with requested_attention(attn_implementation):
            return super().from_pretrained(pretrained_model_name_or_path, *model_args, **kwargs)

    @classmethod
    def _from_config(cls, config: Any, *, attn_implementation: str | None = None, **kwargs: Any) -> Any:
        """Create a model with new weights. The arguments are those of `from_pretrained`.

        The config is copied if an implementation of attention is given: another model may use the same config.
        """
        config = config if attn_implementation is None else copy.deepcopy(config)
        with requested_attention(attn_implementation):
            return super()._from_config(config, **kwargs)

    # Embeddings

    def get_input_embeddings(self) -> nn.Module:
        """Return the layer `_input_embed_layer` of the model or a usual part of it, or that of the base model.

        Raises:
            NotImplementedError: The model does not say which it is.
        """
        owner = self._owner_of_embeddings()
        embeddings: nn.Module = (
            self._of_base_model("get_input_embeddings")() if owner is None else getattr(owner, self._input_embed_layer)
        )
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace what `get_input_embeddings` returns.

        Raises:
            NotImplementedError: The model does not say which it is.
        """
        owner = self._owner_of_embeddings()
        if owner is None:
            self._of_base_model("set_input_embeddings")(value)
        else:
            setattr(owner, self._input_embed_layer, value)

    def _owner_of_embeddings(self) -> Any:
        places = (self, getattr(self, "embeddings", None), getattr(self, "model", None))
        return next((place for place in places if hasattr(place, self._input_embed_layer)), None)

    def _of_base_model(self, method: str) -> Any:
        inner = self.base_model
        if inner is self or not hasattr(inner, method):
            raise NotImplementedError(f"{type(self).__name__} has no {method}().")
        return getattr(inner, method)

    def get_output_embeddings(self) -> nn.Module | None:
        """Return the layer whose weight is tied to the input embeddings, or None."""
        return None

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the output embeddings.

        Raises:
            NotImplementedError: The model does not say which they are.
        """
        raise NotImplementedError(f"{type(self).__name__} has no set_output_embeddings().")

    def enable_input_require_grads(self) -> None:
        """Let the outputs of the input embeddings require gradients, for adapters on frozen models."""

        def require(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:  # noqa: ARG001 - torch's hook
            output.requires_grad_(True)

        self._require_grads_hook = self.get_input_embeddings().register_forward_hook(require)

    def disable_input_require_grads(self) -> None:
        """Undo `enable_input_require_grads`."""
        self._require_grads_hook.remove()

    # Initialisation and ties

    def _init_weights(self, module: nn.Module) -> None:
        """Leave a module as its constructor made it. Subclasses may call this."""

    def _initialize_weights(self, module: nn.Module, *_args: Any, **_kwargs: Any) -> None:
        self._init_weights(module)

    def initialize_weights(self) -> None:
        """Do what `init_weights` does."""
        self.init_weights()

    def tie_weights(self, *_args: Any, **_kwargs: Any) -> None:
        """Tie the output embeddings to the input embeddings, and what modules tie in a `_tie_weights` of their own."""
        super().tie_weights()
        tied = _tied_embeddings(self) if declares_ties(type(self)) else None
        if tied is not None:
            self._tie_or_clone_weights(*tied)
        for module in list(self.modules()):
            tie = getattr(module, "_tie_weights", None)
            if callable(tie):
                tie()

    def _tie_or_clone_weights(self, output_embeddings: Any, input_embeddings: Any) -> None:
        output_embeddings.weight = input_embeddings.weight
        if hasattr(output_embeddings, "out_features") and hasattr(input_embeddings, "num_embeddings"):
            output_embeddings.out_features = input_embeddings.num_embeddings

    # Loading

    @classmethod
    def _name_rules(cls, model: nn.Module, named: NamedTensors, key_mapping: Mapping[str, str]) -> NameRules:
        rules = super()._name_rules(model, named, key_mapping)
        tied = _tied_embeddings(model) if isinstance(model, PreTrainedModel) else None
        if tied is not None:
            names = {module: name for name, module in model.named_modules()}
            outputs, inputs = (f"{names[layer]}.weight" for layer in tied)
            rules.ties.enabled.setdefault(outputs, inputs)
        left_over = (ScopedPattern("", _pattern(name, cls.base_model_prefix)) for name in named.non_persistent)
        return dataclasses.replace(
            rules,
            declared_renamings=(*rules.declared_renamings, *_OLD_NAMES),
            ignored_unexpected=(*rules.ignored_unexpected, *left_over),
        )

    # As a model

    @property
    def loss_function(self) -> Any:
        """The loss of the task in `loss_type` or in the name of the class, unless another one is assigned.

        Raises:
            AttributeError: The loss of the task is not served.
        """
        loss = vars(self).get("_loss_function") or loss_for(vars(self).get("loss_type") or type(self).__name__)
        if loss is None:
            self.__getattr__(_LOSS)
        return loss

    @loss_function.setter
    def loss_function(self, value: Any) -> None:
        self._loss_function = value

    def can_generate(self) -> bool:
        """Return False: text generation belongs to transformers."""
        return False

    def warn_if_padding_and_no_attention_mask(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None
    ) -> None:
        """Log a warning, once, if there is padding at an end of the input and no mask for it."""
        padding = getattr(self.config, "pad_token_id", None)
        if attention_mask is not None or padding is None or is_tracing(input_ids):
            return
        if bool((input_ids[:, [0, -1]] == padding).any()):
            _logger.warning_once(
                "The input of %s has padding and no attention_mask, so it attends to the padding.", type(self).__name__
            )

    def estimate_tokens(self, input_dict: Mapping[str, Any]) -> int:
        """Return the number of input elements."""
        return int(input_dict[self.main_input_name].numel()) if self.main_input_name in input_dict else 0

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_SERVED:
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}: it belongs to transformers. Where transformers is installed, "
                "hub_io.load_into_transformers() loads this model with it.",
                name=name,
                obj=self,
            )
        return super().__getattr__(name)


class GradientCheckpointingLayer(nn.Module):
    """A layer that is recomputed in the backward pass if gradient checkpointing is enabled."""

    gradient_checkpointing = False
    _gradient_checkpointing_func: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer."""
        if self.gradient_checkpointing and self.training:
            import functools

            return self._gradient_checkpointing_func(functools.partial(super().__call__, **kwargs), *args)
        return super().__call__(*args, **kwargs)


def _tied_embeddings(model: PreTrainedModel) -> tuple[nn.Module, nn.Module] | None:
    """Return the output and input embeddings of a model, if their weights are one.

    A class in the style of version 5 declares a dict, which says all that is tied.
    """
    if not getattr(model.config, TIE_FIELD, True) or isinstance(getattr(model, _TIES), Mapping):
        return None
    try:
        outputs, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    one, other = (getattr(layer, "weight", None) for layer in (outputs, inputs))
    if outputs is None or not isinstance(one, nn.Parameter) or not isinstance(other, nn.Parameter):
        return None
    return (outputs, inputs) if one.shape == other.shape else None


def _pattern(name: str, prefix: str) -> re.Pattern[str]:
    """Return an expression for a name in a checkpoint, which may have the prefix of the base model or lack it."""
    start = f"({re.escape(prefix)}\\.)?" if prefix else ""
    return re.compile(f"^{start}{re.escape(name.removeprefix(f'{prefix}.'))}$")
