"""Functions of `transformers.masking_utils` that make attention masks for the implementation in the config.

For "sdpa" a mask is True where a token attends, and None where torch's function needs none. For "eager" it is to be
added to the scores: 0 where a token attends, the lowest number elsewhere.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from model_core.transformers_names._pytorch_utils import is_tracing

__all__ = [
    "causal_in_call",
    "create_bidirectional_mask",
    "create_bidirectional_sliding_window_mask",
    "create_causal_mask",
    "create_sliding_window_causal_mask",
]

# From the numbers of batch, head, query and key, which are tensors that broadcast, to whether the query attends.
_Rule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
_FIELD = "_attn_implementation"
_IMPLEMENTATIONS = {"eager", "sdpa"}
_NUM_DIMENSIONS = 4
_call = threading.local()  # its `is_causal` is a config and whether the masks for it are causal


def create_causal_mask(config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any) -> Any:
    """Return the mask with which a token attends to itself and to earlier ones.

    Args:
        config: Config of the model. If its `is_causal` is False, the mask is that of `create_bidirectional_mask`.
        inputs_embeds: Embeddings of shape `(batch, queries, size)`, for shape, dtype and device. `input_embeds` is
            accepted as another name.
        attention_mask: Mask of shape `(batch, keys)` with 1 for tokens and 0 for padding, or None. One of four
            dimensions is returned as it is.
        **options: `position_ids`, which start again in each of the sequences that are packed in one;
            `or_mask_function`, `and_mask_function` and `block_sequence_ids`, which change who attends to whom;
            `allow_is_causal_skip`, which is False to get a mask even if it is the usual one.

    Returns:
        A tensor of shape `(batch, 1, queries, keys)`, or None.

    Raises:
        ValueError: A cache is given: those belong to transformers.
    """
    may_skip = options.pop("allow_is_causal_skip", True)
    return _mask(config, inputs_embeds, attention_mask, is_causal=_is_causal(config), may_skip=may_skip, **options)


def create_sliding_window_causal_mask(
    config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any
) -> Any:
    """Return the mask with which a token attends to itself and `config.sliding_window - 1` earlier ones.

    Args and errors are those of `create_causal_mask`.
    """
    return create_causal_mask(config, inputs_embeds, attention_mask, is_sliding=True, **options)


def create_bidirectional_mask(
    config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any
) -> Any:
    """Return the mask with which a token attends to all that are no padding.

    Args:
        config: Config of the model.
        inputs_embeds: As for `create_causal_mask`.
        attention_mask: As for `create_causal_mask`.
        **options: `encoder_hidden_states`, of shape `(batch, keys, size)`, for cross attention; `or_mask_function` and
            `and_mask_function`; `allow_is_bidirectional_skip`.

    Returns:
        A tensor of shape `(batch, 1, queries, keys)`, or None if there is no padding.

    Raises:
        ValueError: A cache is given: those belong to transformers.
    """
    may_skip = options.pop("allow_is_bidirectional_skip", True)
    return _mask(config, inputs_embeds, attention_mask, is_causal=False, may_skip=may_skip, **options)


def create_bidirectional_sliding_window_mask(
    config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any
) -> Any:
    """Return the mask with which a token attends to those that are at most `config.sliding_window` away.

    Args and errors are those of `create_bidirectional_mask`.
    """
    return create_bidirectional_mask(config, inputs_embeds, attention_mask, is_sliding=True, **options)


@contextlib.contextmanager
def causal_in_call(config: Any, is_causal: bool) -> Iterator[None]:  # noqa: FBT001
    """Let the causal masks for a config be causal or not in the block, in this thread, whatever its `is_causal` is."""
    outer = getattr(_call, "is_causal", None)
    _call.is_causal = (config, is_causal)
    try:
        yield
    finally:
        _call.is_causal = outer


def _is_causal(config: Any) -> bool:
    of_call = getattr(_call, "is_causal", None)
    return bool(getattr(config, "is_causal", True) if of_call is None or of_call[0] is not config else of_call[1])


def _mask(
    config: Any,
    inputs_embeds: Any,
    attention_mask: torch.Tensor | None,
    *,
    is_causal: bool,
    may_skip: bool,
    is_sliding: bool = False,
    input_embeds: Any = None,
    encoder_hidden_states: torch.Tensor | None = None,
    position_ids: torch.Tensor | None = None,
    or_mask_function: _Rule | None = None,
    and_mask_function: _Rule | None = None,
    block_sequence_ids: torch.Tensor | None = None,
    **cache: Any,
) -> torch.Tensor | None:
    _refuse_cache(**cache)
    if attention_mask is not None and attention_mask.dim() == _NUM_DIMENSIONS:
        return attention_mask  # that of each query
    if getattr(config, _FIELD) not in _IMPLEMENTATIONS:
        return None  # attention of another kind
    embeds = input_embeds if inputs_embeds is None else inputs_embeds
    source = embeds if encoder_hidden_states is None else encoder_hidden_states
    padding = None if attention_mask is None else attention_mask.to(device=embeds.device, dtype=torch.bool)
    num_queries, num_keys = embeds.shape[1], source.shape[1] if padding is None else padding.shape[-1]
    window = _window(config) if is_sliding else None
    packed = _packed(position_ids, embeds) if is_causal and attention_mask is None else None
    blocks = None
    if is_causal and block_sequence_ids is not None:
        blocks = nn.functional.pad(block_sequence_ids, (0, max(num_keys - block_sequence_ids.shape[-1], 0)), value=-1)
    changes = (or_mask_function, and_mask_function, blocks, packed)
    if may_skip and all(change is None for change in changes) and (window is None or num_keys < window):
        is_sdpa = getattr(config, _FIELD) == "sdpa"
        if (is_sdpa and _is_causal_alone(padding, num_queries, num_keys)) if is_causal else _hides_nothing(padding):
            return None
    attends = functools.partial(_attends, is_causal, window, *changes)
    mask = _evaluated(attends, (source.shape[0], num_queries, num_keys), padding, embeds.device)
    if getattr(config, _FIELD) == "sdpa":
        return mask
    attended = torch.zeros((), device=mask.device, dtype=source.dtype)
    return torch.where(mask, attended, torch.finfo(source.dtype).min)


def _attends(  # noqa: PLR0917 - the first are fixed before the mask is made
    is_causal: bool,  # noqa: FBT001
    window: int | None,
    or_function: _Rule | None,
    and_function: _Rule | None,
    blocks: torch.Tensor | None,
    packed: tuple[torch.Tensor, torch.Tensor] | None,
    b: torch.Tensor,
    h: torch.Tensor,
    q: torch.Tensor,
    k: torch.Tensor,
) -> torch.Tensor:
    """Return whether queries attend to keys, given their numbers and those of batch and head, which broadcast."""
    at, to = (q, k) if packed is None else (packed[0][b, q], packed[0][b, k])
    mask = to <= at if is_causal else at >= 0
    if window is not None:
        mask = mask & (to > at - window) if is_causal else (at - to).abs() <= window
    if or_function is not None:
        mask = mask | or_function(b, h, at, to)
    if and_function is not None:
        mask = mask & and_function(b, h, at, to)
    if blocks is not None:
        mask = mask | ((blocks[b, q] == blocks[b, k]) & (blocks[b, q] >= 0))
    return mask if packed is None else mask & (packed[1][b, q] == packed[1][b, k])


def _refuse_cache(**cache: Any) -> None:
    """Check that arguments about a cache, under whatever name, are None. The positions in one have no effect."""
    unknown = cache.keys() - {"cache", "past_key_values", "layer_idx", "cache_position", "position_ids"}
    if unknown:
        raise TypeError(f"There is no argument {min(unknown)!r}.")
    if cache.get("cache") is not None or cache.get("past_key_values") is not None:
        raise ValueError("Masks for a cache are not made here: caches and generation belong to transformers.")


def _window(config: Any) -> int:
    window: int | None = getattr(config, "sliding_window", None)
    if window is None:
        raise ValueError("A mask with a sliding window needs a config with sliding_window.")
    return window


def _packed(position_ids: torch.Tensor | None, embeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return the positions, and the number of the sequence that each is in; None if there is one sequence each."""
    if position_ids is None:
        return None
    positions = position_ids.expand(embeds.shape[0], -1)
    sequences = (torch.diff(positions, prepend=positions[:, :1] - 1, dim=-1) != 1).cumsum(-1)
    is_one = not is_tracing(sequences) and bool((sequences[:, -1] == 0).all())
    return None if is_one else (positions, sequences)


