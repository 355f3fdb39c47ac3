"""scikit-learn's handwritten digits as tensors: 1,797 pictures of 8 x 8 pixels, shipped inside scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits as load_sklearn_digits
from sklearn.model_selection import train_test_split

__all__ = ["Digits", "load_digits"]

_HELD_OUT = 0.25
_BRIGHTEST = 16
_SIDE = 32  # a ResNet halves the resolution five times


@dataclass(frozen=True)
class Digits:
    """Pictures to learn from, and held-out ones that the training never sees.

    Attributes:
        train_images: (1347, 1, 32, 32), float32, from -1 for paper to 1 for ink.
        train_labels: (1347,), int64, the digits.
        test_images: (450, 1, 32, 32), as above.
        test_labels: (450,), as above.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


def load_digits() -> Digits:
    """Return the digits, split alike in every process, with each digit's share the same in both parts."""
    digits = load_sklearn_digits()
    pixels = torch.from_numpy(digits.images).float().unsqueeze(1) / (_BRIGHTEST / 2) - 1
    images = torch.nn.functional.interpolate(pixels, size=_SIDE, mode="bilinear")
    labels = torch.from_numpy(digits.target).long()
    train, test = train_test_split(
        range(len(labels)), test_size=_HELD_OUT, stratify=digits.target, random_state=0, shuffle=True
    )
    return Digits(images[train], labels[train], images[test], labels[test])
