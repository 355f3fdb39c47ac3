"""Where the weights of a load come from: safetensors files, legacy files, or a state dict in memory.

A `WeightSource` first describes its tensors, from file headers alone, so that a load can be planned and refused before
any value is read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from config_core.errors import CheckpointChangedError
from model_core.errors import ArgumentError, WeightsFileError, WeightsNotFoundError
from model_core.loading._checkpoint_files import find_weight_files
from model_core.loading._legacy_file import read_legacy_file, unusable_tensor
from model_core.loading._python_code import code_to_read_all
from model_core.loading._safetensors_file import SafetensorsFile, StoredTensor
from model_core.state_dicts import check_state_dict_argument
from model_core.tensor_memory import equal_bytes, num_storage_users
from model_core.torch_internals import recorded_versions
from model_core.weight_files import (
    ALIGNMENT_KEY,
    MODULE_VERSIONS_KEY,
    SAVE_ID_KEY,
    TIED_WEIGHTS_KEY,
    check_one_save,
    decode_object,
    mixed_saves,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from config_core.checkpoint import Checkpoint
    from model_core.loading._checkpoint_files import WeightFiles
    from model_core.loading._weight_search import WeightSearch
    from model_core.state_dicts import CodeOfCall

__all__ = ["WeightSource", "described", "open_weights", "reading_weights", "with_values", "wrap_state_dict"]


@contextmanager
def reading_weights(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Read weights in the block.

    Args:
        checkpoint: Their checkpoint; None if they come from a state dict.

    Raises:
        WeightsFileError: A save has overtaken the block: the files were replaced meanwhile.
    """
    try:
        with nullcontext() if checkpoint is None else checkpoint.reading():
            yield
    except CheckpointChangedError as error:
        problem = "it was saved to while it was being loaded. Load it again"
        raise WeightsFileError(problem, file=str(checkpoint)) from error


