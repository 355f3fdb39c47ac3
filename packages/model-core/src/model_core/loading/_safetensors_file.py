"""Reading a safetensors file: first the header, then the values, mapped or copied.

The safetensors library checks that a file is complete and valid. The header is then parsed here, because mapping
tensors one by one from known offsets takes a fifth of the time that the library takes.

A mapping is private and copy-on-write: changing a tensor changes memory of the process and never the file. It keeps no
file open and lives as long as a tensor in it does. Nothing is prefetched: the kernel reads ahead by itself when values
are used in the order of the file. Asking for more (`posix_fadvise`, `madvise`) did not make a cold load and first use
of 1 GB any faster, with a read-ahead of 8 MB or of 128 kB. For values in another order, copying was faster.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from config_core.error_base import escape_args
from config_core.messages import escaping_logger
from model_core.errors import WeightsFileError
from model_core.loading._file_types import problem_with_file
from model_core.weight_files import ALIGNMENT, ALIGNMENT_KEY, LENGTH_BYTES, METADATA_NAME, from_safetensors_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["SafetensorsFile", "StoredTensor", "map_file"]

_logger = escaping_logger(__name__)


class StoredTensor(NamedTuple):
    """A tensor as the header of its file describes it.

    Attributes:
        name: Name of the tensor in the checkpoint.
        shape: Its shape.
        dtype: Its dtype.
        filename: Name of its file in the checkpoint; `""` if it comes from a state dict.
        begin: Offset of its values in the file, in bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    filename: str
    begin: int = 0


class SafetensorsFile:
    """A safetensors file whose header has been read. It is not kept open.

    Attributes:
        filename: Its name in the checkpoint.
        path: Its path on this machine.
        tensors: The tensors that it holds, by name.
        metadata: The metadata in its header.
    """

    def __init__(self, filename: str, path: Path) -> None:
        """Read the header.

        Raises:
            WeightsFileError: The file is damaged, or this version of torch lacks a dtype that it uses.
            PermissionError: The file may not be read.
        """
        self.filename = filename
        self.path = path
        header, header_end, status = self._read_header()
        self._identity, self._size = _identity(status), status.st_size
        self.metadata: dict[str, str] = header.pop(METADATA_NAME, None) or {}
        dtypes = {name: self._dtype(name) for name in {entry["dtype"] for entry in header.values()}}
        self.tensors = {
            name: StoredTensor(
                name, tuple(entry["shape"]), dtypes[entry["dtype"]], filename, header_end + entry["data_offsets"][0]
            )
            for name, entry in header.items()
        }
        # Tensors of our own files compute the same bits as before the save. Those of other files only need the
        # alignment without which they could not be used at all.
        self._is_aligned = ALIGNMENT_KEY in self.metadata

    def read(self, names: Iterable[str], *, mapped: bool) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the tensors of these names, in any order.

        Args:
            names: Names of tensors in the file.
            mapped: Map tensors from the file, if the file system supports that; otherwise read them into memory.

        Raises:
            WeightsFileError: The file has been replaced or removed.
        """
        memory = map_file(self.path, self._size) if mapped else None
        if memory is None:
            yield from self._read_copies(names)
            return
        try:
            self._check_same_file(self.path.stat())
        except OSError as error:
            raise self._changed(error) from error
        for name in names:
            _, shape, dtype, _, begin = self.tensors[name]
            if not (count := math.prod(shape)):
                yield name, torch.empty(shape, dtype=dtype, device="cpu")
                continue
            tensor = torch.frombuffer(memory, dtype=dtype, count=count, offset=begin)
            if len(shape) > 1:
                tensor.resize_(*shape)  # in place, and with separate arguments: a view takes twice as long
            elif not shape:
                tensor = tensor.view(())
            alignment = ALIGNMENT if self._is_aligned else dtype.itemsize
            yield name, tensor.clone() if begin % alignment else tensor

    def _read_header(self) -> tuple[dict[str, Any], int, os.stat_result]:
        """Return the header, the offset at which it ends, and the status of the file."""
        try:
            with self.path.open("rb") as file, safe_open(self.path, framework="pt"):
                length = int.from_bytes(file.read(LENGTH_BYTES), "little")
                header: dict[str, Any] = json.loads(file.read(length))
                return header, LENGTH_BYTES + length, os.fstat(file.fileno())
        except PermissionError:
            raise  # says nothing about whether the file is complete
        # RuntimeError if the file disappears in between.
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            escape_args(error)  # the library quotes the header
            problem = f"not a valid safetensors file ({error!s:.300}). Download or copy it again"
            raise WeightsFileError(problem_with_file(self.path) or problem, file=self.path) from error

    def _read_copies(self, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
        try:
            with self.path.open("rb", buffering=0) as file:
                self._check_same_file(os.fstat(file.fileno()))
                for name in sorted(names, key=lambda name: self.tensors[name].begin):
                    _, shape, dtype, _, begin = self.tensors[name]
                    tensor = torch.empty(shape, dtype=dtype, device="cpu")
                    file.seek(begin)
                    _read_into(file, (ctypes.c_ubyte * tensor.nbytes).from_address(tensor.data_ptr()))
                    yield name, tensor
        except OSError as error:
            raise self._changed(error) from error

    def _check_same_file(self, status: os.stat_result) -> None:
        """Check that the file is still the one whose header was read."""
        if _identity(status) != self._identity:
            raise OSError("it was replaced by another file")

    def _changed(self, error: OSError) -> WeightsFileError:
        return WeightsFileError(f"it cannot be read, or changed during the load ({error}). Load again", file=self.path)

    def _dtype(self, name: str) -> torch.dtype:
        dtype = from_safetensors_dtype(name)
        if dtype is None:
            raise WeightsFileError(
                f"it holds tensors of dtype {name}, which this version of torch lacks", file=self.path
            )
        return dtype


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Return what distinguishes a file from another one that has taken its place."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def map_file(path: Path, size: int) -> ctypes.Array[ctypes.c_ubyte] | None:
    """Map a file privately and copy-on-write.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The memory; None if the file system does not support mapping, or if the file has become shorter.
    """
    try:
        storage = torch.UntypedStorage.from_file(os.fspath(path), shared=False, nbytes=size)
    except (RuntimeError, UnicodeEncodeError) as error:
        _logger.debug("%s cannot be mapped and is read instead: %s", path, error)
        return None
    memory: Any = (ctypes.c_ubyte * size).from_address(storage.data_ptr())
    memory.storage = storage  # kept alive by the tensors that keep `memory` alive
    return memory  # type: ignore[no-any-return]


def _read_into(file: Any, memory: ctypes.Array[ctypes.c_ubyte]) -> None:
    rest = memoryview(memory).cast("B")
    while rest:
        count = file.readinto(rest)
        if not count:
            raise OSError("it ends too early")
        rest = rest[count:]
