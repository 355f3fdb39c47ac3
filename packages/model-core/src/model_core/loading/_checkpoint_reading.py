"""The tensors of a checkpoint: first what they are, from the headers alone, then their values.

`WeightSource` is the only way by which weights reach a model. A load asks it for names, shapes and dtypes, plans the
whole load, and reads values only when nothing stands against it.
"""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from model_core.errors import ArgumentError, MixedSavesError, WeightsFileError, WeightsNotFoundError
from model_core.loading._safetensors_reading import SafetensorsFile, StoredTensor
from model_core.tensor_memory import num_storage_users
from model_core.torch_internals import recorded_versions
from model_core.weight_files import (
    ALIGNMENT_METADATA_KEY,
    SAVE_ID_KEY,
    TIED_KEY,
    VERSIONS_KEY,
    check_one_save,
    find_weight_files,
    read_object,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from config_core.checkpoint import Checkpoint
    from model_core.weight_files import WeightFiles

__all__ = [
    "WeightSource",
    "hold_weights",
    "open_weights",
    "wrap_state_dict",
]


class WeightSource(ABC):
    """The weights of one checkpoint.

    Attributes:
        name: The checkpoint in words.
        tensors: What it holds, by name.
        tied: Names that were left out because they share the values of another: name left out to name saved.
        versions: Paths of modules to the versions that they had, as far as they are known.
    """

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
        """Yield the tensors of these names, in any order, on the CPU or wherever a given state dict has them.

        Raises:
            WeightsFileError: A file changed or went away since its header was read.
        """


def open_weights(checkpoint: Checkpoint, *, variant: str | None, mapped: bool, pickles: bool = True) -> WeightSource:
    """Find the weights of a checkpoint and read their headers.

    Args:
        checkpoint: The checkpoint.
        variant: Part of the file names, or None.
        mapped: Whether values are mapped from the files where that is possible, or read into memory.
        pickles: Whether a pickle is read where there are no safetensors.

    Raises:
        WeightsNotFoundError: It has none that may be read, or lacks files that its index names.
        WeightsFileError: A file is damaged or not what its name says, or files are of different saves.
        UnsafeNameError: The index names a file outside the checkpoint.
    """
    files = find_weight_files(checkpoint, variant=variant)
    if next(iter(files.paths)).endswith(".bin"):
        if not pickles:
            raise WeightsNotFoundError(
                "has no safetensors, and use_safetensors=True leaves out",
                checkpoint=str(checkpoint),
                filenames=files.paths,
            )
        return _pickled(str(checkpoint), files, mapped=mapped)
    return _SafetensorsFiles(str(checkpoint), files, mapped=mapped)


def wrap_state_dict(state_dict: Mapping[str, Any], *, name: str = "the given state_dict") -> WeightSource:
    """Give a state dict in memory the form of a checkpoint. Its tensors are copied when they are read.

    Raises:
        ArgumentError: It is not a mapping from names to tensors.
    """
    try:
        return _StateDict(name, dict(state_dict), borrowed=True, versions=recorded_versions(state_dict))
    except (TypeError, ValueError, AttributeError) as error:
        raise ArgumentError("state_dict", type(state_dict), allowed="a mapping from names to tensors") from error


def hold_weights(source: WeightSource, values: dict[str, torch.Tensor]) -> WeightSource:
    """Return a checkpoint that has other tensors than `source`, already read, and is it otherwise."""
    filenames = {name: tensor.filename for name, tensor in source.tensors.items()}
    held = _StateDict(source.name, values, borrowed=False, filenames=filenames)
    held.tied = source.tied
    return held


class _StateDict(WeightSource):
    """Weights that are in memory. The model gets memory of its own."""

    def __init__(
        self,
        name: str,
        state_dict: dict[str, torch.Tensor],
        *,
        borrowed: bool,
        filenames: Mapping[str, str] | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        self._state_dict = state_dict
        self._borrowed = borrowed
        filenames = filenames or {}
        super().__init__(
            name,
            {
                key: StoredTensor(key, tuple(tensor.shape), tensor.dtype, filenames.get(key, ""))
                for key, tensor in state_dict.items()
            },
            versions=versions,
        )

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
        tensors: dict[str, StoredTensor] = {}
        tied: dict[str, str] = {}
        versions: dict[str, int] = {}
        save_ids = {} if files.index is None else {files.index: files.save_id}
        for filename, file in self._files.items():
            save_ids[filename] = file.metadata.get(SAVE_ID_KEY)
            # The index decides where two shards hold the same name.
            tensors |= file.tensors if files.weight_map is None else _indexed(file, files.weight_map)
            tied |= read_object(file.metadata, TIED_KEY, str, path=file.path)
            versions |= read_object(file.metadata, VERSIONS_KEY, int, path=file.path)
        check_one_save(name, save_ids)
        ours = any(ALIGNMENT_METADATA_KEY in file.metadata for file in self._files.values())
        if files.other_index is not None and (ours or files.save_id is not None):
            # A save of ours removes the other layout, so at most one of the two is of the save that came last.
            raise MixedSavesError(checkpoint=name, saves=[files.paths, [files.other_index]])
        _check_index(files, tensors)
        super().__init__(name, tensors, tied=tied, versions=versions)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        by_file: dict[str, list[str]] = {}
        for name in names:
            by_file.setdefault(self.tensors[name].filename, []).append(name)
        for filename, wanted in by_file.items():
            yield from self._files[filename].read(wanted, mapped=self._mapped)


def _indexed(file: SafetensorsFile, weight_map: Mapping[str, str]) -> dict[str, StoredTensor]:
    """Return what a file holds, without names that an index places in another file."""
    filename = file.filename
    return {name: tensor for name, tensor in file.tensors.items() if weight_map.get(name, filename) == filename}


def _check_index(files: WeightFiles, tensors: Collection[str]) -> None:
    """Refuse an index that places tensors in files that do not hold them."""
    for name, filename in (files.weight_map or {}).items():
        if name not in tensors:
            raise WeightsFileError(
                f"{files.index} places {name!r} in this file, which does not hold it", file=files.paths[filename]
            )


def _pickled(name: str, files: WeightFiles, *, mapped: bool) -> WeightSource:
    """Read legacy files, which have no header; only tensors are unpickled."""
    state_dict: dict[str, torch.Tensor] = {}
    filenames: dict[str, str] = {}
    versions: dict[str, int] = {}
    for filename, path in files.paths.items():
        content = _unpickle(path, mapped=mapped)
        state_dict |= content
        filenames |= dict.fromkeys(content, filename)
        versions |= recorded_versions(content)
    _check_index(files, state_dict)
    return _StateDict(name, state_dict, borrowed=False, filenames=filenames, versions=versions)


def _unpickle(path: Path, *, mapped: bool) -> dict[str, torch.Tensor]:
    try:
        # Torch maps the files that it writes today; those of before 1.6 are no archives.
        mapped = mapped and zipfile.is_zipfile(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged or hostile pickle may raise anything
        raise WeightsFileError(
            f"this is not a file of tensors that torch.load(weights_only=True) reads ({type(error).__name__}). Nothing "
            "else is ever unpickled; ask for the checkpoint as safetensors",
            file=path,
        ) from error
    if not isinstance(content, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise WeightsFileError("expected a state dict, from names to tensors", file=path)
    return content
