"""The class that the author of a model wrote, where a library has put a subclass of it in its place.

`fully_shard` and `replicate` of torch, parametrizations of a model's own parameters and other libraries assign to
`model.__class__`. What a save records is the author's class.
"""

from __future__ import annotations

import sys

__all__ = ["authored_class"]

# What an author's own class would define; a class that only adds methods for a library does not.
_AUTHORED = frozenset({"__init__", "forward", "config_class"})


def authored_class(cls: type, base: type) -> type:
    """Return the first class in the method resolution order that was written in source code.

    Args:
        cls: Class of a model.
        base: The base class of models.
    """
    return next(
        ancestor for ancestor in cls.__mro__ if issubclass(ancestor, base) and not _is_generated(ancestor, base)
    )


def _is_generated(cls: type, base: type) -> bool:
    """Return whether a library made a class at run time, by calling `type`."""
    if cls is base or "<locals>" in cls.__qualname__ or not _AUTHORED.isdisjoint(vars(cls)):
        return False
    module = sys.modules.get(cls.__module__)
    return not hasattr(module, cls.__qualname__.partition(".")[0])
