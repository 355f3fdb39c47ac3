"""Names of tensors that a parametrization, weight normalisation or pruning has made of one tensor.

A weight that is computed from others is none of them, although one often has its shape: taking that would give a wrong
model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from model_core.load_report import shortened

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["about_reparametrized", "reparametrized_names"]

_NAME = re.compile(
    r"(?P<path>(?:.*\.)?)(?:parametrizations\.(?P<new>[^.]+)\..+|(?P<old>[^.]+)_(?:g|v|u|orig|mask))", re.DOTALL
)


def reparametrized_names(names: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Return which names stand for parts that one of the other names is computed from, and that name."""
    found = {}
    for name in names:
        if (match := _NAME.fullmatch(name)) and (whole := match["path"] + (match["new"] or match["old"])) in others:
            found[name] = whole
    return found


def about_reparametrized(in_checkpoint: Collection[str], in_model: Collection[str]) -> list[str]:
    """Return what to do about tensors that are computed from others on one side only.

    Args:
        in_checkpoint: Names of the tensors that the checkpoint holds the parts of.
        in_model: Names of the tensors that the model has the parts of.
    """
    remedies = []
    if in_checkpoint:
        remedies.append(
            f"{shortened(in_checkpoint)}: saved with a weight norm, pruning or other parametrization that the model "
            "lacks. Make it in the constructor, or remove it (remove_parametrizations, remove_weight_norm, "
            "prune.remove) and save again"
        )
    if in_model:
        remedies.append(
            f"{shortened(in_model)}: saved without the weight norm or other parametrization that the constructor "
            "makes. Load it without that, and make it afterwards"
        )
    return remedies
