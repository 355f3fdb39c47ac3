"""The README.md of a pushed checkpoint: metadata that the Hub indexes, and how to load it with these packages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auto_registry.auto_tasks import loadable_names
from config_core.checkpoint import CONFIG_NAME
from config_core.config import read_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config_core import FolderCheckpoint

__all__ = ["CARD_FILE", "SavedFolder", "read_saved"]

CARD_FILE = "README.md"
_LIBRARY = "pretrained"
_INSTALL = "pretrained-config-core pretrained-auto-registry pretrained-hub-io"


@dataclass(frozen=True)
class SavedFolder:
    """What a saved folder holds, as far as a card tells."""

    config: Mapping[str, Any]
    has_weights: bool
    is_portable: bool = False  # transformers loads the code too

    @property
    def auto_map(self) -> Mapping[str, Any]:
        """Name of each auto class to its reference; other keys are not for a text that people copy code from."""
        auto_map = self.config.get("auto_map")
        return {name: auto_map[name] for name in sorted(loadable_names(auto_map))} if isinstance(auto_map, dict) else {}

    @property
    def architecture(self) -> str:
        """The class that was saved, or `""`."""
        architectures = self.config.get("architectures")
        first = architectures[0] if isinstance(architectures, list) and architectures else ""
        return first if isinstance(first, str) and first.isidentifier() else ""

    def card(self, repo_id: str, *, tags: Iterable[str] = ()) -> str:
        """Return the text of a model card.

        Args:
            repo_id: Where the folder is pushed to, `owner/name`.
            tags: Further tags.
        """
        metadata = {"library_name": _LIBRARY, "tags": sorted({*self.tags(), *tags})}
        header = "".join(f"{key}: {json.dumps(value)}\n" for key, value in metadata.items())  # JSON is YAML too
        return f"---\n{header}---\n\n# {repo_id.rpartition('/')[2]}\n\n{self.introduction()}\n\n{self.usage(repo_id)}"

    def tags(self) -> list[str]:
        model_type = self.config.get("model_type")
        named = [model_type] if isinstance(model_type, str) and model_type else []
        return [*named, *(["custom_code"] if self.auto_map else [])]

    def introduction(self) -> str:
        of = f" of `{self.architecture}`" if self.architecture else ""
        return f"{'A model' if self.has_weights else 'A configuration'}{of}."

    def auto_class(self) -> str:
        """Return the auto class that loads what was saved."""
        if not self.has_weights:
            return "AutoConfig"
        names = [name for name in self.auto_map if name != "AutoConfig"]
        exact = [name for name in names if str(self.auto_map[name]).endswith(f".{self.architecture}")]
        return next(iter([*exact, *names]), "AutoModel")

    def usage(self, repo_id: str) -> str:
        auto_class = self.auto_class()
        variable = "model" if self.has_weights else "config"
        options = ', revision="<commit>", trust_remote_code=True' if self.auto_map else ""
        trust = (
            "\nThis repository ships the Python code of its classes. Read it before you trust it, and put the commit\n"
            "that you have read in place of `<commit>`: without trust none of it runs.\n"
            if self.auto_map
            else ""
        )
        packages = f"{_INSTALL} pretrained-model-core" if self.has_weights else _INSTALL
        return (
            f"## Use\n\n```sh\npip install {packages}\n```\n\n```python\nfrom auto_registry import {auto_class}\n\n"
            f'{variable} = {auto_class}.from_pretrained("{repo_id}"{options})\n```\n{trust}{self.other_usage(repo_id)}'
        )

    def other_usage(self, repo_id: str) -> str:
        """Return how transformers loads what was saved, or `""`."""
        if not self.is_portable or not self.auto_map:
            return ""
        auto_class = self.auto_class()
        variable = "model" if self.has_weights else "config"
        call = f'{auto_class}.from_pretrained("{repo_id}", revision="<commit>", trust_remote_code=True)'
        return (
            "\nThe code works with transformers (5 or later) as well:\n\n"
            f"```python\nfrom transformers import {auto_class}\n\n{variable} = {call}\n```\n\n"
            "Without `trust_remote_code=True`, transformers may take a model of its own with the same `model_type`.\n"
        )


def read_saved(checkpoint: FolderCheckpoint) -> SavedFolder:
    """Return what a folder holds.

    Raises:
        ConfigFileError: config.json is not a JSON object.
    """
    from config_core.code import BASE_FILE  # parses source

    config: Mapping[str, Any] = read_config(checkpoint).values if checkpoint.has(CONFIG_NAME) else {}
    top = [name for name in checkpoint.filenames() if "/" not in name]
    has_weights = any(name.endswith((".safetensors", ".bin")) for name in top)
    return SavedFolder(config, has_weights=has_weights, is_portable=BASE_FILE in top)
