"""Modules that compute a parameter from others because somebody has changed them after construction.

Weight normalisation, other parametrizations and pruning give the tensors of a module other names. If the constructor
of a model does so, every load does too. If somebody did so afterwards, what is saved has names that no load expects.
"""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import torch

from config_core.messages import escaping_logger
from model_core.load_report import shortened
from model_core.module_tensors import walk_modules
from model_core.torch_internals import is_reparametrized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

__all__ = ["warn_about_reparametrized_modules"]

_logger = escaping_logger(__name__)


def warn_about_reparametrized_modules(
    model: nn.Module, model_class: Any, modules: Sequence[tuple[str, nn.Module]]
) -> None:
    """Log which modules have tensors of other names than those that the constructor makes.

    Args:
        model: The model that is saved.
        model_class: The class that will load it.
        modules: The modules of the model with their prefixes.
    """
    found = [prefix.removesuffix(".") for prefix, module in modules if is_reparametrized(module)]
    if not found:
        return
    made = _made_by_constructor(model, model_class)
    if made.issuperset(found):
        return
    _logger.warning(
        "%s.from_pretrained cannot load what is saved unless the constructor makes the weight norm, pruning or other "
        "parametrization of %s. Make it in the constructor, or remove it before the save with "
        "torch.nn.utils.parametrize.remove_parametrizations(module, 'weight'), or remove_weight_norm, "
        "remove_spectral_norm or prune.remove for those of torch.nn.utils.",
        model_class.__name__,
        shortened([name for name in found if name not in made]) or "the model",
    )


def _made_by_constructor(model: Any, model_class: Any) -> set[str]:
    """Return the modules that a new model has such tensors in; none if no model can be made here."""
    for device in ("meta", "cpu"):  # on the one it costs no memory, on the other it may read values
        try:
            with torch.device(device), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                new = model_class(copy.deepcopy(model.config))
        except Exception:  # noqa: BLE001, S112 - it may take more arguments
            continue
        return {prefix.removesuffix(".") for prefix, module in walk_modules(new) if is_reparametrized(module)}
    return set()
