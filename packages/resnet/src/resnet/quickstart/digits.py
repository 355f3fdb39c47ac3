"""scikit-learn's handwritten digits as tensors: 1,797 images of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from sklearn.datasets import load_digits as load_sklearn_digits
from sklearn.model_selection import train_test_split

__all__ = ["Digits", "load_digits"]

_TEST_SIZE = 0.25
_MAX_PIXEL = 16
_SIDE = 32  # a ResNet halves the resolution five times


@dataclass(frozen=True)
class Digits:
    """Images of digits, split into a training and a test set.

    Attributes:
        train_images: (1347, 1, 32, 32), float32, from -1 (background) to 1 (ink).
        train_labels: (1347,), int64, the digits.
        test_images: (450, 1, 32, 32), as above.
        test_labels: (450,), as above.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


def load_digits() -> Digits:
    """Return the digits. The split is stratified and the same in every process."""
    digits: Any = load_sklearn_digits()
    pixels = torch.from_numpy(digits.images).float().unsqueeze(1) / (_MAX_PIXEL / 2) - 1
    images = torch.nn.functional.interpolate(pixels, size=_SIDE, mode="bilinear")
    labels = torch.from_numpy(digits.target).long()
    train, test = train_test_split(
        range(len(labels)), test_size=_TEST_SIZE, stratify=digits.target, random_state=0, shuffle=True
    )
    return Digits(images[train], labels[train], images[test], labels[test])
