"""Attention functions by name, which layers look up by `config._attn_implementation` if it is not "eager".

A model that says that it supports "sdpa" uses that unless the caller, its config or its code asks for another one.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import torch
from torch import nn

from model_core.errors import ArgumentError

__all__ = ["ALL_ATTENTION_FUNCTIONS", "choose_attention", "requested_attention"]

_FIELD: Final = "_attn_implementation"
_SUPPORTS: Final = "_supports_sdpa"
_requested: contextvars.ContextVar[str | None] = contextvars.ContextVar("_requested", default=None)

_Function = Callable[..., tuple[torch.Tensor, torch.Tensor | None]]


class _AttentionFunctions(Mapping[str, _Function]):
    """The functions. All checkpoints share them, so none can be added."""

    def __getitem__(self, name: str) -> _Function:
        return _FUNCTIONS[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_FUNCTIONS)

    def __len__(self) -> int:
        return len(_FUNCTIONS)

    def get_interface(self, attn_implementation: str | None, default: _Function) -> _Function:
        """Return the function of a name, or the default for "eager" and None.

        Raises:
            KeyError: There is no such function.
        """
        return default if attn_implementation in {None, "eager"} else self[str(attn_implementation)]


def _scaled_dot_product_attention(  # noqa: PLR0917 - transformers' signature
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,  # noqa: FBT001 - as above
    position_bias: torch.Tensor | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Return the output of torch's function, of shape `(batch, queries, heads, size)`, and None for the weights."""
    if options.get("softcap") is not None:
        raise ValueError("Attention of torch has no softcap. Load the model with attn_implementation='eager'.")
    groups: int = getattr(module, "num_key_value_groups", 1)
    if groups > 1:
        key, value = (tensor.repeat_interleave(groups, dim=1) for tensor in (key, value))
    num_queries = query.shape[2]
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    causal = causal and num_queries > 1 and attention_mask is None
    if causal:
        key, value = key[:, :, :num_queries], value[:, :, :num_queries]
    if position_bias is not None:
        attention_mask, causal = _biased(position_bias[..., : key.shape[2]], attention_mask, causal), False
    output = nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, dropout_p=dropout, scale=scaling, is_causal=causal
    )
    return output.transpose(1, 2).contiguous(), None


def _biased(bias: torch.Tensor, mask: torch.Tensor | None, causal: bool) -> torch.Tensor:  # noqa: FBT001
    """Return a mask that adds a bias to the scores of the positions that are attended to."""
    if mask is None and causal:
        mask = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).tril()
    if mask is None:
        return bias
    return torch.where(mask, bias, torch.finfo(bias.dtype).min) if mask.dtype == torch.bool else bias + mask


_FUNCTIONS: Final[dict[str, _Function]] = {"sdpa": _scaled_dot_product_attention}
ALL_ATTENTION_FUNCTIONS: Final = _AttentionFunctions()


@contextlib.contextmanager
def requested_attention(implementation: str | None) -> Iterator[None]:
    """Let models that are constructed in the block use an implementation of attention; None leaves them the choice.

    Raises:
        ArgumentError: There is no such implementation.
    """
    if implementation not in {None, "eager", *_FUNCTIONS}:
        raise ArgumentError("attn_implementation", implementation, expected="'eager' or 'sdpa'")
    token = _requested.set(implementation or _requested.get())  # a model inside the model uses that of the whole
    try:
        yield
    finally:
        _requested.reset(token)


def choose_attention(model: Any) -> None:
    """Set the implementation of attention in the config of a new model.

    What the caller asks for comes first, then what the author's code has set, then what the config file names if it
    exists here.

    Raises:
        ArgumentError: The caller asks for one that the model does not support.
    """
    state, supported = vars(model.config), ("eager", "sdpa") if getattr(model, _SUPPORTS) else ("eager",)
    asked = _requested.get()
    if asked is None and _FIELD in state:
        return
    if asked is not None and asked not in supported:
        expected = f"one of {', '.join(map(repr, supported))} for {type(model).__name__}"
        raise ArgumentError("attn_implementation", asked, expected=expected)
    named = state.get("_extra", {}).get(_FIELD)
    state[_FIELD] = asked or (named if named in supported else supported[-1])
