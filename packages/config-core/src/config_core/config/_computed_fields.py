"""The fields of the base class that are properties, which check and convert what is assigned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from config_core.config._labels import Labels, label_numbers, labels_of, read_labels
from config_core.errors import ConfigValidationError

__all__ = ["ComputedFields"]


class ComputedFields:
    """Mixin of `PretrainedConfig`. Type checkers see plain attributes in its place: see there."""

    _labels = Labels()

    @property
    def name_or_path(self) -> str:
        """The folder or repository that the config was loaded from, or `""`. Not written to files."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str | os.PathLike[str]) -> None:
        if not isinstance(value, (str, os.PathLike)):
            raise ConfigValidationError(
                f"expected a path or the name of a repository, got {value!r:.80}.",
                config_class=type(self).__name__,
                field="name_or_path",
            )
        self._name_or_path = os.fspath(value)

    @property
    def dtype(self) -> str | None:
        """Type of the weights as a name such as `"bfloat16"`, or None. A `torch.dtype` may be assigned."""
        return self._dtype

    @dtype.setter
    def dtype(self, value: Any) -> None:
        name = None if value is None else str(value).removeprefix("torch.")
        if name is not None and not (name.isidentifier() and (isinstance(value, str) or _is_torch_dtype(value))):
            raise ConfigValidationError(
                f"expected the name of a torch.dtype such as 'bfloat16', got {value!r:.80}.",
                config_class=type(self).__name__,
                field="dtype",
            )
        self._dtype = name

    @property
    def torch_dtype(self) -> str | None:
        """The name that `dtype` had in earlier files."""
        return self.dtype

    @torch_dtype.setter
    def torch_dtype(self, value: Any) -> None:
        self.dtype = value

    @property
    def num_labels(self) -> int:
        """Number of classes of a classifier. Assigning another number drops the names of the classes."""
        return self._labels.num_labels

    @num_labels.setter
    def num_labels(self, value: int) -> None:
        if type(value) is not int or value < 0:
            raise ConfigValidationError(
                f"expected a number of classes, got {value!r:.80}.",
                config_class=type(self).__name__,
                field="num_labels",
            )
        self._labels = self._labels.resized(value)

    @property
    def id2label(self) -> dict[int, str]:
        """Number of each class to its name: `LABEL_0` and so on if none were given.

        A class may be renamed in place. To add or remove classes, assign all names at once.

        Raises:
            ConfigError: Classes were added or removed in place.
        """
        self._labels = labels_of(self).named()
        return self._labels.id2label or {}

    @id2label.setter
    def id2label(self, value: Mapping[int, str] | None) -> None:
        names = read_labels(dict(value), None) if value is not None else None
        if names is not None:
            self.num_labels = len(names)
        self._labels = Labels(self._labels.num_labels if names is None else len(names), names)

    @property
    def label2id(self) -> dict[str, int]:
        """Name of each class to its number: the reverse of `id2label`."""
        return label_numbers(self.id2label)

    @label2id.setter
    def label2id(self, value: Mapping[str, int] | None) -> None:
        self.id2label = read_labels(None, dict(value)) if value is not None else None


def _is_torch_dtype(value: Any) -> bool:
    # By name: nothing here may import torch.
    return type(value).__module__ == "torch" and type(value).__name__ == "dtype"
