"""The main job from end to end: a custom ResNet learns to read digits, is saved with its code, and is loaded by name.

A program on top of the packages, behind the extra `quickstart`. `python -m resnet quickstart` runs it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from config_core import ConfigCoreError
from resnet.errors import MissingExtraError, ResnetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["EXTRA_MODULES", "exit_status", "run_quickstart"]

EXTRA_MODULES = ("auto_registry", "hub_io", "sklearn", "PIL", "tqdm")


def run_quickstart(output_dir: Path, *, push_to: str | None = None, epochs: int = 10, seed: int = 0) -> int:
    """Train, save, load in a fresh process, classify. Prints each step with the code that it stands for.

    Args:
        output_dir: Folder for the checkpoint `digits-resnet` and the picture `digits.png`; made if missing.
        push_to: Repository `owner/name` to upload to, from which the fresh process then loads. None for the folder.
        epochs: How many times the training sees each picture.
        seed: Seed of the initial weights and of the order of the pictures.

    Returns:
        The exit status for the program: 0 if the loaded model reads at least 97 % of the held-out digits rightly.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    missing = tuple(name for name in EXTRA_MODULES if find_spec(name) is None)
    if missing:
        raise MissingExtraError(missing)
    from resnet.quickstart.lesson import give_lesson

    return give_lesson(output_dir, push_to=push_to, epochs=epochs, seed=seed)


def exit_status(program: Callable[[], int]) -> int:
    """Run a program; return its exit status, or 2 after one line about an error that says what to do."""
    try:
        return program()
    except (ResnetError, ConfigCoreError, OSError) as error:
        print(f"resnet: {error}", file=sys.stderr)
        return 2
