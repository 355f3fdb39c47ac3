"""The files of a folder that are pushed: what a load would read, and nothing that people and tools keep beside it.

The folder is read as a load reads it: if a save into it was interrupted, the files are those of the new save.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from config_core import FolderCheckpoint
from config_core.errors import CheckpointFileNotFoundError, CheckpointNotFoundError
from config_core.messages import escaping_logger
from hub_io.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["FolderFiles"]

# Names that keys and logins have. Hidden files are never pushed anyway.
_PRIVATE = re.compile(
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?(\.pub)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|env)|_?netrc"
    r"|(credentials|secrets)(\.(json|ya?ml|toml|txt|ini|cfg))?",
    re.IGNORECASE,
)
# What training leaves beside a checkpoint: state of optimizers, logs, earlier checkpoints, drafts of editors.
_LEFTOVER = re.compile(
    r"(.*/)?(__pycache__|wandb|mlruns|lightning_logs|runs|checkpoint-\d+)/.*"
    r"|(.*/)?(optimizer|scheduler|scaler|rng_state|training_args|trainer_state)[\w-]*\.(pt|pth|bin|json|safetensors)"
    r"|(.*/)?events\.out\.tfevents\..*|.*\.(log|lock|tmp|bak|swp|pyc|incomplete)|.*~",
    re.IGNORECASE,
)
_READ_AT_ONCE = 1_000_000
_LOG = escaping_logger("hub_io")


class FolderFiles:
    """The files to push, as they were when this was made.

    Attributes:
        checkpoint: The folder.
        contents: Name, with forward slashes, to content: the bytes of a small file, the path of a large one.
    """

    def __init__(self, folder: Path, *, include: Collection[str] = ()) -> None:
        """Read a folder.

        Hidden files and folders are left out. Files with the names of keys and logins, and what training leaves beside
        a checkpoint, are too, with a warning in the log.

        Args:
            folder: The folder.
            include: Names of files that are pushed nevertheless.

        Raises:
            CheckpointNotFoundError: There is no such folder, or nothing in it.
            CheckpointFileNotFoundError: A file is a link to what does not exist, or one of `include` is missing.
            CheckpointChangedError: It was saved to meanwhile.
            UnsafeNameError: A link leads to a file outside: that file is not the folder's to be published.
        """
        if not folder.is_dir():
            raise CheckpointNotFoundError(f"There is no folder {str(folder)!r} to push.", source=str(folder))
        self.checkpoint = FolderCheckpoint(folder)
        self._folder = folder
        self.contents: dict[str, bytes | Path] = {}
        self._states: dict[Path, tuple[int, ...]] = {}
        names = self._names(include)
        with self.checkpoint.reading():
            for name in names:
                self._add(name)
        if not self.contents:
            raise CheckpointNotFoundError(f"The folder {str(folder)!r} has no files to push.", source=str(folder))
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise an error if a file is another one by now.

        Raises:
            HubError: A save came between; what was uploaded would be a mixture.
        """
        changed = [path for path, state in self._states.items() if not path.is_file() or _state(path) != state]
        if changed or self.checkpoint.was_replaced():
            names = ", ".join(ascii(path.relative_to(self._folder).as_posix()) for path in changed)
            raise HubError(
                f"{names or 'The checkpoint'} of {str(self._folder)!r} changed while the folder was pushed. Nothing "
                "was committed. Push it again when nothing writes to it.",
                source=str(self._folder),
            )

    def _names(self, include: Collection[str]) -> list[str]:
        """Return the names of the files to push, sorted; log those that stay."""
        named, found = set(include), self.checkpoint.filenames()
        visible = {name for name in found if not any(part.startswith(".") for part in name.split("/"))}
        private = sorted(name for name in visible - named if _PRIVATE.fullmatch(name.rpartition("/")[2]))
        leftover = sorted(name for name in visible - named if _LEFTOVER.fullmatch(name))
        if private:
            _LOG.warning("Not pushed, because keys and logins have such names: %s", ", ".join(map(ascii, private)))
        if stays := [name for name in leftover if not name.endswith(".pyc")]:
            _LOG.warning(
                "Not pushed, because they are no part of a checkpoint: %s. Name those that are in include=.",
                ", ".join(map(ascii, stays)),
            )
        return sorted((visible - set(private) - set(leftover)) | named)

    def _add(self, name: str) -> None:
        path = self._folder / name
        if path.is_symlink() and not path.exists():
            raise CheckpointFileNotFoundError(
                checkpoint=f"The folder {str(self._folder)!r}",
                filename=name,
                hint="It is a link to what does not exist.",
            )
        if path.exists() and not path.is_file():  # a pipe or a device
            return
        path = self.checkpoint.local_path(name)
        self._states[path] = _state(path)
        self.contents[name] = path if path.stat().st_size > _READ_AT_ONCE else path.read_bytes()


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
