"""The first half of the quickstart: configure, train and save. The second half, `classification`, is a new process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import torch

from resnet.configuration_resnet import ResnetConfig
from resnet.modeling_resnet import ResnetModel, ResnetModelForImageClassification
from resnet.quickstart.digits import load_digits
from resnet.quickstart.printed_steps import print_step
from resnet.quickstart.training import train, train_step

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_main_steps"]


def run_main_steps(output_dir: Path, *, push_to: str | None, epochs: int, seed: int) -> int:
    """Run the quickstart. Arguments and exit status are those of `run_quickstart`."""
    output_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    digits = load_digits()

    print_step("1. Configure a custom ResNet and build it.", _build)
    model = _build()
    print(f"    {model.num_parameters():,} parameters")

    print_step(
        f"2. Train it on {len(digits.train_labels):,} handwritten digits, one such step for each batch.", train_step
    )
    train(model, digits.train_images, digits.train_labels, epochs=epochs, seed=seed)

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
