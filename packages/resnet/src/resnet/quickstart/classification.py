"""The second half of the quickstart, a program: load a model by name, with its own code, and classify test digits."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from auto_registry import AutoModelForImageClassification
from resnet.quickstart import exit_status
from resnet.quickstart.digits import load_digits
from resnet.quickstart.picture import draw_sheet
from resnet.quickstart.printed_steps import print_step

__all__ = ["MIN_ACCURACY", "main"]

MIN_ACCURACY = 0.97


def main(arguments: list[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: The command line; the process's own if None.

    Returns:
        The exit status: 1 if the accuracy is below 97 %, or if the model's class does not come from the checkpoint.
    """
    parser = argparse.ArgumentParser(description="Classify test digits with a saved model.")
    parser.add_argument("source", help="folder or repository of the model")
    parser.add_argument("--picture", type=Path, required=True, help="where to write the image of digits")
    parser.add_argument("--revision", default=None, help="commit of the repository")
    options = parser.parse_args(arguments)

    title = "4. In a new process, load it by name. It comes with its code, which runs because you allow it."
    if options.revision is None:
        print_step(title, _load)
        model = _load(options.source)
    else:
        print_step(
            f"{title}\n   The revision is the commit that you have just pushed, so nobody can change the code.",
            _load_at,
        )
        model = _load_at(options.source, options.revision)
    home = type(model).__module__
    print(f"    {type(model).__name__}\n    of {home}")
    if not home.startswith("hub_io.remote"):
        print("The class of the model does not come from the code that was saved with it.", file=sys.stderr)
        return 1

    digits = load_digits()
    print_step(f"5. Classify the {len(digits.test_labels)} digits of the test set.", _classify)
    predictions = _classify(model, digits.test_images)
    accuracy = (predictions == digits.test_labels).double().mean().item()
    print(f"    {accuracy:.1%} correct")

    draw_sheet(digits.test_images, digits.test_labels, predictions).save(options.picture)
    print(f"\nSome of them, with predictions: {options.picture}")
    if accuracy < MIN_ACCURACY:
        print(f"That is below {MIN_ACCURACY:.0%}: train for more epochs.", file=sys.stderr)
        return 1
    return 0


def _load(source: str) -> Any:
    model = AutoModelForImageClassification.from_pretrained(source, trust_remote_code=True)
    return model  # noqa: RET504 - the assignment is printed


def _load_at(source: str, commit: str) -> Any:
    model = AutoModelForImageClassification.from_pretrained(source, revision=commit, trust_remote_code=True)
    return model  # noqa: RET504 - the assignment is printed


@torch.inference_mode()
def _classify(model: Any, images: torch.Tensor) -> Any:
    predictions = model(images)["logits"].argmax(dim=1)
    return predictions  # noqa: RET504 - the assignment is printed


if __name__ == "__main__":
    sys.exit(exit_status(main))
