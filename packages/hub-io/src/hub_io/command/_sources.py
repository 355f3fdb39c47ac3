"""The checkpoint that a user names: its options, opening it, and finding all its code without running any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from auto_registry.auto_tasks import loadable_names
from auto_registry.code_load import CodeLoad
from config_core.checkpoint import HubOptions, existing_path, open_checkpoint
from hub_io.code import find_each, processing_load
from hub_io.command._screen import busy
from hub_io.hub import DEFAULT_BRANCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config_core.checkpoint import Checkpoint
    from hub_io.code import RemoteCode

__all__ = [
    "Asked",
    "ShippedCode",
    "find_shipped_code",
    "of_source",
    "offline_option",
    "open_source",
    "transformers_option",
]


def offline_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--offline`."""
    return click.option("--offline", is_flag=True, help="Use only what was downloaded before, and no network.")(
        function
    )


def transformers_option(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds `--for-transformers`, with a text for what it does to a verb."""
    return click.option("--for-transformers", is_flag=True, help=text)


def of_source(function: Callable[..., None]) -> Callable[..., None]:
    """Add the argument SOURCE and the options that select its version."""
    for option in (
        offline_option,
        transformers_option("The code of tokenizers and processors, which only load_into_transformers runs."),
        click.option("--code-revision", metavar="REV", help="Revision of the code, in the same or another repository."),
        click.option("--subfolder", default="", metavar="DIR", help="Folder inside the source that holds config.json."),
        click.option("--revision", metavar="REV", help="Branch, tag or commit of a repository; `main` if left out."),
        click.argument("source"),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Asked:
    """The source that a user names, and its version.

    Attributes:
        source: A folder or a repository.
        revision: Branch, tag or commit of a repository.
        subfolder: Folder inside the source that holds config.json.
        code_revision: Revision of the code, in the same or another repository.
        offline: Whether to use no network.
        for_transformers: Whether the code of tokenizers and processors is meant, which only transformers loads.
    """

    source: str
    revision: str | None = None
    subfolder: str = ""
    code_revision: str | None = None
    offline: bool = False
    for_transformers: bool = False


@dataclass(frozen=True, slots=True)
class ShippedCode:
    """All code that a checkpoint ships.

    Attributes:
        checkpoint: The checkpoint.
        codes: The code in each folder or repository, usually only the checkpoint itself. All of it has been read.
        others: Names in `auto_map` that these packages never load, to their values; other libraries may run them.
    """

    checkpoint: Checkpoint
    codes: tuple[RemoteCode, ...]
    others: Mapping[str, Any]


def find_shipped_code(asked: Asked) -> ShippedCode:
    """Open the source, and collect all code that it ships.

    Raises:
        ClassReferenceError: A reference in `auto_map` is malformed.
        SourceCodeError: A file is missing or not Python.
        CheckpointNotFoundError: There is no such folder, repository or revision.
    """
    checkpoint = open_source(asked)
    load = CodeLoad.of_checkpoint(
        checkpoint, HubOptions(local_files_only=asked.offline), code_revision=asked.code_revision
    )
    if asked.for_transformers:
        load = processing_load(load)
    names = load.auto_map.keys() if asked.for_transformers else loadable_names(load.auto_map)
    others = {name: value for name, value in load.auto_map.items() if name not in names}
    codes: list[RemoteCode] = []
    for code in find_each(load, names):
        with busy(f"Reading the code of {code.source} …"):
            _ = code.bundle
        codes.append(code)
    return ShippedCode(checkpoint, tuple(codes), others)


def open_source(asked: Asked) -> Checkpoint:
    """Open the source.

    Unlike a load, this ignores the commit in the trust store: the user wants to see the current code.

    Raises:
        click.UsageError: A revision was given for a folder.
        CheckpointNotFoundError: There is no such folder, repository or revision.
    """
    path = existing_path(asked.source)
    if path is not None and path.is_dir() and asked.revision is not None:
        raise click.UsageError(f"{asked.source!r} is a folder, which has no revisions. Leave --revision out.")
    with busy(f"Opening {asked.source} …"):
        return open_checkpoint(
            asked.source,
            revision=asked.revision or DEFAULT_BRANCH,
            subfolder=asked.subfolder,
            local_files_only=asked.offline,
        )
