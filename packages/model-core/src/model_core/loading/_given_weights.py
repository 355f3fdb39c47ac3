"""What the caller of a load gives for the weights: a checkpoint, a file in place of one, or a state dict."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.checkpoint import Checkpoint, kind_of_folder, open_checkpoint
from config_core.errors import CheckpointNotFoundError, UnsafeNameError
from model_core.errors import ArgumentError, WeightsFileError, WeightsNotFoundError
from model_core.loading._weight_search import WeightSearch, file_of_weights
from model_core.loading._weight_sources import open_weights, wrap_state_dict
from model_core.state_dicts import problem_with_state_dict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from config_core.checkpoint import HubOptions
    from model_core.loading._suggested_call import SuggestedCall
    from model_core.loading._weight_sources import WeightSource

__all__ = ["GivenWeights"]


class GivenWeights(NamedTuple):
    """The arguments of a load that say where its weights are.

    Attributes:
        checkpoint: The checkpoint, or the folder of `file`; None if there is only a state dict.
        file: A file of weights that the caller named in place of a checkpoint, if any.
        state_dict: The weights themselves, which come first, if the caller passed them.
        variant: Part of the file names, or None.
        mapped: Whether values are mapped from the files where possible, rather than read into memory.
        allow_pickle: Whether pickles may be read.
    """

    checkpoint: Checkpoint | None
    file: Path | None
    state_dict: Mapping[str, Any] | None
    variant: str | None
    mapped: bool
    allow_pickle: bool

    @classmethod
    def from_arguments(
        cls,
        source: str | os.PathLike[str] | Checkpoint | None,
        state_dict: Mapping[str, Any] | None,
        hub_options: HubOptions,
        *,
        variant: str | None,
        read: str,
        use_safetensors: bool | None,
    ) -> GivenWeights:
        """Open the checkpoint that a caller named, if any.

        Args:
            source: The first argument of a load, `pretrained_model_name_or_path`.
            state_dict: The argument of this name, as are the others.
            hub_options: How to reach a repository.
            variant: Part of the file names, or None.
            read: `"mmap"` or `"copy"`.
            use_safetensors: True or None.

        Raises:
            ArgumentError: An argument is invalid, or there is nothing to load from.
            CheckpointNotFoundError: There is no such folder, repository or revision.
        """
        unchecked: Any = source
        if not isinstance(unchecked, (str, os.PathLike, Checkpoint)) and (unchecked is not None or state_dict is None):
            expected = "a folder, a repository or a Checkpoint, or else None with state_dict= and config="
            raise ArgumentError("pretrained_model_name_or_path", source, expected=expected)
        if read not in {"mmap", "copy"}:
            raise ArgumentError("read", read, expected="'mmap' or 'copy'")
        if use_safetensors not in {None, True}:
            remedy = "safetensors files always take precedence."
            raise ArgumentError("use_safetensors", use_safetensors, expected="True or None", remedy=remedy)
        file = file_of_weights(source)
        place = file.parent if file else source
        checkpoint = None if place is None else open_checkpoint(place, hub_options)
        return cls(checkpoint, file, state_dict, variant, read == "mmap", not use_safetensors)

    def open(self, call: SuggestedCall) -> WeightSource:
        """Return the weights, of which a file gives its header alone.

        Args:
            call: The call of the load, for errors that say how to repeat it.

        Raises:
            CheckpointNotFoundError: The caller named a file. The error says what loads it.
            ArgumentError: The state dict is no mapping from names to tensors.
            WeightsNotFoundError: The checkpoint has no weights, or not all of their files.
            WeightsFileError: A file is damaged, or files come from different saves.
        """
        if self.checkpoint is not None and self.file is not None:
            hint = self._how_to_load_file(self.checkpoint, self.file, call)
            problem = f"{self.file} is a file, and a checkpoint is a folder. {hint}"
            raise CheckpointNotFoundError(problem, source=str(self.file))
        if self.checkpoint is None or self.state_dict is not None:
            return wrap_state_dict({} if self.state_dict is None else self.state_dict, code_of_call=call)
        return open_weights(self._search(self.checkpoint, call), mapped=self.mapped)

    def how_to_load(self, call: SuggestedCall) -> str:
        """Return the call that loads the weights of a folder, or what is wrong with them; `""` if that is not known.

        Args:
            call: The call of the load, with what it lacked so far.
        """
        checkpoint = self.checkpoint
        if checkpoint is not None and self.file is not None:
            return self._how_to_load_file(checkpoint, self.file, call)
        if checkpoint is None or self.state_dict is not None or checkpoint.commit is not None:
            return ""  # in a repository, a download would tell
        try:
            weights = open_weights(self._search(checkpoint, call), mapped=self.mapped)
        except WeightsNotFoundError:
            hints = self._search(checkpoint, call).hints()
            kind = kind_of_folder(checkpoint.first_filenames())  # with which the error about the config begins
            return " ".join(hint for hint in hints if hint != kind)
        except (WeightsFileError, UnsafeNameError) as error:
            return f"{str(error).rstrip('.')}."
        return f"The whole call: {call.for_weights(weights)}."

    def _how_to_load_file(self, folder: Checkpoint, file: Path, call: SuggestedCall) -> str:
        if self.state_dict is None:
            return self._search(folder, call).call_for_file(file.name)
        tensors = {} if problem_with_state_dict(self.state_dict) else self.state_dict
        return f"state_dict= takes the place of the file: {call(tensors, 'state_dict')}."

    def _search(self, checkpoint: Checkpoint, call: SuggestedCall) -> WeightSearch:
        return WeightSearch(checkpoint, self.variant, self.allow_pickle, call)
