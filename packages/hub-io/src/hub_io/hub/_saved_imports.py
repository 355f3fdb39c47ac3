"""What the code in a saved folder imports, for a card: the distributions to install."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hub_io.distributions import providers_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub_io.distributions import Provider

__all__ = ["needed_distributions"]

# What every way of loading brings along.
_OURS = frozenset({"auto_registry", "config_core", "hub_io", "model_core", "transformers"})


def needed_distributions(contents: Mapping[str, bytes | Path]) -> dict[str, Provider]:
    """Return the modules that a folder's source files certainly import besides our packages and transformers.

    Args:
        contents: Name of a file to its content. Large files, which are paths, are no code.

    Returns:
        Name of a top-level module to the distribution that provides it.
    """
    sources = {name: text for name, text in contents.items() if name.endswith(".py") and isinstance(text, bytes)}
    modules = _imported(sources) - _OURS - sys.stdlib_module_names
    return providers_of(sorted(modules)) if modules else {}


def _imported(sources: Mapping[str, bytes]) -> set[str]:
    """Return the top-level modules that source files certainly import, without those beside them."""
    from config_core.code import is_base_file, source_facts
    from config_core.errors import SourceCodeError

    beside = {name.partition("/")[0].removesuffix(".py") for name in sources}
    modules: set[str] = set()
    for name, content in sources.items():
        try:
            imports = () if is_base_file(content) else source_facts(content, path=name).imports
        except SourceCodeError:  # not code of the checkpoint
            continue
        modules |= {each.module.partition(".")[0] for each in imports if each.is_certain and not each.level}
    return modules - beside
