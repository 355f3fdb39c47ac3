"""What is known of the model that a load will make of what is saved: it goes by the class and the config alone."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from model_core.construction import construct_without_values
from model_core.module_tensors import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from model_core.module_tensors import TensorLayout
    from model_core.tied_weights import DeclaredTies

__all__ = ["ExpectedModel"]

_Difference = TypeVar("_Difference")


@dataclass(frozen=True)
class ExpectedModel:
    """The model that a load will make.

    Attributes:
        model_class: Its class.
        config: Its config.
        construct: Makes a new one of a config, with its ties.
        constructed: The layout of the tensors of the model that is saved when it was constructed, or None if that is
            not known.
        has_other_config: Whether the config has changed since.
        declared: The ties that the class declares.
        after_ties: The layout after the author's `tie_weights`, or None if there is none or it tells nothing.
    """

    model_class: type
    config: Any
    construct: Callable[[Any], nn.Module]
    constructed: TensorLayout | None
    has_other_config: bool
    declared: DeclaredTies
    after_ties: TensorLayout | None

    @cached_property
    def new(self) -> nn.Module | None:
        """A new model of the config without values, or None if its constructor needs them."""
        return construct_without_values(lambda: self.construct(copy.deepcopy(self.config)))

    def differences(self, compare: Callable[[TensorLayout], list[_Difference]]) -> list[_Difference]:
        """Return how the model that is saved differs from the one that a constructor will make.

        Args:
            compare: Returns how it differs from a layout.
        """
        if self.constructed is None or not (self.has_other_config or compare(self.constructed)):
            return []
        return compare(layout_of(self.new) if self.new else self.constructed)
