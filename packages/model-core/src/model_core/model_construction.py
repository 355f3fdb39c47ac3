"""Making the model of a load: without random values that nobody may need, or plainly where that could not be right.

The fast way is `DeferredConstruction`. What it cannot see, code that torch compiled and transformations of functions,
is looked for here; and a constructor that fails under it is run once more without it, since values that it could not
see may be why. Nothing of this is an error, so it is said at debug level only.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from config_core.errors import ConfigCoreError
from model_core.deferred_construction import DeferredConstruction
from model_core.errors import ModelCoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["construct"]

_logger = logging.getLogger(__name__)
_Model = TypeVar("_Model", bound=nn.Module)


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
        except (ModelCoreError, ConfigCoreError):  # nothing that values could be the reason of
            raise
        except Exception as error:  # noqa: BLE001 - raised again below, if the plain way meets it too
            reason = f"its constructor raised {error!r}"
        else:
            found = _blind_spot(model)
            if found is None:
                return model, deferred
            reason = found
            del model
        _logger.debug("Constructing again, with all random values: %s.", reason)
    return make(), DeferredConstruction()


def _blind_spot(model: nn.Module) -> str | None:
    """Return why reads of parameters may have gone unseen while a model was made, or None."""
    classes = {type(module) for module in model.modules()}
    if any(issubclass(cls, torch.jit.ScriptModule) for cls in classes):
        return "it has modules that torch.jit compiled"
    for name in sorted({cls.__module__ for cls in classes if not cls.__module__.startswith("torch.")}):
        compiled = vars(sys.modules[name]).values() if name in sys.modules else ()
        if any(type(value) is torch.jit.ScriptFunction for value in compiled):
            return f"{name} has functions that torch.jit compiled"
    return None
