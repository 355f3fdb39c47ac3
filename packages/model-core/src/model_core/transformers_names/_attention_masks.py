"""Attention masks to add to scores: 0 where a token attends, the lowest number elsewhere.

They are those of `transformers.modeling_attn_mask_utils`, and of the base models of transformers 4. Masks that come in
have 1 for tokens and 0 for padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from model_core.module_facts import ModuleFacts
from model_core.transformers_names._pytorch_utils import is_jit_tracing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AttentionMaskConverter",
    "MaskMethods",
    "create_4d_causal_attention_mask",
    "prepare_4d_attention_mask",
    "prepare_4d_attention_mask_for_sdpa",
    "prepare_4d_causal_attention_mask",
    "prepare_4d_causal_attention_mask_for_sdpa",
]

_NUM_DIMENSIONS = 4


class AttentionMaskConverter:
    """Makes masks of shape `(batch, 1, queries, keys)`.

    Args:
        is_causal: Whether a token attends only to itself and to earlier ones.
        sliding_window: How many tokens back it attends at most; None for all. Needs `is_causal`.

    Raises:
        ValueError: `sliding_window` is not positive.
    """

    def __init__(self, is_causal: bool, sliding_window: int | None = None) -> None:  # noqa: FBT001 - transformers'
        if sliding_window is not None and sliding_window <= 0:
            raise ValueError(f"sliding_window must be positive, got {sliding_window}.")
        self.is_causal = is_causal
        self.sliding_window = sliding_window

    def to_causal_4d(
        self,
        batch_size: int,
        query_length: int,
        key_value_length: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> torch.Tensor | None:
        """Return the causal mask without padding; None if it would mask nothing."""
        if not self.is_causal:
            raise ValueError("to_causal_4d needs AttentionMaskConverter(is_causal=True).")
        if query_length <= 1 and self.sliding_window is None:
            return None
        past = key_value_length - query_length
        return self._make_causal_mask((batch_size, query_length), dtype, device, past, self.sliding_window)

    def to_4d(
        self,
        attention_mask_2d: torch.Tensor,
        query_length: int,
        dtype: torch.dtype,
        key_value_length: int | None = None,
    ) -> torch.Tensor:
        """Return the mask for padding, and the causal one where that applies.

        Args:
            attention_mask_2d: Mask of shape `(batch, keys)`.
            query_length: Number of queries.
            dtype: Dtype of the result.
            key_value_length: Number of keys. A causal mask needs it.

        Raises:
            ValueError: It is needed and missing.
        """
        expanded = self._expand_mask(attention_mask_2d, dtype, tgt_len=query_length)
        if not self.is_causal or (query_length <= 1 and self.sliding_window is None):
            return expanded
        if key_value_length is None:
            raise ValueError("A causal mask needs key_value_length.")
        shape, device = (attention_mask_2d.shape[0], query_length), attention_mask_2d.device
        past = key_value_length - query_length
        causal = self._make_causal_mask(shape, dtype, device, past, self.sliding_window)
        return causal.masked_fill(expanded.bool(), torch.finfo(dtype).min)

    @staticmethod
    def _make_causal_mask(
        input_ids_shape: Sequence[int],
        dtype: torch.dtype,
        device: torch.device | str,
        past_key_values_length: int = 0,
        sliding_window: int | None = None,
    ) -> torch.Tensor:
        num_batches, num_queries = input_ids_shape
        queries = torch.arange(num_queries, device=device)[:, None] + past_key_values_length
        keys = torch.arange(num_queries + past_key_values_length, device=device)[None, :]
        masked = keys > queries
        if sliding_window is not None:
            masked = masked | (keys < queries - sliding_window)
        mask = torch.zeros(masked.shape, dtype=dtype, device=device).masked_fill(masked, torch.finfo(dtype).min)
        return mask[None, None].expand(num_batches, 1, *mask.shape)

    @staticmethod
    def _expand_mask(mask: torch.Tensor, dtype: torch.dtype, tgt_len: int | None = None) -> torch.Tensor:
        return prepare_4d_attention_mask(mask, dtype, tgt_len)


def prepare_4d_attention_mask(mask: torch.Tensor, dtype: torch.dtype, tgt_len: int | None = None) -> torch.Tensor:
    """Return the mask for padding, of shape `(batch, 1, queries, keys)`."""
    num_batches, num_keys = mask.shape
    return _inverted(mask[:, None, None, :].expand(num_batches, 1, tgt_len or num_keys, num_keys), dtype)


def prepare_4d_attention_mask_for_sdpa(
    mask: torch.Tensor, dtype: torch.dtype, tgt_len: int | None = None
) -> torch.Tensor | None:
    """Return the mask for padding, or None if there is no padding."""
    if not is_jit_tracing() and bool(torch.all(mask == 1)):
        return None
    return prepare_4d_attention_mask(mask, dtype, tgt_len)


def prepare_4d_causal_attention_mask(
    attention_mask: torch.Tensor | None,
    input_shape: Sequence[int],
    inputs_embeds: torch.Tensor,
    past_key_values_length: int,
    sliding_window: int | None = None,
) -> torch.Tensor | None:
    """Return the causal mask and that for padding together.

    Args:
        attention_mask: Mask of shape `(batch, keys)` or `(batch, 1, queries, keys)`; None without padding.
        input_shape: `(batch, queries)`.
        inputs_embeds: Gives dtype and device.
        past_key_values_length: Number of earlier keys.
        sliding_window: How many tokens back a token attends at most.

    Raises:
        ValueError: A mask of four dimensions has another shape.
    """
    converter = AttentionMaskConverter(is_causal=True, sliding_window=sliding_window)
    num_batches, num_queries = input_shape[0], input_shape[-1]
    num_keys = num_queries + past_key_values_length
    dtype = inputs_embeds.dtype
    if attention_mask is None:
        return converter.to_causal_4d(num_batches, num_queries, num_keys, dtype, device=inputs_embeds.device)
    if attention_mask.dim() < _NUM_DIMENSIONS:
        return converter.to_4d(attention_mask, num_queries, dtype, key_value_length=num_keys)
    if tuple(attention_mask.shape) != (expected := (num_batches, 1, num_queries, num_keys)):
        raise ValueError(f"The attention mask has shape {tuple(attention_mask.shape)}, expected {expected}.")
    return _inverted(attention_mask, dtype)


def prepare_4d_causal_attention_mask_for_sdpa(
    attention_mask: torch.Tensor | None,
    input_shape: Sequence[int],
    inputs_embeds: torch.Tensor,
    past_key_values_length: int,
    sliding_window: int | None = None,
) -> torch.Tensor | None:
    """Return the causal mask as above, or None where `scaled_dot_product_attention(is_causal=…)` does the same.

    Args and errors are those of `prepare_4d_causal_attention_mask`.
    """
    num_queries = input_shape[-1]
    num_keys = num_queries + past_key_values_length
    is_plain = attention_mask is None or (
        attention_mask.dim() < _NUM_DIMENSIONS and not is_jit_tracing() and bool(torch.all(attention_mask == 1))
    )
    fits = num_queries in {1, num_keys} and (sliding_window is None or num_keys < sliding_window)
    if is_plain and fits and not is_jit_tracing():
        return None
    mask = prepare_4d_causal_attention_mask(
        attention_mask, input_shape, inputs_embeds, past_key_values_length, sliding_window
    )
    if mask is not None and mask.device.type == "cuda":
        # Its kernels give NaN for a query that attends to nothing; such rows are padding, so they attend to all.
        mask = mask.mul(~torch.all(mask == torch.finfo(mask.dtype).min, dim=-1, keepdim=True))
    return mask


def create_4d_causal_attention_mask(
    input_shape: Sequence[int],
    dtype: torch.dtype,
    device: torch.device,
    past_key_values_length: int = 0,
    sliding_window: int | None = None,
) -> torch.Tensor | None:
    """Return the causal mask without padding."""
    converter = AttentionMaskConverter(is_causal=True, sliding_window=sliding_window)
    num_keys = input_shape[-1] + past_key_values_length
    return converter.to_causal_4d(input_shape[0], input_shape[-1], num_keys, dtype, device=device)


def _inverted(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    inverted = 1.0 - mask.to(dtype)
    return inverted.masked_fill(inverted.bool(), torch.finfo(dtype).min)


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
        return (1.0 - _with_heads(encoder_attention_mask).to(self.dtype)) * torch.finfo(self.dtype).min

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
        dtype = dtype or self.dtype
        return (1.0 - extended.to(dtype)) * torch.finfo(dtype).min

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
