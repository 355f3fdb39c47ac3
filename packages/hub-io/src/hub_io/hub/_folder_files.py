"""The files of a folder that are pushed: what a save writes, and nothing that people keep beside it for themselves."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from config_core.checkpoint import check_links
from config_core.errors import CheckpointFileNotFoundError, CheckpointNotFoundError
from hub_io.errors import HubError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderFiles"]

# Names that keys and logins have. Hidden files are never pushed anyway.
_PRIVATE = re.compile(
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?(\.pub)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|env)|_?netrc"
    r"|(credentials|secrets)(\.(json|ya?ml|toml|txt|ini|cfg))?",
    re.IGNORECASE,
)
_CACHES = {"__pycache__"}
_READ_AT_ONCE = 1_000_000
_LOG = logging.getLogger("hub_io")


class FolderFiles:
    """The files to push, as they were when this was made.

    Attributes:
        contents: Name, with forward slashes, to content: the bytes of a small file, the path of a large one.
    """

    def __init__(self, folder: Path) -> None:
        """Read a folder.

        Hidden files and folders and byte code are left out. Files with the names of keys and logins are too, with a
        warning in the log.

        Raises:
            CheckpointNotFoundError: There is no such folder, or nothing in it.
            CheckpointFileNotFoundError: A file is a link to what does not exist.
            UnsafeNameError: A link leads to a file outside: that file is not the folder's to be published.
        """
        if not folder.is_dir():
            raise CheckpointNotFoundError(f"There is no folder {str(folder)!r} to push.", source=str(folder))
        self._folder = folder
        self.contents: dict[str, bytes | Path] = {}
        self._states: dict[Path, tuple[int, ...]] = {}
        private = []
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if any(part.startswith(".") or part in _CACHES for part in parts) or not _is_file(path, folder):
                continue
            name = "/".join(parts)
            if _PRIVATE.fullmatch(path.name):
                private.append(name)
                continue
            check_links(name, path, top=folder)
            self._states[path] = _state(path)
            self.contents[name] = path if path.stat().st_size > _READ_AT_ONCE else path.read_bytes()
        if private:
            _LOG.warning("Not pushed, because keys and logins have such names: %s", ", ".join(map(ascii, private)))
        if not self.contents:
            raise CheckpointNotFoundError(f"The folder {str(folder)!r} has no files to push.", source=str(folder))

    def check_unchanged(self) -> None:
        """Raise an error if a file is another one by now.

        Raises:
            HubError: A save came between; what was uploaded would be a mixture.
        """
        changed = [path for path, state in self._states.items() if not path.is_file() or _state(path) != state]
        if changed:
            names = ", ".join(ascii(path.relative_to(self._folder).as_posix()) for path in changed)
            raise HubError(
                f"{names} of {str(self._folder)!r} changed while the folder was pushed. Nothing was committed. Push it "
                "again when nothing writes to it.",
                source=str(self._folder),
            )


def _is_file(path: Path, folder: Path) -> bool:
    if path.is_symlink() and not path.exists():
        raise CheckpointFileNotFoundError(
            checkpoint=f"The folder {str(folder)!r}",
            filename=path.relative_to(folder).as_posix(),
            hint="It is a link to what does not exist.",
        )
    return path.is_file()


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
