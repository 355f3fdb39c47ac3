"""What is known of the model that a load will make of what is saved: it goes by the class and the config alone."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from model_core.construction import construct_without_values

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
        """Return a new model of a config without values, or None if its constructor needs them."""
        return construct_without_values(lambda: self.construct(copy.deepcopy(config)))
