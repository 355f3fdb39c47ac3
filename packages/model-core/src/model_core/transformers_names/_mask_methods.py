"""Methods on attention masks that base models of transformers 4 had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from model_core.module_facts import ModuleFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MaskMethods"]


class MaskMethods(ModuleFacts):
    """The part of `PreTrainedModel` that makes masks to add to attention scores: 0, or the lowest number."""

    config: Any

    def get_head_mask(
        self,
        head_mask: torch.Tensor | None,
        num_hidden_layers: int,
        is_attention_chunked: bool = False,  # noqa: FBT001, FBT002 - transformers' signature
    ) -> Any:
        """Return a mask of attention heads for each layer: None for each if there is none.

        Args:
            head_mask: Mask of shape `(heads,)` or `(layers, heads)`, with 1 for heads to keep.
            num_hidden_layers: Number of layers.
            is_attention_chunked: Whether to add a last dimension.

        Raises:
            ValueError: It has another number of dimensions.
        """
        if head_mask is None:
            return [None] * num_hidden_layers
        if head_mask.dim() == 1:
            head_mask = head_mask.expand(num_hidden_layers, -1)
        if head_mask.dim() != 2:  # noqa: PLR2004
            raise ValueError(f"head_mask must have one or two dimensions, got shape {tuple(head_mask.shape)}.")
        mask = head_mask[:, None, :, None, None].to(dtype=self.dtype)
        return mask.unsqueeze(-1) if is_attention_chunked else mask

    def invert_attention_mask(self, encoder_attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask to add to the scores of cross attention.

        Args:
            encoder_attention_mask: Mask of shape `(batch, keys)` or `(batch, queries, keys)`.
        """
        return _inverted(_with_heads(encoder_attention_mask), self.dtype)

    def get_extended_attention_mask(
        self,
        attention_mask: torch.Tensor,
        input_shape: Sequence[int],
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """Return the mask to add to attention scores.

        Args:
            attention_mask: Mask of shape `(batch, keys)` or `(batch, queries, keys)`.
            input_shape: `(batch, queries)`, for decoders.
            device: Ignored; the mask's own is used.
            dtype: Dtype of the result; the model's if None.

        Raises:
            ValueError: The mask has another number of dimensions.
        """
        if attention_mask.dim() == 2 and self.config.is_decoder:  # noqa: PLR2004
            extended = self.create_extended_attention_mask_for_decoder(input_shape, attention_mask, device)
        else:
            extended = _with_heads(attention_mask)
        return _inverted(extended, dtype or self.dtype)

    @staticmethod
    def create_extended_attention_mask_for_decoder(
        input_shape: Sequence[int],
        attention_mask: torch.Tensor,
        device: torch.device | None = None,  # noqa: ARG004 - transformers' signature
    ) -> torch.Tensor:
        """Return the mask of shape `(batch, 1, queries, keys)` with 1 for keys that are no padding and not later."""
        num_queries, num_keys = input_shape[1], attention_mask.shape[1]
        past = max(num_keys - num_queries, 0)
        queries = torch.arange(num_queries, device=attention_mask.device)[:, None] + past
        keys = torch.arange(max(num_keys, num_queries), device=attention_mask.device)[None, :]
        causal = (keys <= queries).to(attention_mask.dtype)
        return causal[None, None] * attention_mask[:, None, None, :]


def _with_heads(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask with a dimension for heads, and one for queries if it has none."""
    if mask.dim() == 3:  # noqa: PLR2004
        return mask[:, None, :, :]
    if mask.dim() == 2:  # noqa: PLR2004
        return mask[:, None, None, :]
    raise ValueError(f"An attention mask has two or three dimensions, got shape {tuple(mask.shape)}.")


def _inverted(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return (1.0 - mask.to(dtype=dtype)) * torch.finfo(dtype).min
