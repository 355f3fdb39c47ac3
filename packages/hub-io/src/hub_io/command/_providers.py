"""Which installed distribution provides a module. Nothing is imported."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from config_core.entry_points import editable_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec

__all__ = ["provider_of"]


def provider_of(module: str) -> str | None:
    """Return what provides a top-level module, with its version, or None if it is not installed."""
    if module in sys.stdlib_module_names:
        return "the standard library"
    if distributions := _distributions().get(module):
        from importlib.metadata import version

        return ", ".join(f"{name} {version(name)}" for name in sorted(set(distributions)))
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if spec is None else _editable_project(spec) or "installed"


@cache
def _distributions() -> Mapping[str, list[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()


def _editable_project(spec: ModuleSpec) -> str | None:
    """Return the distribution whose project folder holds a module, or None: an editable one does not list its files."""
    place = Path((spec.submodule_search_locations or [spec.origin or ""])[0]).resolve()
    holding = [folder for folder in _editable_projects() if place.is_relative_to(folder)]
    return _editable_projects()[max(holding, key=lambda folder: len(folder.parts))] if holding else None


@cache
def _editable_projects() -> Mapping[Path, str]:
    """Return the project folder of each editable distribution, with its name and version."""
    from importlib.metadata import distributions

    return {
        folder: f"{distribution.name} {distribution.version} (editable)"
        for distribution in distributions()
        if (folder := editable_project(distribution)) is not None
    }
