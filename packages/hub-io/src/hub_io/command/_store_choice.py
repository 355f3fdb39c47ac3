"""The trust file that a verb writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hub_io.errors import TrustStoreError
from hub_io.trust import (
    PROJECT_STORE,
    STORE_VARIABLE,
    TrustFile,
    TrustStore,
    find_store,
    named_store_path,
    project_store_path,
    user_store_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_io.code import RemoteCode

__all__ = ["Owner", "choose_file", "refuse_file_in_checkpoint", "store_options", "store_to_change"]

Owner = Literal["project", "user"]


def store_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--project` and `--user`, which choose a trust file: the parameter `owner`."""
    project = click.option(
        "--project", "owner", flag_value="project",
        help=f"The project's file: the nearest {PROJECT_STORE}, or a new one in the working directory.",
    )  # fmt: skip
    user = click.option(
        "--user",
        "owner",
        flag_value="user",
        help="The user's file. Default: the project's if there is one, else the user's.",
    )
    return project(user(function))


def choose_file(owner: Owner | None) -> TrustFile:
    """Return the file to add entries to.

    Raises:
        click.UsageError: The user has no home folder, or the options contradict `HUB_IO_TRUST_STORE`.
        TrustStoreError: Loads would not use the file.
    """
    path = _path_of(owner)
    if why := find_store().ignored.get(path):
        raise TrustStoreError(f"it is not used, because it {why}. Change that, or use another file.", path=path)
    return TrustFile(path)


def store_to_change(owner: Owner | None) -> TrustStore:
    """Return the files to remove entries from: the chosen one, or all files in use."""
    return find_store() if owner is None else TrustStore((choose_file(owner),))


def refuse_file_in_checkpoint(file: TrustFile, code: RemoteCode) -> None:
    """Raise if a trust file is inside the checkpoint whose code it would trust: loads would not use it.

    Raises:
        TrustStoreError: It is.
    """
    for folder in code.folders:
        if not TrustStore((file,)).without(folder).files:
            raise TrustStoreError(
                "it is inside the checkpoint, which cannot declare itself trusted. Run this from another folder, or "
                "pass --user.",
                path=file.path,
            )


def _path_of(owner: Owner | None) -> Path:
    if (named := named_store_path()) is not None:
        if owner is not None:
            raise click.UsageError(f"{STORE_VARIABLE} names the only file in use. Unset it, or omit --{owner}.")
        return named
    project = project_store_path()
    if owner == "project" or (owner is None and project is not None):
        return project or Path(os.path.abspath(PROJECT_STORE))  # noqa: PTH100 - keeps links
    user = user_store_path()
    if user is None:
        raise click.UsageError(f"This user has no home folder. Pass --project, or set {STORE_VARIABLE}.")
    return user
