"""The result of a load: which tensors matched, and which did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from config_core.error_base import printable
from model_core.torch_dtypes import dtype_name

__all__ = ["LoadReport", "Mismatch", "shortened"]

_MAX_LINES = 100
_MAX_LISTED = 5
_MAX_LINE = 300


def shortened(entries: Collection[str], *, most: int = _MAX_LISTED) -> str:
    """Return the first of some entries, separated by commas, and how many more there are."""
    rest = len(entries) - most
    return ", ".join(map(printable, islice(entries, most))) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A tensor whose shape or dtype in the checkpoint does not match the model.

    Attributes:
        name: Its name in the model.
        stored_shape: Shape in the checkpoint.
        model_shape: Shape in the model.
        stored_dtype: Dtype in the checkpoint.
        model_dtype: Dtype in the model.
    """

    name: str
    stored_shape: tuple[int, ...]
    model_shape: tuple[int, ...]
    stored_dtype: torch.dtype
    model_dtype: torch.dtype

    def __str__(self) -> str:
        stored, model = str(list(self.stored_shape)), str(list(self.model_shape))
        if self.stored_shape == self.model_shape:
            stored, model = dtype_name(self.stored_dtype), dtype_name(self.model_dtype)
        return f"{self.name}: {stored} in the checkpoint, {model} in the model"


@dataclass(frozen=True, repr=False)
class LoadReport(Mapping[str, Any]):
    """The result of a load. It prints as a short table and can be read like transformers' `output_loading_info` dict.

    Attributes:
        source: The checkpoint, as messages name it.
        loaded: Names of the model's tensors that were loaded, tied ones included.
        missing: Names of the model's tensors that the checkpoint lacks, with their shapes.
        unexpected: Names of the checkpoint's tensors that the model lacks, with their shapes.
        mismatched: Tensors whose shape or dtype differs.
        converted: Name of each loaded tensor whose dtype was converted, to `(dtype in the file, dtype in the model)`.
        copied: Tensors that were saved as one with another tensor and are two in the model: name to the name of the
            tensor whose values it got.
        files: The files that hold unexpected or mismatched tensors. If tensors are only missing, the weight file,
            provided there is just one.
        served_names: Names of transformers that the checkpoint's own code uses and these packages served to it.
    """

    source: str
    loaded: tuple[str, ...] = ()
    missing: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unexpected: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    mismatched: tuple[Mismatch, ...] = ()
    converted: Mapping[str, tuple[torch.dtype, torch.dtype]] = field(default_factory=dict)
    copied: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    served_names: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the entries of transformers' `output_loading_info`: missing, unexpected and mismatched keys."""
        return {
            "missing_keys": set(self.missing),
            "unexpected_keys": set(self.unexpected),
            "mismatched_keys": {(entry.name, entry.stored_shape, entry.model_shape) for entry in self.mismatched},
            "error_msgs": [],
        }

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def differences(self, *, most: int = _MAX_LINES) -> str:
        """Return a table of what did not match, with at most this many lines of each kind."""
        rows = [
            ("missing", [f"{name} {list(shape)}" for name, shape in self.missing.items()]),
            ("unexpected", [f"{name} {list(shape)}" for name, shape in self.unexpected.items()]),
            ("mismatched", [str(entry) for entry in self.mismatched]),
            ("copied", [f"{name} from {other}" for name, other in self.copied.items()]),
            ("in file", list(self.files)),
        ]
        lines = []
        for title, entries in rows:
            shown = entries[:most]
            lines += [f"  {title:<10}  {_clipped(entry)}" for entry in shown]
            if len(entries) > len(shown):
                lines.append(f"  {title:<10}  … and {len(entries) - len(shown)} more")
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = [
            f"{printable(self.source)}: {len(self.loaded)} tensors loaded, {len(self.converted)} of them converted"
        ]
        for (stored, model), number in Counter(self.converted.values()).items():
            lines.append(f"  {'converted':<10}  {number} from {dtype_name(stored)} to {dtype_name(model)}")
        if self.served_names:
            lines.append(f"  {'served':<10}  {', '.join(self.served_names)}")
        return "\n".join(filter(None, [*lines, self.differences()]))

    def __repr__(self) -> str:
        return f"<LoadReport {self}>"


def _clipped(text: str) -> str:
    """Return a text, its middle left out if it is very long. Names come from files and may have any length."""
    text = printable(text)
    return text if len(text) <= _MAX_LINE else f"{text[: _MAX_LINE // 2]}…{text[-_MAX_LINE // 2 :]}"
