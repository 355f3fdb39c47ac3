"""The call of `from_pretrained` that loads a state dict found elsewhere, as Python code for an error message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from model_core.construction import construct_without_values
from model_core.loading._model_loading import ways_to_load
from model_core.loading._weight_sources import described
from model_core.module_tensors import named_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import nn

    from model_core.loading._name_rules import NameRules
    from model_core.module_tensors import NamedTensors

__all__ = ["SuggestedCall"]

_LITERALS = (bool, int, float, str, list, tuple, dict, type(None))


class SuggestedCall:
    """A `CodeOfCall` of a load: it tries out which further arguments make the names of a state dict the model's."""

    def __init__(
        self,
        construct: Callable[[], nn.Module],
        rules: Callable[[nn.Module, NamedTensors], NameRules],
        *,
        config: str,
        options: Mapping[str, Any],
    ) -> None:
        """Suggest calls.

        Args:
            construct: Makes the model of the load.
            rules: Returns how its names are matched.
            config: Python code for the config if the caller gave one, or `""`.
            options: Config fields and arguments of the constructor that the caller gave.
        """
        self._construct = construct
        self._rules = rules
        self._config = config
        self._options = {
            name: repr(value) if isinstance(value, _LITERALS) else "..." for name, value in options.items()
        }

    def __call__(self, state_dict: Mapping[str, torch.Tensor], code: str, *, config: str = "...") -> str:
        """Return the code, as `CodeOfCall` describes it."""
        first, *others = [f", {way}" if way else "" for way in self._ways(state_dict)] or [""]
        given = "".join(
            f", {name}={value}" for name, value in self._options.items() if not re.search(rf", {name}=", first)
        )
        call = f"from_pretrained(None, config={self._config or config}{given}, state_dict={code}{first})"
        return " or ".join([call, *(f"with{way[1:]}" for way in others)])

    def _ways(self, state_dict: Mapping[str, torch.Tensor]) -> Sequence[str]:
        """Return code for the further arguments of each call that may be meant."""
        if not state_dict:
            return []
        model = construct_without_values(self._construct)
        if model is None:
            return []
        named = named_tensors(model)
        return ways_to_load(model, named, described(state_dict), self._rules(model, named))