class WeightSource(ABC):
    """The weights of one checkpoint.

    Attributes:
        name: The checkpoint, as messages name it.
        tensors: The tensors that it holds, by name.
        tied: Names that were left out of the save, and the name of the tensor that each was tied to.
        versions: Versions of modules when they were saved, by path, as far as they are known.
        code_to_read: Python code for its state dict.
    """

    code_to_read = "dict(state_dict)"

    def __init__(
        self,
        name: str,
        tensors: Mapping[str, StoredTensor],
        *,
        tied: Mapping[str, str] | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.tensors = tensors
        self.tied = tied or {}
        self.versions = versions or {}

    @abstractmethod
    def read(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the tensors of these names, in any order, on the CPU or where a state dict holds them.

        Raises:
            WeightsFileError: A file has changed or disappeared since its header was read.
        """


def open_weights(search: WeightSearch, *, mapped: bool) -> WeightSource:
    """Find the weights of a checkpoint and read their headers.

    Args:
        search: Where to look.
        mapped: Map values from the files where possible, rather than reading them into memory.

    Raises:
        WeightsNotFoundError: The checkpoint has no weights of an allowed format, or files that its index names are
            missing.
        WeightsFileError: A file is damaged, or files come from different saves.
        UnsafeNameError: The index names a file outside the checkpoint.
    """
    checkpoint = search.checkpoint
    with reading_weights(checkpoint):
        files = find_weight_files(search)
        is_legacy = next(iter(files.paths)).endswith(".bin")
        if is_legacy and not search.allow_pickle:
            raise WeightsNotFoundError(
                "has no safetensors files, and use_safetensors=True excludes",
                checkpoint=str(checkpoint),
                filenames=files.paths,
                remedy="Leave that out, or rename the file to model.safetensors if it is a safetensors file.",
            )
        with search.explaining_other_types():
            if not is_legacy:
                return _SafetensorsFiles(str(checkpoint), files, mapped=mapped)
            return _read_legacy_files(str(checkpoint), files, mapped=mapped, code_of_call=search.code_of_call)


def wrap_state_dict(state_dict: Mapping[str, Any], *, code_of_call: CodeOfCall) -> WeightSource:
    """Return a state dict in memory as a source of weights. Its tensors are copied when they are read.

    Args:
        state_dict: The state dict.
        code_of_call: As for `nested_state_dict`.

    Raises:
        ArgumentError: It is not a mapping from names to tensors.
    """
    check_state_dict_argument(state_dict, code_of_call)
    if problem := unusable_tensor(state_dict):
        raise ArgumentError(
            "state_dict", state_dict, expected="a mapping from names to dense tensors", given=f"one in which {problem}"
        )
    return _StateDict("the given state_dict", dict(state_dict), borrowed=True, versions=recorded_versions(state_dict))


def described(tensors: Mapping[str, torch.Tensor]) -> WeightSource:
    """Return a source of tensors whose names, shapes and dtypes are all that is of use."""
    return _StateDict("", {**tensors}, borrowed=True)


def with_values(source: WeightSource, values: dict[str, torch.Tensor]) -> WeightSource:
    """Return a source that holds these tensors in place of its own, and is otherwise the same."""
    filenames = {name: tensor.filename for name, tensor in source.tensors.items()}
    adapted = _StateDict(source.name, values, borrowed=False, filenames=filenames, tied=source.tied)
    adapted.code_to_read = source.code_to_read
    return adapted


class _StateDict(WeightSource):
    """Weights in memory. The model gets copies of tensors that someone else may hold."""

    def __init__(
        self,
        name: str,
        state_dict: dict[str, torch.Tensor],
        *,
        borrowed: bool,
        filenames: Mapping[str, str] | None = None,
        tied: Mapping[str, str] | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        self._state_dict = state_dict
        self._borrowed = borrowed
        filenames = filenames or {}
        tensors = {
            key: StoredTensor(key, tuple(tensor.shape), tensor.dtype, filenames.get(key, ""))
            for key, tensor in state_dict.items()
        }
        super().__init__(name, tensors, tied=tied, versions=versions)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        for name in names:
            tensor = self._state_dict[name]
            # Tensors that shared memory when they were pickled share it again, whether the model ties them or not.
            copied = self._borrowed or num_storage_users(tensor) > 1
            yield name, tensor.detach().clone() if copied else tensor.detach()


class _SafetensorsFiles(WeightSource):
    """One safetensors file, or the shards that an index names."""

    def __init__(self, name: str, files: WeightFiles, *, mapped: bool) -> None:
        self._mapped = mapped
        self._files = {filename: SafetensorsFile(filename, path) for filename, path in files.paths.items()}
        _check_one_save(name, files, self._files)
        tensors: dict[str, StoredTensor] = {}
        tied: dict[str, str] = {}
        versions: dict[str, int] = {}
        for file in self._files.values():
            for repeated in tensors.keys() & file.tensors.keys():
                pair = self._files[tensors[repeated].filename], file
                values = [value for held in pair for _, value in held.read([repeated], mapped=mapped)]
                _check_equal(repeated, values, path=file.path)
            tensors |= file.tensors
            tied |= decode_object(file.metadata, TIED_WEIGHTS_KEY, str, path=file.path)
            versions |= decode_object(file.metadata, MODULE_VERSIONS_KEY, int, path=file.path)
        _check_index(files, {filename: file.tensors for filename, file in self._files.items()})
        self.code_to_read = code_to_read_all([*files.paths.values()])
        super().__init__(name, tensors, tied=tied, versions=versions)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        by_file: dict[str, list[str]] = {}
        for name in names:
            by_file.setdefault(self.tensors[name].filename, []).append(name)
        for filename, wanted in by_file.items():
            yield from self._files[filename].read(wanted, mapped=self._mapped)


def _check_one_save(checkpoint: str, files: WeightFiles, opened: Mapping[str, SafetensorsFile]) -> None:
    """Check that the weight files come from one save, as far as they say."""
    save_ids = {} if files.index is None else {files.index: files.save_id}
    check_one_save(
        checkpoint, save_ids | {filename: file.metadata.get(SAVE_ID_KEY) for filename, file in opened.items()}
    )
    ours = files.save_id is not None or any(ALIGNMENT_KEY in file.metadata for file in opened.values())
    if files.other_index is not None and ours:
        # Our saves remove the other layout, so at most one of the two is from the last save.
        raise mixed_saves(checkpoint, [files.paths, [files.other_index]])


def _check_equal(name: str, pair: Sequence[torch.Tensor], *, path: Path) -> None:
    """Check that two files, of which the other has this path, hold the same tensor under one name."""
    if not equal_bytes(*pair):
        raise WeightsFileError(
            f"it holds other values for {name!r} than another weight file of the checkpoint. Download or copy the "
            "checkpoint again, or remove the tensor from one of the two",
            file=path,
        )


def _check_index(files: WeightFiles, held: Mapping[str, Collection[str]]) -> None:
    """Check that each file holds the tensors that the index places in it.

    Args:
        files: The files.
        held: The names of the tensors in each, by its name.
    """
    for name, filename in (files.weight_map or {}).items():
        if name not in held[filename]:
            raise WeightsFileError(
                f"{files.index} places {name!r} in this file, which does not hold it", file=files.paths[filename]
            )


def _read_legacy_files(name: str, files: WeightFiles, *, mapped: bool, code_of_call: CodeOfCall) -> WeightSource:
    """Read legacy files, which have no header. Only tensors are unpickled."""
    state_dict: dict[str, torch.Tensor] = {}
    filenames: dict[str, str] = {}
    versions: dict[str, int] = {}
    held = {
        filename: read_legacy_file(path, mapped=mapped, code_of_call=code_of_call)
        for filename, path in files.paths.items()
    }
    _check_index(files, held)
    for filename, content in held.items():
        for repeated in state_dict.keys() & content.keys():
            _check_equal(repeated, [state_dict[repeated], content[repeated]], path=files.paths[filename])
        state_dict |= content
        filenames |= dict.fromkeys(content, filename)
        versions |= recorded_versions(content)
    source = _StateDict(name, state_dict, borrowed=False, filenames=filenames, versions=versions)
    source.code_to_read = code_to_read_all([*files.paths.values()])
    return source
