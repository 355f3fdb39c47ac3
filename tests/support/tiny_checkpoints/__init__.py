"""Checkpoints of a model without torch: a config, a class that keeps its weights as JSON, and code that leaves a trace.

`files(...)` gives them as name to text, to be written to a folder or put on the loopback Hub.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub_io import TrustEntry

__all__ = ["AUTO_MAP", "CONFIGURATION", "MODELING", "config_json", "files", "trust", "write"]

AUTO_MAP = {
    "AutoConfig": "configuration_tiny.TinyConfig",
    "AutoModel": "modeling_tiny.TinyModel",
    "AutoModelForImageClassification": "modeling_tiny.TinyClassifier",
}

CONFIGURATION = '''
from config_core import PretrainedConfig


class TinyConfig(PretrainedConfig):
    """The config."""

    model_type = "tiny"

    def __init__(self, size=3, **kwargs):
        self.size = size
        super().__init__(**kwargs)
'''

MODELING = '''
import json

from .configuration_tiny import TinyConfig


class TinyModel:
    """The model."""

    config_class = TinyConfig

    def __init__(self, config):
        self.config = config
        self.weights = [0.0] * config.size

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        model = cls(config)
        model.weights = json.loads(checkpoint.read_bytes("weights.json", limit=10_000))
        return model


class TinyClassifier(TinyModel):
    """The model with a head."""
'''


def config_json(auto_map: Mapping[str, object] = AUTO_MAP, **values: object) -> str:
    """Return the text of a config.json."""
    return json.dumps({"model_type": "tiny", "size": 2, "auto_map": dict(auto_map), **values})


def files(changed: Mapping[str, str | None] | None = None, *, marker: Path | None = None) -> dict[str, str]:
    """Return the files of a checkpoint.

    Args:
        changed: Content of further or changed files; None leaves a file out.
        marker: A file that both modules append their name to when they run.
    """
    trace = f"with open({str(marker)!r}, 'a', encoding='utf-8') as file:\n    print(__name__, file=file)\n"
    trace = trace if marker else ""
    content: dict[str, str | None] = {
        "config.json": config_json(),
        "configuration_tiny.py": trace + CONFIGURATION,
        "modeling_tiny.py": trace + MODELING,
        "weights.json": "[1.0, 2.0]",
        **(changed or {}),
    }
    return {name: text for name, text in content.items() if text is not None}


def trust(
    file: Path,
    content: Mapping[str, str],
    *,
    source: str = "me/tiny",
    commit: str | None = None,
    suffixes: tuple[str, ...] = (".py",),
) -> TrustEntry:
    """Put the code of a checkpoint into a file of trusted code, and return the entry.

    Args:
        file: The file.
        content: Files of the checkpoint, of which those of Python are the code.
        source: The repository or folder that the entry names.
        commit: Its commit.
        suffixes: How the names of files end that belong to the code.
    """
    from config_core.code import CodeBundle
    from hub_io import TrustEntry, TrustFile

    code = CodeBundle({name: text.encode() for name, text in content.items() if name.endswith(suffixes)})
    entry = TrustEntry.of(code, source=source, commit=commit)
    TrustFile(file).add(entry)
    return entry


def write(folder: Path, content: Mapping[str, str]) -> Path:
    """Write files into a folder and return it."""
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
