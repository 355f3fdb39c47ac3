"""Which distribution provides a module: what to install for an import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KNOWN_DISTRIBUTIONS", "Provider", "providers_of"]

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
