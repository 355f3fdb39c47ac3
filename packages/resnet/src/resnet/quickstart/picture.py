"""An image of digits with the model's predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    import torch

__all__ = ["draw_sheet"]

_COLUMNS = 10
_ROWS = 4
_TILE = 64
_CAPTION = 22
_MARGIN = 8
_CORRECT = (0, 110, 60)
_WRONG = (200, 0, 30)


def draw_sheet(images: torch.Tensor, labels: torch.Tensor, predictions: torch.Tensor) -> Image.Image:
    """Return an image of up to forty digits with their predictions. Errors come first, in red.

    Args:
        images: (N, 1, H, W), from -1 (background) to 1 (ink).
        labels: (N,), the true digits.
        predictions: (N,), the predicted digits.
    """
    step = (_TILE + _MARGIN, _TILE + _CAPTION + _MARGIN)
    sheet = Image.new("RGB", (_MARGIN + _COLUMNS * step[0], _MARGIN + _ROWS * step[1]), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=14)
    errors_first = (predictions == labels).int().argsort(stable=True)
    for position, index in enumerate(errors_first[: _COLUMNS * _ROWS].tolist()):
        left = _MARGIN + position % _COLUMNS * step[0]
        top = _MARGIN + position // _COLUMNS * step[1]
        sheet.paste(_tile(images[index, 0]), (left, top))
        predicted, label = int(predictions[index]), int(labels[index])
        caption, colour = (f"{predicted}", _CORRECT) if predicted == label else (f"{predicted}, is {label}", _WRONG)
        pen.text((left + _TILE / 2, top + _TILE + 2), caption, fill=colour, font=font, anchor="ma")
    return sheet


def _tile(image: torch.Tensor) -> Image.Image:
    height, width = image.shape
    levels = ((1 - image) * 127.5).round().clamp(0, 255).int()
    return Image.frombytes("L", (width, height), bytes(levels.flatten().tolist())).resize((_TILE, _TILE))
