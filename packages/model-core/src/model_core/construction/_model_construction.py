"""Constructing the model of a load, without random values that the checkpoint replaces where that is possible.

The fast way is `DeferredConstruction`. The constructor is run a second time, plainly, if code ran that the fast way
cannot see into, or if the constructor raised an error after values had been left out, which may be the reason. This is
not an error and is logged at debug level. A class for which it happens, or whose constructor must not run twice, sets
`defer_initialization = False`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from config_core.errors import ConfigCoreError
from config_core.messages import escaping_logger
from model_core.construction._deferred_construction import (
    DeferredConstruction,
    TooManyFillsError,
    is_failed_allocation,
)
from model_core.errors import ModelCoreError, ModelSizeError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["construct"]

_logger = escaping_logger(__name__)
_Model = TypeVar("_Model", bound=nn.Module)

# Constructors fill a parameter once or a few times.
_FILLS_PER_TENSOR = 10
_SPARE_FILLS = 10_000
# Errors that do not depend on the values of parameters.
_UNRELATED_ERRORS = (ModelCoreError, ConfigCoreError, OSError, ImportError, MemoryError, torch.OutOfMemoryError)


def construct(
    make: Callable[[], _Model], *, defer: bool, checkpoint: str, num_stored: int | None
) -> tuple[_Model, DeferredConstruction]:
    """Construct a model that a checkpoint is about to be loaded into.

    Args:
        make: Constructs the model. It is called again if the fast way may have gone wrong.
        defer: Whether to try the fast way.
        checkpoint: The checkpoint, as messages name it.
        num_stored: How many tensors it holds if the model must not have others, or None. The fast way ends early if the
            constructor goes far beyond that: a config can say that a model has a thousand million layers.

    Returns:
        The model, and the initialisation that its construction has left out so far.

    Raises:
        ModelSizeError: In the fast way, the model has far more tensors than the checkpoint, or torch cannot make one.
    """
    if defer:
        max_fills = math.inf if num_stored is None else _FILLS_PER_TENSOR * num_stored + _SPARE_FILLS
        deferred = DeferredConstruction(max_fills=max_fills)
        try:
            with deferred:
                model = make()
        except TooManyFillsError as error:
            problem = f"describes a model with far more tensors than the {num_stored:,} that the checkpoint holds"
            raise ModelSizeError(problem, checkpoint=checkpoint) from error
        except Exception as error:
            if is_failed_allocation(error):
                problem = f"describes a model with a tensor that torch cannot make: {str(error).splitlines()[0]:.300}"
                raise ModelSizeError(problem, checkpoint=checkpoint) from error
            if isinstance(error, _UNRELATED_ERRORS) or deferred.num_recorded == 0:
                raise
            reason = f"its constructor raised {error!r}"
        else:
            if not deferred.ran_compiled:
                return model, deferred
            del model
            reason = "its constructor ran code that torch.jit compiled"
        _logger.debug("Constructing the model again without deferring its initialisation: %s.", reason)
    return make(), DeferredConstruction()
