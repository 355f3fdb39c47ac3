"""What loads the weights of a folder, whatever its files are called: advice for a caller who has to repeat the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.checkpoint import kind_of_folder
from config_core.errors import UnsafeNameError
from model_core.errors import WeightsFileError, WeightsNotFoundError
from model_core.loading._file_hints import weight_hints
from model_core.loading._weight_sources import open_weights

if TYPE_CHECKING:
    from config_core.checkpoint import Checkpoint
    from model_core.loading._suggested_call import SuggestedCall

__all__ = ["call_for_weights"]


def call_for_weights(
    checkpoint: Checkpoint, code_of_call: SuggestedCall, *, variant: str | None, allow_pickle: bool
) -> str:
    """Return the call that loads the weights of a folder, or what is wrong with them; `""` if a download would tell.

    Args:
        checkpoint: The checkpoint.
        code_of_call: The suggested calls.
        variant: Part of the file names, or None.
        allow_pickle: Whether pickles may be read.
    """
    if checkpoint.commit is not None:
        return ""
    try:
        weights = open_weights(
            checkpoint, variant=variant, mapped=True, allow_pickle=allow_pickle, code_of_call=code_of_call
        )
    except WeightsNotFoundError:
        hints = weight_hints(checkpoint, variant=variant, allow_pickle=allow_pickle, code_of_call=code_of_call)
        kind = kind_of_folder(checkpoint.first_filenames())  # with which the error about the config begins
        return " ".join(hint for hint in hints if hint != kind)
    except (WeightsFileError, UnsafeNameError) as error:
        return f"{str(error).rstrip('.')}."
    return f"The whole call: {code_of_call.for_weights(weights)}."
