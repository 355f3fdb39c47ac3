"""What a file of `torch.save` holds, told without running anything that its pickle names.

`torch.load(weights_only=True)` refuses a file as a whole if one object in it is of a class that it does not know.
Advice about such a file needs the names and shapes of its tensors. Every other object becomes an `Inert` one, and all
that the pickle can call was made for it alone, so that it cannot change anything either.
"""

from __future__ import annotations

import zipfile

# Not the one in C, which reserves as much memory as a hostile pickle names.
from pickle import UnpicklingError, _Unpickler
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Inert", "outline_of"]

_MAX_BYTES = 64 * 1024 * 1024  # of the pickle alone, which is small beside the values
_PICKLES_BEFORE = 3  # magic number, version and system, in a file of before torch 1.6


class Inert:
    """An object of a class that a pickle names and that was not imported."""

    def __init__(self, *_: object, **__: object) -> None:
        """Ignore what a pickle passes."""

    def _ignore(self, *_: object) -> None:
        pass

    __call__ = __setitem__ = __setstate__ = add = append = extend = _ignore


def outline_of(path: Path) -> Any:
    """Return the object in a file of `torch.save`, its tensors without values, or None if it cannot be read.

    Args:
        path: The file.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entry = next(entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
                return _Outline(archive.open(entry)).load() if entry.file_size <= _MAX_BYTES else None
        with path.open("rb") as file:
            for _ in range(_PICKLES_BEFORE):
                _Outline(file).load()
            return _Outline(file).load()
    except Exception:  # noqa: BLE001 - a damaged or hostile pickle may raise anything
        return None


class _Outline(_Unpickler):
    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="utf-8")

        def tensor(storage: Any, _offset: int, size: tuple[int, ...], *_: object) -> torch.Tensor:
            return torch.empty(size, dtype=storage.dtype, device="meta")

        def parameter(values: torch.Tensor, *_: object) -> torch.Tensor:
            return values

        self._known: dict[tuple[str, str], Callable[..., Any]] = {
            ("torch._utils", "_rebuild_tensor_v2"): tensor,
            ("torch._utils", "_rebuild_parameter"): parameter,
            ("collections", "OrderedDict"): type("OrderedDict", (dict,), {}),
        }

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global of this name."""
        if module in {"torch", "torch.cuda"} and name.endswith("Storage"):
            dtype = getattr(torch, name.removesuffix("Storage").lower(), None)
            return type(name, (Inert,), {"dtype": dtype if isinstance(dtype, torch.dtype) else torch.uint8})
        return self._known.get((module, name)) or type(name, (Inert,), {})

    def get_extension(self, code: int) -> None:
        """Refuse the numbers of classes that this process has registered."""
        raise UnpicklingError(f"extension {code}")

    def persistent_load(self, pid: Any) -> Any:
        """Return the class of a storage, of which nothing is read."""
        return pid[1]
