"""Which modules of a model its author's own `_init_weights` is called on.

The hook is written for the layers that the author put together. It is not called on parts from another package, such as
timm's `ResNet`, which keep the initialisation that their own authors gave them, nor on a model inside the model, which
has its own initialisation or loaded weights. An author who wants those included calls
`self.backbone.apply(self._init_weights)`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

__all__ = ["modules_to_initialize"]


def modules_to_initialize(model: nn.Module, *, boundary: type[nn.Module]) -> Iterator[nn.Module]:
    """Yield the modules that the author of a model put together, innermost first and the model last.

    Args:
        model: The model.
        boundary: Modules of this class inside the model are left out, with everything in them.
    """
    author_modules = {
        cls.__module__ for cls in type(model).__mro__ if issubclass(cls, boundary) and cls is not boundary
    }
    yield from _walk(model, author_modules, boundary)


def _walk(module: nn.Module, author_modules: set[str], boundary: type[nn.Module]) -> Iterator[nn.Module]:
    for child in module.children():
        if not isinstance(child, boundary) and _is_own(type(child).__module__, author_modules):
            yield from _walk(child, author_modules, boundary)
    yield module


def _is_own(module_name: str, author_modules: set[str]) -> bool:
    """Return whether a class of this module is torch's or comes from an author's package or folder."""
    package = module_name.partition(".")[0]
    return package == "torch" or any(
        package == author.partition(".")[0] or _folder(module_name) == _folder(author) is not None
        for author in author_modules
    )


def _folder(module_name: str) -> Path | None:
    """Return the folder that contains the file of a top-level module, or None."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return Path(file).parent if file and "." not in module_name else None
