"""Names that were read from a file, and links in a folder.

They may come from an attacker: nothing may point outside the checkpoint's folder.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

from config_core.errors import UnsafeNameError

__all__ = [
    "JOURNAL",
    "SAVE_STATE",
    "blobs_of_snapshot",
    "check_links",
    "check_relative_name",
    "expand_home",
    "is_save_state",
]

# What the names of files and folders begin with that saves use for themselves while they run.
SAVE_STATE = ".pretrained-save"
JOURNAL = f"{SAVE_STATE}.json"

_MAX_LENGTH = 1024
_MAX_PART_BYTES = 255  # what file systems allow
# Names that Windows opens as devices, whatever their extension.
_PORTS = {f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"}
_DEVICES = _PORTS | {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}

# Where the client of a hub keeps a repository at one commit: `models--owner--name/snapshots/<commit>`.
_CACHED_REPO = r"(?a:(models|datasets|spaces|kernels)--[\w.-]+)"
_COMMIT = r"[0-9a-f]{40}([0-9a-f]{24})?"
_XET_HASH = r"[0-9a-f]{64}"
_STORE_MARKER = ".huggingface-shared-blobs"


def expand_home(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder for a `~` in front, as a shell has it.

    `./~x`, a folder whose name begins with `~`, comes back absolute: pathlib drops the `./` that says so.

    Raises:
        RuntimeError: There is no such home folder.
    """
    plain = Path(path)
    if os.fspath(path).startswith("~"):
        return plain.expanduser()
    return plain.absolute() if plain.parts[:1] and plain.parts[0].startswith("~") else plain


def check_relative_name(name: str, *, where: str) -> str:
    """Return `name` if it is a plain relative name with forward slashes, such as `a.safetensors` or `sub/a.py`.

    Args:
        name: The name, relative to some folder.
        where: The file or setting that holds the name, for the error.

    Raises:
        UnsafeNameError: The name is absolute, climbs with `..`, or contains a backslash, a drive, a control character,
            an empty part or a device name.
    """
    given: object = name  # a file may have a value of any type in place of a name
    if reason := _unsafe(given) if isinstance(given, str) else "is not a string":
        raise UnsafeNameError(name, where=where, reason=reason)
    return name


def is_save_state(name: str) -> bool:
    """Return whether a name is one of those that saves use for themselves while they run.

    Such files are no part of a checkpoint, wherever they come from.
    """
    return SAVE_STATE in name and any(part.startswith(SAVE_STATE) for part in name.split("/"))


def check_links(name: str, path: Path, *, top: Path, blobs: Path | None = None) -> None:
    """Check that no link leads from a name in a checkpoint to a file or folder outside it.

    A snapshot in the cache of a hub's client is made of links, `snapshots/<commit>/<name>` to `blobs/<digest>`. Those
    to the repository's own blobs are followed, and from there into the store that all repositories of a cache share.

    Args:
        name: Its name, for the error.
        path: Its path.
        top: The checkpoint's folder, which may be a link itself.
        blobs: Where the links of the snapshot lead; derived from the path of the folder if None.

    Raises:
        UnsafeNameError: It lies elsewhere.
    """
    if os.name != "nt" and not _is_below_link(path, top):  # Windows knows more kinds of links
        return
    real, folder = Path(os.path.realpath(path)), Path(os.path.realpath(top))
    if folder in real.parents:
        return
    own = Path(os.path.realpath(blobs)) if blobs else blobs_of_snapshot(folder)
    if own is None or not (own in real.parents or _is_shared_blob(real, linked_from=path, own=own)):
        raise UnsafeNameError(name, where=str(top), reason=f"is a link to {str(real)!r}, outside of it")


def _is_shared_blob(real: Path, *, linked_from: Path, own: Path) -> bool:
    """Return whether a snapshot's link leads through the repository's own blobs into the cache's shared store.

    The client keeps what came by xet at `<cache>/blobs/<two digits>/<xet hash>`, and puts a marker into that store
    (huggingface_hub 2.4, `utils/_shared_blobs.py`).
    """
    store = own.parent.parent / "blobs"
    if real.parent.parent != store or real.parent.name != real.name[:2] or not re.fullmatch(_XET_HASH, real.name):
        return False
    through = linked_from.parent / linked_from.readlink() if linked_from.is_symlink() else linked_from
    return Path(os.path.realpath(through.parent)) == own and _is_marked_store(store) and real.is_file()


def _is_marked_store(store: Path) -> bool:
    try:
        return not store.is_symlink() and (store / _STORE_MARKER).read_text(encoding="utf-8") == "1\n"
    except (OSError, UnicodeError):
        return False


def _is_below_link(path: Path, top: Path) -> bool:
    """Return whether a path, or a folder between it and the top, is a link."""
    below, above = os.fspath(path), os.fspath(top)
    while len(below) > len(above):
        if os.path.islink(below):  # noqa: PTH114 - ten times as fast
            return True
        below = os.path.dirname(below)  # noqa: PTH120
    return below != above


def blobs_of_snapshot(folder: Path) -> Path | None:
    """Return the folder that the links of a snapshot point to, in the cache of a hub's client.

    Args:
        folder: A snapshot or a folder in it, without links in its path.

    Returns:
        The blobs of the repository, or None if the folder is not in a snapshot.
    """
    for snapshot in (folder, *folder.parents):
        repo = snapshot.parent.parent
        is_snapshot = snapshot.parent.name == "snapshots" and re.fullmatch(_COMMIT, snapshot.name)
        if is_snapshot and re.match(_CACHED_REPO, repo.name):
            return repo / "blobs"
    return None


@functools.lru_cache(maxsize=1024)  # a load asks for the same few names again and again
def _unsafe(name: str) -> str | None:
    """Return why a name is unsafe, or None."""
    if not name:
        return "is empty"
    if len(name) > _MAX_LENGTH:
        return f"is longer than {_MAX_LENGTH} characters"
    if name.startswith(("/", "~")):
        return "is absolute"
    if any(character in '\\:*?"<>|' or not character.isprintable() for character in name):
        return "contains a character that is special in paths, or not printable"
    return next(filter(None, map(_unsafe_part, name.split("/"))), None)


def _unsafe_part(part: str) -> str | None:
    """Return why one part of a name is unsafe, or None."""
    if part in {"", ".", ".."}:
        return "has an empty, '.' or '..' part"
    if part != part.strip() or part.endswith("."):
        return "has a part that begins or ends with a space or ends with a dot"
    if len(part.encode()) > _MAX_PART_BYTES:
        return f"has a part of more than {_MAX_PART_BYTES} bytes"
    if part.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        return "is a device on some systems"
    return None
