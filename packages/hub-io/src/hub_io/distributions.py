"""Which distribution provides a module: what is installed, and what to install for an import. Nothing is imported."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.machinery import ModuleSpec

__all__ = ["KNOWN_DISTRIBUTIONS", "Provider", "describe_provider", "find_module", "providers_of"]

# There is no metadata for modules that are not installed. A name is never guessed, because anybody may own the
# distribution with that name.
KNOWN_DISTRIBUTIONS: Final = {
    **{
        name: name
        for name in ("einops", "numpy", "safetensors", "scipy", "timm", "torch", "torchvision", "transformers")
    },
    "PIL": "pillow",
    "auto_registry": "pretrained-auto-registry",
    "bs4": "beautifulsoup4",
    "causal_conv1d": "causal-conv1d",
    "config_core": "pretrained-config-core",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "flash_attn": "flash-attn",
    "hub_io": "pretrained-hub-io",
    "huggingface_hub": "huggingface-hub",
    "mamba_ssm": "mamba-ssm",
    "model_core": "pretrained-model-core",
    "resnet": "pretrained-resnet",
    "sentence_transformers": "sentence-transformers",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


class Provider(NamedTuple):
    """The distribution that provides a module.

    Attributes:
        name: Its name, or `""` if it is not known.
        version: The installed version, or `""`.
    """

    name: str
    version: str


def providers_of(modules: Iterable[str]) -> dict[str, Provider]:
    """Return the distributions of top-level modules: those that are installed, or else well known."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    installed = packages_distributions()
    found = {}
    for module in modules:
        names, known = set(installed.get(module, ())), KNOWN_DISTRIBUTIONS.get(module, "")
        name = names.pop() if len(names) == 1 else known  # several may share a namespace
        try:
            found[module] = Provider(name, version(name) if module in installed and name else "")
        except PackageNotFoundError:  # its folder has another name
            found[module] = Provider(name, "")
    return found


def describe_provider(module: str) -> str | None:
    """Return what provides a top-level module, with its version, or None if it is not installed."""
    if module in sys.stdlib_module_names:
        return "the standard library"
    if distributions := _distributions().get(module):
        from importlib.metadata import version

        return ", ".join(f"{name} {version(name)}" for name in sorted(set(distributions)))
    spec = find_module(module)
    return None if spec is None else _editable_project(spec) or "installed"


def find_module(name: str) -> ModuleSpec | None:
    """Return the spec of a top-level module, or None if it is not installed."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


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

    from config_core.entry_points import editable_project

    return {
        folder: f"{distribution.name} {distribution.version} (editable)"
        for distribution in distributions()
        if (folder := editable_project(distribution)) is not None
    }
