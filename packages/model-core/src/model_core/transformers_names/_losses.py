"""The losses that `self.loss_function` of a model is, by the task in `loss_type` or in the name of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["loss_for"]

_IGNORED = -100  # label of a token without a loss


def loss_for(name: str) -> Callable[..., torch.Tensor | None] | None:
    """Return the loss of the task in a name, such as `ForMaskedLM`; that of next tokens if it has none.

    None if the loss of the task belongs to models of transformers.
    """
    if any(task in name for task in _NOT_SERVED):
        return None
    return next((loss for task, loss in _LOSSES.items() if task in name), _of_next_tokens)


def _cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, *, num_items: Any = None, ignore_index: int = _IGNORED
) -> torch.Tensor:
    """Return the mean, or the sum by a number of items, which the whole of several batches has."""
    if num_items is None:
        return nn.functional.cross_entropy(logits, labels, ignore_index=ignore_index)
    total = nn.functional.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="sum")
    return total / (num_items.to(total.device) if isinstance(num_items, torch.Tensor) else num_items)


def _of_masked_tokens(
    logits: torch.Tensor,
    labels: torch.Tensor,
    vocab_size: int,
    num_items_in_batch: Any = None,
    ignore_index: int = _IGNORED,
    **_: Any,
) -> torch.Tensor:
    labels = labels.view(-1).to(logits.device)
    return _cross_entropy(
        logits.float().view(-1, vocab_size), labels, num_items=num_items_in_batch, ignore_index=ignore_index
    )


def _of_next_tokens(  # noqa: PLR0917 - transformers' signature
    logits: torch.Tensor,
    labels: torch.Tensor,
    vocab_size: int,
    num_items_in_batch: Any = None,
    ignore_index: int = _IGNORED,
    shift_labels: torch.Tensor | None = None,
    **_: Any,
) -> torch.Tensor:
    if shift_labels is None:
        shift_labels = nn.functional.pad(labels, (0, 1), value=ignore_index)[..., 1:].contiguous()
    return _of_masked_tokens(logits, shift_labels, vocab_size, num_items_in_batch, ignore_index)


def _of_classes(
    labels: torch.Tensor, pooled_logits: torch.Tensor, config: Any, num_items_in_batch: Any = None, **_: Any
) -> torch.Tensor:
    """Return the loss of `config.problem_type`, which is set if it is None."""
    if config.problem_type is None:
        is_number = labels.dtype in {torch.int32, torch.int64}
        several = "single_label_classification" if is_number else "multi_label_classification"
        config.problem_type = "regression" if config.num_labels == 1 else several
    labels = labels.to(pooled_logits.device)
    if config.problem_type == "single_label_classification":
        logits = pooled_logits.view(-1, config.num_labels)
        return _cross_entropy(logits, labels.view(-1), num_items=num_items_in_batch)
    if config.problem_type == "multi_label_classification":
        return nn.functional.binary_cross_entropy_with_logits(pooled_logits, labels)
    if config.num_labels == 1:
        return nn.functional.mse_loss(pooled_logits.squeeze(), labels.squeeze())
    return nn.functional.mse_loss(pooled_logits, labels)


def _of_token_classes(
    logits: torch.Tensor, labels: torch.Tensor, config: Any, num_items_in_batch: Any = None, **_: Any
) -> torch.Tensor:
    logits = logits.view(-1, config.num_labels).float()
    return _cross_entropy(logits, labels.view(-1).to(logits.device), num_items=num_items_in_batch)


def _of_spans(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    start_positions: torch.Tensor | None,
    end_positions: torch.Tensor | None,
    num_items_in_batch: Any = None,
    **_: Any,
) -> torch.Tensor | None:
    if start_positions is None or end_positions is None:
        return None
    length = start_logits.size(1)
    losses = []
    for logits, positions in ((start_logits, start_positions), (end_logits, end_positions)):
        flat = positions.squeeze(-1).to(logits.device) if positions.dim() > 1 else positions
        losses.append(_cross_entropy(logits, flat.clamp(0, length), num_items=num_items_in_batch, ignore_index=length))
    return (losses[0] + losses[1]) / 2


_NOT_SERVED: Final = (
    "ForSemanticSegmentation",
    "ForSegmentation",
    "ForObjectDetection",
    "ForInstanceSegmentation",
    "ForCTC",
)
_LOSSES: Final[dict[str, Callable[..., torch.Tensor | None]]] = {
    "ForCausalLM": _of_next_tokens,
    "ForMaskedLM": _of_masked_tokens,
    "ForQuestionAnswering": _of_spans,
    "ForSequenceClassification": _of_classes,
    "ForImageClassification": _of_classes,
    "ForVideoClassification": _of_classes,
    "ForAudioClassification": _of_classes,
    "ForTokenClassification": _of_token_classes,
}
