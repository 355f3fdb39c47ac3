"""The command `resnet`, or `python -m resnet`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resnet.quickstart import exit_status, run_quickstart

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; the process's own if None.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    return exit_status(
        lambda: run_quickstart(options.output_dir, push_to=options.push_to, epochs=options.epochs, seed=options.seed)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resnet", description="ResNets as custom models with their own config.")
    commands = parser.add_subparsers(required=True, metavar="command")
    quickstart = commands.add_parser(
        "quickstart",
        help="train a small ResNet on handwritten digits, save it with its code, load it by name and classify",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    quickstart.add_argument(
        "--output-dir", type=Path, default=Path("quickstart-output"), help="folder for the model and the image"
    )
    quickstart.add_argument(
        "--push-to", metavar="OWNER/NAME", default=None, help="repository to upload the model to and load it from"
    )
    quickstart.add_argument("--epochs", type=_positive, default=10, help="number of training epochs")
    quickstart.add_argument("--seed", type=int, default=0, help="random seed for weights and order of the digits")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
