"""Which modules of a model its author's own `_init_weights` is for.

The hook is written for the layers that the author put together. It is not called on a part that someone else's package
made, such as timm's `ResNet`, which keeps the initialisation that its maker gave it, nor on a model inside the model,
which has an initialisation, or loaded weights, of its own. An author who means those too says so:
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
    """Yield the modules that the author of a model put together, the innermost first, the model last.

    Args:
        model: The model.
        boundary: Modules of this class inside the model are left out, with all that is in them.
    """
    authors = {cls.__module__ for cls in type(model).__mro__ if issubclass(cls, boundary) and cls is not boundary}
    yield from _below(model, authors, boundary)


def _below(module: nn.Module, authors: set[str], boundary: type[nn.Module]) -> Iterator[nn.Module]:
    for child in module.children():
        if not isinstance(child, boundary) and _is_own(type(child).__module__, authors):
            yield from _below(child, authors, boundary)
    yield module


def _is_own(module_name: str, authors: set[str]) -> bool:
    """Tell whether a class of this module is torch's, or comes from the package or the folder of an author."""
    package = module_name.partition(".")[0]
    return package == "torch" or any(
        package == author.partition(".")[0] or _folder(module_name) == _folder(author) is not None for author in authors
    )


def _folder(module_name: str) -> Path | None:
    """Return the folder that a module's file lies in, if it is a top-level module."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return Path(file).parent if file and "." not in module_name else None
