"""Opening a checkpoint: a folder of this machine, or a repository on the hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from config_core.checkpoint._checkpoint import Checkpoint, FolderCheckpoint
from config_core.checkpoint._hub_service import hub_service
from config_core.checkpoint._safe_names import check_relative_name
from config_core.errors import CheckpointNotFoundError

__all__ = ["existing_path", "open_checkpoint"]

# `name` or `owner/name`; the hub itself judges the finer rules.
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)


def existing_path(source: str | os.PathLike[str]) -> Path | None:
    """Return the file or folder that a user names, `~` being the home folder; None if there is none."""
    if not os.fspath(source):
        return None  # pathlib would take it for the current folder
    try:
        path = Path(source).expanduser()
        return path if path.exists() else None
    except PermissionError:
        raise
    except (OSError, RuntimeError, ValueError):  # no name of a file at all, or the home of nobody
        return None


def _why_no_repository(source: str | os.PathLike[str]) -> str | None:
    """Say why a name that is no folder's and no file's cannot be a repository's; None if it can."""
    if not isinstance(source, str) or not _REPO_ID.fullmatch(source):
        return "does not exist, and is no repository 'owner/name' either"
    return "is a link to what does not exist" if Path(source).is_symlink() else None


def open_checkpoint(
    source: str | os.PathLike[str] | Checkpoint,
    *,
    revision: str | None = None,
    subfolder: str = "",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> Checkpoint:
    """Open a checkpoint once, for all the files of a load.

    Args:
        source: A folder, a repository `owner/name` on the hub, or a checkpoint that is already open, which is returned
            as it is. An existing folder is preferred to a repository of the same name.
        revision: Branch, tag or commit of a repository; its default branch if None. Folders have no revisions.
        subfolder: Folder inside the checkpoint, with forward slashes.
        token: Access token for the hub; True for the stored one, False for none, None for the stored one if any.
        cache_dir: Where downloads are kept; the hub's own place if None.
        local_files_only: Use what has been downloaded before and no network.
        force_download: Download again what is already there.

    Raises:
        CheckpointNotFoundError: There is no such folder, repository or revision.
        MissingServiceError: A repository is named and `pretrained-hub-io` is not installed.
        UnsafeNameError: `subfolder` is no plain relative name.
        TypeError: `source` is none of these.
    """
    if isinstance(source, Checkpoint):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"Expected a folder, a repository 'owner/name' or a Checkpoint, got {source!r}.")
    path = existing_path(source)
    if path is not None and path.is_dir():
        return FolderCheckpoint(path, subfolder=subfolder)
    # What is there is never taken for a repository of the same name.
    reason = "is a file, not a folder: name the one it is in" if path is not None else _why_no_repository(source)
    if reason is not None:
        raise CheckpointNotFoundError(f"The folder {os.fspath(source)!r:.300} {reason}.", source=os.fspath(source))
    if subfolder:
        check_relative_name(subfolder, where="subfolder")
    return hub_service().open(
        os.fspath(source),
        revision=revision,
        subfolder=subfolder,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        force_download=force_download,
    )
