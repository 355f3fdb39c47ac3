"""The first half of the quickstart: configure, train and save. The second half, `classification`, is a new process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from resnet.configuration_resnet import ResnetConfig
from resnet.modeling_resnet import ResnetModel, ResnetModelForImageClassification
from resnet.quickstart.digits import load_digits
from resnet.quickstart.printed_steps import print_step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["run_main_steps"]

_BATCH_SIZE = 64
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 0.05


def run_main_steps(output_dir: Path, *, push_to: str | None, epochs: int, seed: int) -> int:
    """Run the quickstart. Arguments and exit status are those of `run_quickstart`."""
    output_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    digits = load_digits()

    print_step("1. Configure a custom ResNet and build it.", _build)
    model = _build()
    print(f"    {model.num_parameters():,} parameters")

    print_step(
        f"2. Train it on {len(digits.train_labels):,} handwritten digits, one such step for each batch.", _train_step
    )
    _train(model, digits.train_images, digits.train_labels, epochs=epochs, seed=seed)

    print_step("3. Register its classes for Auto classes, and save config, weights and code.", _register, _save)
    folder = output_dir / "digits-resnet"
    _register()
    _save(model, folder)
    for path in sorted(folder.iterdir()):
        print(f"    {path}  {path.stat().st_size:,} bytes")

    picture = output_dir / "digits.png"
    if push_to is None:
        return _classify_elsewhere(str(folder), picture)
    print_step("   Upload the same files in one commit.", _push)
    commit = _push(model, push_to)
    print(f"    {commit}")
    return _classify_elsewhere(push_to, picture, "--revision", commit.oid)


def _build() -> ResnetModelForImageClassification:
    config = ResnetConfig(
        block_type="basic",
        layers=(1, 1, 1, 1),
        channels=(16, 32, 64, 128),
        stem_type="deep",
        stem_width=16,
        avg_down=True,
        input_channels=1,
        num_labels=10,
    )
    model = ResnetModelForImageClassification(config)
    return model  # noqa: RET504 - the assignment is printed


def _train(
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
            loss = _train_step(model, optimizer, images[batch], labels[batch])
            schedule.step()
            progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
            progress.update()
    model.eval()


def _train_step(
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


def _register() -> None:
    ResnetConfig.register_for_auto_class()
    ResnetModel.register_for_auto_class("AutoModel")
    ResnetModelForImageClassification.register_for_auto_class("AutoModelForImageClassification")


def _save(model: ResnetModelForImageClassification, folder: Path) -> None:
    model.save_pretrained(folder)


def _push(model: ResnetModelForImageClassification, repo_id: str) -> Any:
    commit = model.push_to_hub(repo_id)
    return commit  # noqa: RET504 - the assignment is printed


def _classify_elsewhere(source: str, picture: Path, *options: str) -> int:
    """Load and classify in a process that has not imported this model's classes."""
    sys.stdout.flush()
    # -P: the working directory may contain another `resnet.py`.
    module = "resnet.quickstart.classification"
    program = [sys.executable, "-P", "-m", module, source, "--picture", str(picture), *options]
    return subprocess.run(program, check=False).returncode  # noqa: S603 - our own module
