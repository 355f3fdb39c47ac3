"""Which files of a folder are pushed: what a save writes, and nothing that people keep beside it for themselves."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from config_core.checkpoint import check_links

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["files_to_push"]

# Names under which keys and logins lie around. What begins with a dot stays at home anyway.
_PRIVATE = re.compile(
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?(\.pub)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|env)|_?netrc"
    r"|(credentials|secrets)(\.(json|ya?ml|toml|txt|ini|cfg))?",
    re.IGNORECASE,
)
_CACHES = {"__pycache__"}
_LOG = logging.getLogger("hub_io")


def files_to_push(folder: Path) -> dict[str, Path]:
    """Return the files of a folder that a push uploads, by name with forward slashes.

    Hidden files and folders and byte code are left out; files with the names of keys and logins too, with a warning in
    the log.

    Raises:
        UnsafeNameError: A link leads to a file outside: that file is not the folder's to be published.
    """
    found, private = {}, []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_file() or any(part.startswith(".") or part in _CACHES for part in parts):
            continue
        name = "/".join(parts)
        if any(map(_PRIVATE.fullmatch, parts)):
            private.append(name)
            continue
        check_links(name, path, top=folder)
        found[name] = path
    if private:
        _LOG.warning("Not pushed, because of names that keys and logins have: %s", ", ".join(map(ascii, private)))
    return found
