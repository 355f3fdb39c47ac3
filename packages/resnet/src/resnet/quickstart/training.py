"""A plain training loop."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet.modeling_resnet import ResnetModelForImageClassification

__all__ = ["train", "train_step"]

_BATCH_SIZE = 64
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 0.05


def train(
    model: ResnetModelForImageClassification, images: torch.Tensor, labels: torch.Tensor, *, epochs: int, seed: int
) -> None:
    """Train a model with a progress bar, and leave it in evaluation mode.

    Args:
        model: The model, trained in place.
        images: (N, C, H, W).
        labels: (N,), int64.
        epochs: Number of epochs. The last batch of an epoch is dropped if it is incomplete.
        seed: Random seed for the order of the images.
    """
    steps = epochs * (len(labels) // _BATCH_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    with _one_thread(), tqdm(total=steps, desc="training", unit="batch", mininterval=0.5) as progress:
        for batch in _batches(len(labels), epochs, generator):
            loss = train_step(model, optimizer, images[batch], labels[batch])
            schedule.step()
            progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
            progress.update()
    model.eval()


def train_step(
    model: ResnetModelForImageClassification,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> float:
    """Train on one batch and return its loss."""
    loss = model(images, labels=labels)["loss"]
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: with a network this small, several threads would mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _batches(count: int, epochs: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        # Batch normalisation could not normalise a last batch of a single image.
        for start in range(0, count - _BATCH_SIZE + 1, _BATCH_SIZE):
            yield order[start : start + _BATCH_SIZE]
