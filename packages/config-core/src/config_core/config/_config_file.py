"""The config file of a checkpoint, read and parsed once in a load."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import CONFIG_NAME, Checkpoint, existing_path, open_checkpoint, read_at_most
from config_core.config._config_json import MAX_CONFIG_BYTES, decode_config
from config_core.errors import CheckpointFileNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from config_core.checkpoint import HubOptions

__all__ = ["ConfigFile", "read_config", "read_json"]


class ConfigFile:
    """A config file that was read, for all the parts of a load that want something of it.

    Attributes:
        path: The file.
        name: Name of the checkpoint that it belongs to.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        """Read a file.

        Raises:
            ConfigFileError: It holds no JSON object.
        """
        self.path = path
        self.name = name
        self._content = read_at_most(path, MAX_CONFIG_BYTES)
        self._values: dict[str, Any] | None = decode_config(self._content, path=path)

    @property
    def values(self) -> Mapping[str, Any]:
        """What the file says, to be looked at and not changed."""
        if self._values is None:
            self._values = decode_config(self._content, path=self.path)
        return self._values

    def take(self) -> dict[str, Any]:
        """Return what the file says, for the caller to keep and to change. Only a second call parses it again."""
        values, self._values = self._values, None
        return decode_config(self._content, path=self.path) if values is None else values

    def inside(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the same opened checkpoint with this file as its config, which `read_config` does not read again."""
        view = copy.copy(checkpoint)
        view.config_file = self
        return view


def read_config(source: str | os.PathLike[str] | Checkpoint, options: HubOptions | None = None) -> ConfigFile:
    """Read the config file of a checkpoint, or a JSON file of any name."""
    path = existing_path(source) if isinstance(source, (str, os.PathLike)) else None
    if path is not None and path.is_file():
        return ConfigFile(path, name=os.fspath(path.parent))
    checkpoint = open_checkpoint(source, options)
    if isinstance(checkpoint.config_file, ConfigFile):
        return checkpoint.config_file
    try:
        return ConfigFile(checkpoint.local_path(CONFIG_NAME), name=checkpoint.name)
    except CheckpointFileNotFoundError as error:
        raise CheckpointFileNotFoundError(
            checkpoint=error.checkpoint,
            filename=CONFIG_NAME,
            hint="A checkpoint is what save_pretrained of a config or model writes.",
        ) from None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ConfigFileError: It holds no JSON object.
    """
    return decode_config(read_at_most(path, MAX_CONFIG_BYTES), path=path)
