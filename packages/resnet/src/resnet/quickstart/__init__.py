"""The quickstart: train a custom ResNet on digits, save it with its code, load it by name and classify.

This program uses all packages and needs the extra `quickstart`. `python -m resnet quickstart` runs it.
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
    """Train, save, load in a new process and classify. Print each step with its code.

    Args:
        output_dir: Folder for the checkpoint `digits-resnet` and the image `digits.png`; created if missing.
        push_to: Repository `owner/name` to upload to; the new process then loads from there. None loads the folder.
        epochs: Number of training epochs.
        seed: Random seed for the initial weights and the order of the images.

    Returns:
        The exit status of the program: 0 if the loaded model classifies at least 97 % of the test digits correctly.

    Raises:
        MissingExtraError: The extra is not installed.
        OSError: The Hub would refuse the upload. Nothing was trained.
    """
    missing = tuple(name for name in EXTRA_MODULES if find_spec(name) is None)
    if missing:
        raise MissingExtraError(missing)
    if push_to is not None:
        from hub_io.hub_service import HUB_SERVICE

        HUB_SERVICE.check_push_access(push_to)
    from resnet.quickstart.main_steps import run_main_steps

    return run_main_steps(output_dir, push_to=push_to, epochs=epochs, seed=seed)


def exit_status(program: Callable[[], int]) -> int:
    """Run a program and return its exit status; 2 if it raises an expected error, which is printed in one line."""
    try:
        return program()
    except (ResnetError, ConfigCoreError, OSError) as error:
        print(f"resnet: {error}", file=sys.stderr)
        return 2
