"""Where the files of trusted code lie: the one that the environment names, or the project's and the user's.

A project's file is found upwards from the working directory, and whoever can write it can make code run. So one that
somebody else owns or may write is not used; the store says so, and refusals repeat it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from auto_registry.code_load import CodeLoad
from config_core.checkpoint import blobs_of_snapshot
from config_core.errors import ConfigCoreError
from hub_io.trust._store import TrustFile, TrustStore

__all__ = [
    "PROJECT_STORE",
    "STORE_VARIABLE",
    "checkpoints_around",
    "find_store",
    "named_store_path",
    "project_store_path",
    "user_store_path",
]

STORE_VARIABLE = "HUB_IO_TRUST_STORE"
PROJECT_STORE = "hub-code.lock"


def find_store() -> TrustStore:
    """Return the trust store of this process: nothing of it is read yet.

    It has the file that `HUB_IO_TRUST_STORE` names and no other, or else the project's, then the user's.
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


def project_store_path(start: Path | None = None) -> Path | None:
    """Return the nearest `hub-code.lock` in a folder or above it, or None.

    Args:
        start: Where to begin; the working directory if None.
    """
    try:
        start = Path.cwd() if start is None else start.resolve()
    except OSError:  # the working directory was removed
        return None
    return next((path for folder in (start, *start.parents) if _exists(path := folder / PROJECT_STORE)), None)


def checkpoints_around() -> tuple[Path, ...]:
    """Return the folder of the project's file, if it or one around it seems to be a checkpoint that ships code.

    Folders between the working directory and the file count too: one checkpoint may hold another in a subfolder. What
    lies there may be data of code whose own folder nobody knows.
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
    except (ConfigCoreError, OSError, ValueError):  # which nothing can be loaded from either
        return False


def user_store_path() -> Path | None:
    """Return the user's file, which need not exist, or None for a user without a home."""
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
    """Return why a file that was found may not be used, or None."""
    if blobs_of_snapshot(Path(os.path.realpath(path.parent))) is not None:
        return "came with a repository that was downloaded, and is data like the rest of it"
    if os.name == "nt":
        return None
    places = (path.parent.stat(), path.lstat(), path.stat())
    if any(place.st_uid not in {os.geteuid(), 0} for place in places[1:]):
        return "belongs to another user"
    if any(_anybody_may_write(place) for place in places):
        return "can be written or replaced by everybody"
    return None


def _anybody_may_write(place: os.stat_result) -> bool:
    """Tell it of a file, or of a folder in which everybody may replace the files of others."""
    if stat.S_ISLNK(place.st_mode):
        return False  # a link's own mode means nothing
    sticky_folder = stat.S_ISDIR(place.st_mode) and place.st_mode & stat.S_ISVTX
    return bool(place.st_mode & stat.S_IWOTH and not sticky_folder)
