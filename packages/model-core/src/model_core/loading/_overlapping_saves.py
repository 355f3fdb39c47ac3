"""Loads that a save to the same folder overtakes: the error says so, whatever the load has met with first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from config_core import CheckpointChangedError
from model_core.errors import WeightsFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config_core.checkpoint import Checkpoint

__all__ = ["check_not_replaced", "reading_weights"]


@contextmanager
def reading_weights(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Read weights in the block.

    Args:
        checkpoint: Their checkpoint; None if they come from a state dict.

    Raises:
        WeightsFileError: The block raised an error, and the files were replaced meanwhile.
    """
    if checkpoint is None:
        yield
        return
    try:
        with checkpoint.reading():
            yield
    except CheckpointChangedError as error:
        raise _overtaken(checkpoint) from error


def check_not_replaced(checkpoint: Checkpoint | None) -> None:
    """Check that what was read comes from one save.

    Raises:
        WeightsFileError: The files were replaced meanwhile.
    """
    if checkpoint is not None and checkpoint.was_replaced():
        raise _overtaken(checkpoint)


def _overtaken(checkpoint: Checkpoint) -> WeightsFileError:
    return WeightsFileError("it was saved to while it was being loaded. Load it again", file=str(checkpoint))
