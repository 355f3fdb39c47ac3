"""Opening a checkpoint: a folder of this machine, or a repository on the hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Unpack

from config_core.checkpoint._checkpoint import Checkpoint, FolderCheckpoint
from config_core.checkpoint._hub_service import HubKeywords, HubOptions, hub_service
from config_core.checkpoint._safe_names import check_relative_name, expand_home
from config_core.errors import CheckpointNotFoundError

__all__ = ["existing_path", "open_checkpoint"]

# `name` or `owner/name`; the hub itself judges the finer rules.
_REPO_ID = r"(?a)[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?"


def existing_path(source: str | os.PathLike[str]) -> Path | None:
    """Return the path of an existing file or folder, with `~` expanded, or None if there is none.

    Raises:
        PermissionError: The path may not be looked at.
    """
    if not os.fspath(source):
        return None  # pathlib takes it for the current folder
    try:
        path = expand_home(source)
        return path if path.exists() else None
    except PermissionError:
        raise
    except (OSError, RuntimeError, ValueError):  # not a valid file name, or an unknown home folder
        return None


def _why_no_repository(source: str | os.PathLike[str]) -> str | None:
    """Return why a name that no file or folder has cannot be that of a repository, or None if it can."""
    if isinstance(source, str) and "://" in source:
        return "is a URL: pass the repository alone, as 'owner/name'"
    if not isinstance(source, str) or not re.fullmatch(_REPO_ID, source):
        return "does not exist, and is not a repository 'owner/name' either"
    return "is a broken link" if Path(source).is_symlink() else None


def _check_opened_with(checkpoint: Checkpoint, options: HubOptions) -> None:
    """Check that a checkpoint was opened with the revision and the subfolder that a caller asks for, if any."""
    opened = getattr(checkpoint, "options", options)
    if options.subfolder not in {"", checkpoint.subfolder}:
        given = f"subfolder={options.subfolder!r}"
    elif checkpoint.commit and options.revision not in {None, checkpoint.commit, opened.revision or "main"}:
        given = f"revision={options.revision!r}"
    else:
        return
    raise ValueError(f"{given} does not apply to {checkpoint}, which is open already. Pass it to open_checkpoint().")


def open_checkpoint(
    source: str | os.PathLike[str] | Checkpoint, options: HubOptions | None = None, **named: Unpack[HubKeywords]
) -> Checkpoint:
    """Open a checkpoint once, for all files of a load.

    Args:
        source: A folder, a repository `owner/name` on the hub, or a checkpoint that is already open, which is returned
            as it is: `revision` and `subfolder` must be those that it was opened with, or left out. An existing folder
            takes precedence over a repository of the same name.
        options: The hub options.
        **named: Hub options by name, such as `revision="v1"`; they replace those in `options`.

    Raises:
        CheckpointNotFoundError: There is no such folder, repository or revision.
        MissingServiceError: A repository is named, and `pretrained-hub-io` is not installed.
        UnsafeNameError: `subfolder` is not a plain relative name.
        TypeError: `source` has another type, or there is no such option.
        ValueError: A checkpoint that is open already was opened with another `revision` or `subfolder`.
    """
    options = HubOptions() if options is None else options
    if named:
        options = HubOptions(**{**options._asdict(), **named})
    if isinstance(source, Checkpoint):
        _check_opened_with(source, options)
        return source
    if not isinstance(source, (str, os.PathLike)):
        given = f"an object of type {type(source).__name__}"
        raise TypeError(f"Expected a folder, a repository 'owner/name' or a Checkpoint, got {given}.")
    path = existing_path(source)
    if path is not None and path.is_dir():
        return FolderCheckpoint(path, subfolder=options.subfolder)
    # An existing file is never taken for a repository of the same name.
    reason = (
        "is a file, not a folder: pass the folder that it is in" if path is not None else _why_no_repository(source)
    )
    if reason is not None:
        raise CheckpointNotFoundError(f"The folder {os.fspath(source)!r:.300} {reason}.", source=os.fspath(source))
    if options.subfolder:
        check_relative_name(options.subfolder, where="subfolder")
    name = os.fspath(source)
    hub = hub_service(f"There is no folder {name!r}, and opening a repository of that name on a hub")
    return hub.open(name, options)
