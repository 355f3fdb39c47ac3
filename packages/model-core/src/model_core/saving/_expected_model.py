"""What is known of the model that a load will make of what is saved: it goes by the class and the config alone."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from model_core.module_tensors import TensorLayout
    from model_core.tied_weights import DeclaredTies

__all__ = ["ExpectedModel"]


class ExpectedModel(NamedTuple):
    """The model that a load will make.

    Attributes:
        model_class: Its class.
        construct: Makes a new one of a config, with its ties.
        constructed: The layout of the tensors of the model that is saved when it was constructed, or None if that is
            not known. Its config may have changed since.
        declared: The ties that the class declares.
        after_ties: The layout after the author's `tie_weights`, or None if there is none or it tells nothing.
    """

    model_class: type
    construct: Callable[[Any], nn.Module]
    constructed: TensorLayout | None
    declared: DeclaredTies
    after_ties: TensorLayout | None

    def make(self, config: Any) -> nn.Module | None:
        """Return a new model of a config, or None if none can be made here."""
        for device in ("meta", "cpu"):  # on the one it costs no memory, on the other it may read values
            try:
                with torch.device(device), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return self.construct(copy.deepcopy(config))
            except Exception:  # noqa: BLE001, S112 - it may take more arguments
                continue
        return None