def _is_causal_alone(padding: torch.Tensor | None, num_queries: int, num_keys: int) -> bool:
    """Return whether `scaled_dot_product_attention(is_causal=True)` masks what is to be masked."""
    if padding is None:
        return True
    if is_tracing(padding):
        return False
    if num_queries in {1, num_keys} and bool(padding.all()):
        return True
    return bool(padding[:, :num_queries].all()) and not bool(padding[:, num_queries:].any())


def _hides_nothing(padding: torch.Tensor | None) -> bool:
    return padding is None or (not is_tracing(padding) and bool(padding.all()))


def _evaluated(
    attends: _Rule, sizes: tuple[int, int, int], padding: torch.Tensor | None, device: torch.device
) -> torch.Tensor:
    """Return whether each query attends to each key, of shape `(batch, 1, queries, keys)`."""
    num_batches, num_queries, num_keys = sizes
    batch = torch.arange(num_batches, device=device)[:, None, None, None]
    head = torch.arange(1, device=device)[None, :, None, None]
    query = torch.arange(num_queries, device=device)[None, None, :, None]
    key = torch.arange(num_keys, device=device)[None, None, None, :]
    mask = attends(batch, head, query, key)
    if padding is not None:
        mask = mask & padding[batch, key]
    return mask.expand(num_batches, -1, num_queries, num_keys)
