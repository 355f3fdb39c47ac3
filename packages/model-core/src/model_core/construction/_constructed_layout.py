"""The layout of the tensors that the constructor of a model has made, which a save compares with that of the model.

Nothing has to be called at the end of a constructor, so it is noted when the outermost one returns.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import TYPE_CHECKING, Any

from model_core.module_tensors import layout_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["note_layout_when_constructed"]


def note_layout_when_constructed(model_class: Any) -> None:
    """Let the constructor of a class set `_constructed_layout` once the whole model is made."""
    constructor = model_class.__init__  # its own, or that of a class that comes before its base class
    if not isinstance(constructor, FunctionType) or hasattr(constructor, "notes_layout"):
        return

    @functools.wraps(constructor)
    def noting(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        constructor(self, *args, **kwargs)
        if type(self).__init__ is noting:  # otherwise the constructor of a subclass goes on
            vars(self)["_constructed_layout"] = layout_of(self)

    vars(noting)["notes_layout"] = True
    model_class.__init__ = noting
