"""Making the model of a load: without random values that nobody may need, or plainly where that could not be right.

The fast way is `DeferredConstruction`. A constructor is run a second time, without it, if code ran that the fast way
cannot see into, or if the constructor failed after random values had been left out, which may be why. Nothing of this
is an error, so it is said at debug level only. A class for which it happens, or whose constructor must not run twice,
sets `defer_initialization = False`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from config_core.errors import ConfigCoreError
from model_core.construction._deferred_construction import DeferredConstruction
from model_core.errors import ModelCoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["construct"]

_logger = logging.getLogger(__name__)
_Model = TypeVar("_Model", bound=nn.Module)

# What a constructor raises for reasons that lie outside of the values of its parameters.
_REAL = (ModelCoreError, ConfigCoreError, OSError, ImportError, MemoryError, torch.OutOfMemoryError)


def construct(make: Callable[[], _Model], *, defer: bool) -> tuple[_Model, DeferredConstruction]:
    """Make a model that a checkpoint is about to be loaded into.

    Args:
        make: Makes the model. It is called again if the fast way could not be right.
        defer: Whether the fast way is tried.

    Returns:
        The model, and what its construction left to be done.
    """
    if defer:
        deferred = DeferredConstruction()
        try:
            with deferred:
                model = make()
        except Exception as error:
            if isinstance(error, _REAL) or deferred.num_recorded == 0:
                raise
            reason = f"its constructor raised {error!r}"
        else:
            if not deferred.ran_compiled:
                return model, deferred
            del model
            reason = "its constructor ran code that torch.jit compiled"
        _logger.debug("Constructing again, with all random values: %s.", reason)
    return make(), DeferredConstruction()
