"""One safetensors file, read: what it holds, from the header alone, and then the values, mapped or copied.

The safetensors library judges whether a file is whole and sound; the header is then taken apart here, because mapping
tensors one by one from known offsets takes a fifth of the time that the library takes.

A mapping is private and copied on write: whoever changes a tensor changes its own memory and never the file. It holds
no open file, and lives as long as a tensor in it does. Nothing is read ahead: kernels do that by themselves for values
that are touched in the order of the file. Asking for it (`posix_fadvise`, `madvise`) made a cold load and first use of
1 GB no faster, with the kernel's own read-ahead at 8 MB and at 128 kB. For values in another order, copying was faster.
"""

from __future__ import annotations

import ctypes
import json
import logging
import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from model_core.errors import WeightsFileError
from model_core.weight_files import ALIGNMENT, ALIGNMENT_METADATA_KEY, LENGTH_BYTES, METADATA_NAME, stored_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["SafetensorsFile", "StoredTensor", "map_file"]

_logger = logging.getLogger(__name__)


class StoredTensor(NamedTuple):
    """A tensor as the header of its file describes it.

    Attributes:
        name: Its name in the checkpoint.
        shape: Its shape.
        dtype: Its dtype.
        filename: The file that holds it, relative to the checkpoint; `""` for a given state dict.
        begin: Where its values begin in that file, in bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    filename: str
    begin: int = 0


class SafetensorsFile:
    """A safetensors file whose header has been read. The file is not kept open.

    Attributes:
        filename: Its name in the checkpoint.
        path: Where it lies on this machine.
        tensors: What it holds, by name.
        metadata: What its header says besides.
    """

    def __init__(self, filename: str, path: Path) -> None:
        """Read the header.

        Raises:
            WeightsFileError: The file is damaged, or holds a dtype that this torch does not have.
            PermissionError: The file may not be read.
        """
        self.filename = filename
        self.path = path
        try:
            with path.open("rb") as file, safe_open(path, framework="pt"):
                length = int.from_bytes(file.read(LENGTH_BYTES), "little")
                header: dict[str, Any] = json.loads(file.read(length))
                self._status = _identity(os.fstat(file.fileno()))
        except PermissionError:
            raise  # of what may not be read nobody knows whether it is whole
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:  # the last if the file goes meanwhile
            raise WeightsFileError(
                f"this is not a whole safetensors file ({error}). Download or copy it again", file=path
            ) from error
        self.metadata: dict[str, str] = header.pop(METADATA_NAME, None) or {}
        values = LENGTH_BYTES + length
        dtypes = {abbreviation: self._dtype(abbreviation) for abbreviation in {e["dtype"] for e in header.values()}}
        self.tensors = {
            name: StoredTensor(
                name, tuple(entry["shape"]), dtypes[entry["dtype"]], filename, values + entry["data_offsets"][0]
            )
            for name, entry in header.items()
        }
        # Files of ours are laid out so that their tensors give the same bits as before the save; those of others are
        # only made safe to compute with.
        self._ours = ALIGNMENT_METADATA_KEY in self.metadata

    def read(self, names: Iterable[str], *, mapped: bool) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the tensors of these names, in any order.

        Args:
            names: Names of tensors in the file.
            mapped: Whether tensors are mapped from the file, as far as the file system allows, or read into memory.

        Raises:
            WeightsFileError: The file is another by now, or went away.
        """
        memory = map_file(self.path, self._status.size) if mapped else None
        if memory is None:
            yield from self._read(names)
            return
        try:
            self._check_same(self.path.stat())
        except OSError as error:
            raise self._changed(error) from error
        for name in names:
            _, shape, dtype, _, begin = self.tensors[name]
            if not (count := math.prod(shape)):
                yield name, torch.empty(shape, dtype=dtype, device="cpu")
                continue
            tensor = torch.frombuffer(memory, dtype=dtype, count=count, offset=begin)
            if len(shape) != 1:
                tensor = tensor.view(shape)
            yield name, tensor.clone() if begin % (ALIGNMENT if self._ours else dtype.itemsize) else tensor

    def _read(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        try:
            with self.path.open("rb", buffering=0) as file:
                self._check_same(os.fstat(file.fileno()))
                for name in sorted(names, key=lambda name: self.tensors[name].begin):
                    _, shape, dtype, _, begin = self.tensors[name]
                    tensor = torch.empty(shape, dtype=dtype, device="cpu")
                    file.seek(begin)
                    _fill(file, (ctypes.c_ubyte * tensor.nbytes).from_address(tensor.data_ptr()))
                    yield name, tensor
        except OSError as error:
            raise self._changed(error) from error

    def _check_same(self, status: os.stat_result) -> None:
        """Refuse a file that has taken the place of the one whose header was read."""
        if _identity(status) != self._status:
            raise OSError("another file has taken its place")

    def _changed(self, error: OSError) -> WeightsFileError:
        return WeightsFileError(f"it could not be read, or changed meanwhile ({error}). Load again", file=self.path)

    def _dtype(self, abbreviation: str) -> torch.dtype:
        dtype = stored_dtype(abbreviation)
        if dtype is None:
            raise WeightsFileError(f"it holds tensors of dtype {abbreviation}, which this torch lacks", file=self.path)
        return dtype


class _Identity(NamedTuple):
    """What tells a file from another of the same name."""

    device: int
    inode: int
    modified: int
    size: int


def _identity(status: os.stat_result) -> _Identity:
    return _Identity(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def map_file(path: Path, size: int) -> ctypes.Array[ctypes.c_ubyte] | None:
    """Map a file, privately and copied on write.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The memory, or None if the file system does not allow that, or the file has become shorter.
    """
    try:
        storage = torch.UntypedStorage.from_file(os.fspath(path), shared=False, nbytes=size)
    except (RuntimeError, UnicodeEncodeError) as error:
        _logger.debug("%s cannot be mapped, and is read instead: %s", path, error)
        return None
    memory: Any = (ctypes.c_ubyte * size).from_address(storage.data_ptr())
    memory.storage = storage  # which the tensors in this memory keep alive by it
    return memory  # type: ignore[no-any-return]


def _fill(file: Any, memory: ctypes.Array[ctypes.c_ubyte]) -> None:
    rest = memoryview(memory).cast("B")
    while rest:
        count = file.readinto(rest)
        if not count:
            raise OSError("the file ends too early")
        rest = rest[count:]
