"""Reading the config file of a checkpoint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import CONFIG_NAME, existing_path, open_checkpoint, read_at_most
from config_core.config._config_json import MAX_CONFIG_BYTES, decode_config
from config_core.errors import CheckpointFileNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from config_core.checkpoint import Checkpoint

__all__ = ["read_config", "read_json"]


def read_config(source: str | os.PathLike[str] | Checkpoint, **options: Any) -> tuple[dict[str, Any], Path, str]:
    """Return what a config file says, its path, and the name of the checkpoint that it belongs to."""
    file = existing_path(source) if isinstance(source, (str, os.PathLike)) else None
    if file is not None and file.is_file():
        return read_json(file), file, os.fspath(file.parent)
    checkpoint = open_checkpoint(source, **options)
    try:
        path = checkpoint.local_path(CONFIG_NAME)
    except CheckpointFileNotFoundError as error:
        raise CheckpointFileNotFoundError(
            checkpoint=error.checkpoint,
            filename=CONFIG_NAME,
            hint="A checkpoint is what save_pretrained of a config or model writes.",
        ) from None
    return read_json(path), path, checkpoint.name


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ConfigFileError: It holds no JSON object.
    """
    return decode_config(read_at_most(path, MAX_CONFIG_BYTES), path=path)
