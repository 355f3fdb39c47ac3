"""Functions of `transformers.masking_utils` that make attention masks for the implementation in the config.

For "sdpa" a mask is True where a token attends, and None where torch's function needs none. For "eager" it is to be
added to the scores: 0 where a token attends, the lowest number elsewhere.
"""

from __future__ import annotations

import contextlib
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
    return _causal_mask(config, inputs_embeds, attention_mask, is_sliding=False, **options)


def create_sliding_window_causal_mask(
    config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any
) -> Any:
    """Return the mask with which a token attends to itself and `config.sliding_window - 1` earlier ones.

    Args and errors are those of `create_causal_mask`.
    """
    return _causal_mask(config, inputs_embeds, attention_mask, is_sliding=True, **options)


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
    return _bidirectional_mask(config, inputs_embeds, attention_mask, is_sliding=False, **options)


def create_bidirectional_sliding_window_mask(
    config: Any, inputs_embeds: Any = None, attention_mask: Any = None, **options: Any
) -> Any:
    """Return the mask with which a token attends to those that are at most `config.sliding_window` away.

    Args and errors are those of `create_bidirectional_mask`.
    """
    return _bidirectional_mask(config, inputs_embeds, attention_mask, is_sliding=True, **options)


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


def _causal_mask(
    config: Any,
    inputs_embeds: Any,
    attention_mask: Any,
    *,
    is_sliding: bool,
    input_embeds: Any = None,
    position_ids: torch.Tensor | None = None,
    or_mask_function: _Rule | None = None,
    and_mask_function: _Rule | None = None,
    block_sequence_ids: torch.Tensor | None = None,
    allow_is_causal_skip: bool = True,
    **cache: Any,
) -> torch.Tensor | None:
    if not _is_causal(config):
        return _bidirectional_mask(
            config, inputs_embeds, attention_mask, is_sliding=is_sliding, input_embeds=input_embeds,
            or_mask_function=or_mask_function, and_mask_function=and_mask_function,
            allow_is_bidirectional_skip=allow_is_causal_skip, **cache,
        )  # fmt: skip
    _refuse_cache(**cache)
    is_ready, ready = _ready_mask(config, attention_mask)
    if is_ready:
        return ready
    embeds = input_embeds if inputs_embeds is None else inputs_embeds
    num_queries, padding = embeds.shape[1], _padding(attention_mask, embeds)
    num_keys = num_queries if padding is None else padding.shape[-1]
    window = _window(config) if is_sliding else None
    positions, sequences = _packed(position_ids, embeds) if attention_mask is None else (None, None)
    changes = (or_mask_function, and_mask_function, block_sequence_ids, sequences)
    if getattr(config, _FIELD) == "sdpa" and allow_is_causal_skip and all(change is None for change in changes):
        is_local = window is not None and num_keys >= window
        if not is_local and _is_causal_alone(padding, num_queries, num_keys):
            return None

    def attends(b: torch.Tensor, h: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        at, to = (q, k) if positions is None or sequences is None else (positions[b, q], positions[b, k])
        mask = to <= at if window is None else (to <= at) & (to > at - window)
        mask = _changed(mask, (b, h, at, to), or_mask_function, and_mask_function)
        if block_sequence_ids is not None:
            blocks = nn.functional.pad(
                block_sequence_ids, (0, max(num_keys - block_sequence_ids.shape[-1], 0)), value=-1
            )
            mask = mask | ((blocks[b, q] == blocks[b, k]) & (blocks[b, q] >= 0))
        return mask if sequences is None else mask & (sequences[b, q] == sequences[b, k])

    return _mask(config, embeds, embeds, padding, attends)


def _bidirectional_mask(
    config: Any,
    inputs_embeds: Any,
    attention_mask: Any,
    *,
    is_sliding: bool,
    input_embeds: Any = None,
    encoder_hidden_states: torch.Tensor | None = None,
    or_mask_function: _Rule | None = None,
    and_mask_function: _Rule | None = None,
    allow_is_bidirectional_skip: bool = True,
    **cache: Any,
) -> torch.Tensor | None:
    _refuse_cache(**cache)
    is_ready, ready = _ready_mask(config, attention_mask)
    if is_ready:
        return ready
    embeds = input_embeds if inputs_embeds is None else inputs_embeds
    source = embeds if encoder_hidden_states is None else encoder_hidden_states
    padding = _padding(attention_mask, embeds)
    num_keys = source.shape[1] if padding is None else padding.shape[-1]
    window = _window(config) if is_sliding else None
    if allow_is_bidirectional_skip and or_mask_function is None and and_mask_function is None:
        is_local = window is not None and num_keys >= window
        if not is_local and (padding is None or (not is_tracing(padding) and bool(padding.all()))):
            return None

    def attends(b: torch.Tensor, h: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        mask = q >= 0 if window is None else (q - k).abs() <= window
        return _changed(mask, (b, h, q, k), or_mask_function, and_mask_function)

    return _mask(config, embeds, source, padding, attends)


def _refuse_cache(**cache: Any) -> None:
    """Check that arguments about a cache, under whatever name, are None. The positions in one have no effect."""
    unknown = cache.keys() - {"cache", "past_key_values", "layer_idx", "cache_position", "position_ids"}
    if unknown:
        raise TypeError(f"There is no argument {min(unknown)!r}.")
    if cache.get("cache") is not None or cache.get("past_key_values") is not None:
        raise ValueError("Masks for a cache are not made here: caches and generation belong to transformers.")


def _ready_mask(config: Any, attention_mask: torch.Tensor | None) -> tuple[bool, torch.Tensor | None]:
    """Return whether nothing is to be done, and the mask: that of each query, or none for attention of another kind."""
    if attention_mask is not None and attention_mask.dim() == _NUM_DIMENSIONS:
        return True, attention_mask
    return getattr(config, _FIELD) not in _IMPLEMENTATIONS, None


def _padding(attention_mask: torch.Tensor | None, embeds: torch.Tensor) -> torch.Tensor | None:
    return None if attention_mask is None else attention_mask.to(device=embeds.device, dtype=torch.bool)


def _window(config: Any) -> int:
    window: int | None = getattr(config, "sliding_window", None)
    if window is None:
        raise ValueError("A mask with a sliding window needs a config with sliding_window.")
    return window


def _packed(position_ids: torch.Tensor | None, embeds: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return the positions, and the number of the sequence that each is in; None if there is one sequence each."""
    if position_ids is None:
        return None, None
    positions = position_ids.expand(embeds.shape[0], -1)
    sequences = (torch.diff(positions, prepend=positions[:, :1] - 1, dim=-1) != 1).cumsum(-1)
    is_one = not is_tracing(sequences) and bool((sequences[:, -1] == 0).all())
    return positions, None if is_one else sequences


def _is_causal_alone(padding: torch.Tensor | None, num_queries: int, num_keys: int) -> bool:
    """Return whether `scaled_dot_product_attention(is_causal=True)` masks what is to be masked."""
    if padding is None:
        return True
    if is_tracing(padding):
        return False
    if num_queries in {1, num_keys} and bool(padding.all()):
        return True
    return bool(padding[:, :num_queries].all()) and not bool(padding[:, num_queries:].any())


def _changed(
    mask: torch.Tensor, numbers: tuple[torch.Tensor, ...], or_function: _Rule | None, and_function: _Rule | None
) -> torch.Tensor:
    if or_function is not None:
        mask = mask | or_function(*numbers)
    return mask if and_function is None else mask & and_function(*numbers)


def _mask(
    config: Any, embeds: torch.Tensor, source: torch.Tensor, padding: torch.Tensor | None, attends: _Rule
) -> torch.Tensor:
    """Return the mask of a rule, which has batch size and dtype of the source of the keys."""
    num_batches, num_queries, device = source.shape[0], embeds.shape[1], embeds.device
    num_keys = source.shape[1] if padding is None else padding.shape[-1]
    batch = torch.arange(num_batches, device=device)[:, None, None, None]
    head = torch.arange(1, device=device)[None, :, None, None]
    query = torch.arange(num_queries, device=device)[None, None, :, None]
    key = torch.arange(num_keys, device=device)[None, None, None, :]
    mask = attends(batch, head, query, key)
    if padding is not None:
        mask = mask & padding[batch, key]
    mask = mask.expand(num_batches, -1, num_queries, num_keys)
    if getattr(config, _FIELD) == "sdpa":
        return mask
    attended = torch.zeros((), device=device, dtype=source.dtype)
    return torch.where(mask, attended, torch.finfo(source.dtype).min)
