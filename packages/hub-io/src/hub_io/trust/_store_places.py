"""Locations of trust files: the file that the environment names, or the project's and the user's.

The project's file is searched upwards from the working directory. Its entries let code run, so a file that another user
owns or can write, or replace in a folder of that user, is not used; refusals name it and say why.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from auto_registry.code_load import CodeLoad
from config_core.checkpoint import blobs_of_snapshot
from config_core.errors import ConfigCoreError
from hub_io.trust._file_format import PROJECT_STORE
from hub_io.trust._store import TrustFile, TrustStore

__all__ = [
    "STORE_VARIABLE",
    "checkpoints_around",
    "find_store",
    "named_store_path",
    "project_store_path",
    "user_store_path",
]

STORE_VARIABLE = "HUB_IO_TRUST_STORE"


def find_store() -> TrustStore:
    """Return the trust store of this process, without reading its files yet.

    If `HUB_IO_TRUST_STORE` is set, the store has only that file; otherwise the project's file and then the user's.
    """
    if (named := named_store_path()) is not None:
        return TrustStore((TrustFile(named),))
    used: list[TrustFile] = []
    ignored: dict[Path, str] = {}
    for path in (project_store_path(), user_store_path()):
        if path is None or not _exists(path):
            continue
        if reason := _why_not(path):
            ignored[path] = reason
        else:
            used.append(TrustFile(path))
    return TrustStore(tuple(used), ignored)


def named_store_path() -> Path | None:
    """Return the file that `HUB_IO_TRUST_STORE` names, or None."""
    named = os.environ.get(STORE_VARIABLE)
    return Path(os.path.abspath(os.path.expanduser(named))) if named else None  # noqa: PTH100, PTH111 - never raises


def project_store_path() -> Path | None:
    """Return the nearest `hub-code.lock` in the working directory or above it, or None."""
    try:
        start = Path.cwd()
    except OSError:  # the working directory was removed
        return None
    return next((path for folder in (start, *start.parents) if _exists(path := folder / PROJECT_STORE)), None)


def checkpoints_around() -> tuple[Path, ...]:
    """Return the folder of the project's trust file if a checkpoint with code may contain that file.

    It may if the folder, one above it, or one between it and the working directory is a checkpoint that ships code: one
    checkpoint may contain another in a subfolder. This is for code whose own folder is unknown.
    """
    path = project_store_path()
    if path is None:
        return ()
    homes = {path.parent, Path(os.path.realpath(path)).parent}
    starts = {Path.cwd(), *homes}
    if any(_ships_code(folder) for start in starts for folder in (start, *start.parents)):
        return tuple(sorted(homes))
    return ()


def _ships_code(folder: Path) -> bool:
    from config_core.checkpoint import CONFIG_NAME, FolderCheckpoint

    if not _exists(folder / CONFIG_NAME):
        return False
    try:
        return bool(CodeLoad.of_checkpoint(FolderCheckpoint(folder)).auto_map)
    except (ConfigCoreError, OSError, ValueError):  # nothing can be loaded from it either
        return False


def user_store_path() -> Path | None:
    """Return the user's file, which may not exist, or None if the user has no home folder."""
    windows = os.name == "nt"
    folder = os.environ.get("APPDATA" if windows else "XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # noqa: PTH117 - of a text that may be empty
        try:
            folder = str(Path.home() / ("AppData/Roaming" if windows else ".config"))
        except RuntimeError:
            return None
    return Path(folder) / "hub-io" / "trust.json"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _why_not(path: Path) -> str | None:
    """Return why a file may not be used, or None."""
    if blobs_of_snapshot(Path(os.path.realpath(path.parent))) is not None:
        return "is part of a downloaded repository, and a checkpoint cannot declare itself trusted"
    if os.name == "nt":
        return None
    places = (path.parent.stat(), path.lstat(), path.stat())
    others = {place.st_uid for place in places} - {os.geteuid(), 0}
    if others:
        setting = f"{STORE_VARIABLE}={shlex.quote(str(path))}"
        return (
            f"belongs to another user (uid {min(others)}), or its folder does. If you trust that user, set {setting}, "
            "which then is the only trust file in use"
        )
    if any(_anybody_may_write(place) for place in places):
        return "can be written or replaced by anybody"
    return None


def _anybody_may_write(place: os.stat_result) -> bool:
    """Return whether anybody may write a file, or may replace files in a folder."""
    if stat.S_ISLNK(place.st_mode):
        return False  # a link's own mode means nothing
    sticky_folder = stat.S_ISDIR(place.st_mode) and place.st_mode & stat.S_ISVTX
    return bool(place.st_mode & stat.S_IWOTH and not sticky_folder)
