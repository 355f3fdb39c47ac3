"""Where the code behind an `auto_map` reference lies: beside the config, in another repository, or loaded already."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from config_core.checkpoint import Checkpoint, FolderCheckpoint
from config_core.code import bundle_of
from hub_io.code._bundle_collection import collect_bundle, references_beside
from hub_io.errors import CodeRevisionError
from hub_io.repo_checkpoint import DownloadOptions, RepoCheckpoint, open_repository
from hub_io.trust import folders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config_core.code import ClassReference, CodeBundle

__all__ = ["RemoteCode", "find_code"]


class RemoteCode:
    """Code of one folder or repository. It is fetched and read when somebody first looks at it, and once.

    Attributes:
        source: The folder or repository that holds it, as the caller or the config names it.
        wanted: The class in it that is asked for.
        pin: The option that pins its commit, `revision` or `code_revision`.
        load: The checkpoint or class whose load needs it.
        at_hand: Whether it lies in the opened checkpoint itself, or is loaded already: then reading it contacts nobody
            new.
    """

    def __init__(
        self,
        source: str,
        wanted: ClassReference,
        collect: Callable[[], tuple[CodeBundle, Checkpoint | None]],
        *,
        pin: str = "revision",
        load: Checkpoint | type[Any] | None = None,
        at_hand: bool = True,
        folders: tuple[Path, ...] = (),
    ) -> None:
        """Describe code.

        Args:
            source: The folder or repository that holds it.
            wanted: The class in it that is asked for.
            collect: Returns the bundle, and the checkpoint that holds it, or None for code that lies in none.
            pin: The option that pins its commit.
            load: The checkpoint or class whose load needs it.
            at_hand: Whether reading it contacts nobody new.
            folders: Folders that it came from, if it is loaded already.
        """
        self.source = source
        self.wanted = replace(wanted, repo=None)
        self.pin = pin
        self.load = load
        self.at_hand = at_hand
        self._collect = collect
        self._folders = folders

    @property
    def bundle(self) -> CodeBundle:
        """The files, with their digests.

        Raises:
            SourceCodeError: A file is missing, too large, or no Python.
            CheckpointNotFoundError: The repository that holds the code cannot be opened.
        """
        return self._collected[0]

    @property
    def commit(self) -> str | None:
        """The commit that the files are from, None for a folder."""
        holder = self._collected[1]
        return None if holder is None else holder.commit

    @property
    def pinned(self) -> bool:
        """Whether it was this commit that was asked for, and no branch or tag that is at it now. True for a folder."""
        holder = self._collected[1]
        return holder.pinned if isinstance(holder, RepoCheckpoint) else True

    @cached_property
    def place(self) -> str:
        """What a trust store calls the source: a repository's name, or the full path of a folder."""
        folder = isinstance(self.load, FolderCheckpoint) and self.at_hand
        return os.path.realpath(self.source) if folder else self.source

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders on this machine that hold the checkpoint: what lies there is data, and grants nothing."""
        if isinstance(self.load, RepoCheckpoint):
            return (self.load.snapshot,)
        return (Path(self.load.name),) if isinstance(self.load, FolderCheckpoint) else self._folders

    @cached_property
    def _collected(self) -> tuple[CodeBundle, Checkpoint | None]:
        return self._collect()


def find_code(
    origin: Checkpoint | type[Any],
    auto_map: Mapping[str, Any],
    auto_class: str,
    *,
    code_revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    find_pin: Callable[[str], str | None] = lambda _: None,
) -> RemoteCode:
    """Find the code of the class that an `auto_map` names. Nothing is fetched or read yet.

    Args:
        origin: The checkpoint that has the `auto_map`, or a class that came out of its code before.
        auto_map: Name of an auto class to a reference.
        auto_class: The name that is wanted.
        code_revision: Revision of the repository that holds the code: the other one that the reference names, or the
            checkpoint's own, whose config and weights stay at theirs.
        token: Access token for the hub.
        cache_dir: Where downloads are kept.
        local_files_only: Use what was downloaded before and no network.
        find_pin: Returns the commit of another repository to use where `code_revision` says none, or None.

    Raises:
        ClassReferenceError: The reference is malformed.
        CodeRevisionError: `code_revision` is given for code in a folder.
    """
    own = origin.name if isinstance(origin, Checkpoint) and origin.commit is not None else None
    references = references_beside(auto_map, auto_class, own=own)
    wanted = references[auto_class]
    here = {name: replace(reference, repo=None) for name, reference in references.items()}

    def collect_from(open_holder: Callable[[], Checkpoint]) -> Callable[[], tuple[CodeBundle, Checkpoint | None]]:
        def collect() -> tuple[CodeBundle, Checkpoint | None]:
            holder = open_holder()
            return collect_bundle(holder, here, wanted=here[auto_class]), holder

        return collect

    def collect_from_repository(
        repo: str, revision: str | None, subfolder: str = ""
    ) -> Callable[[], tuple[CodeBundle, Checkpoint | None]]:
        options = _options(origin, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        return collect_from(
            lambda: _open_once(
                origin, repo, revision=revision, subfolder=subfolder, first=wanted.filename, options=options
            )
        )

    if (repo := wanted.repo) is not None:
        collect = collect_from_repository(repo, code_revision or find_pin(repo))
        return RemoteCode(repo, wanted, collect, pin="code_revision", load=origin, at_hand=False)
    if not isinstance(origin, Checkpoint):
        bundle = bundle_of(origin)
        if bundle is None:
            raise TypeError(f"{origin!r} did not come out of the code of a checkpoint.")
        folders = folders_of(bundle.digest)
        return RemoteCode(origin.__module__, wanted, lambda: (bundle, None), load=origin, folders=folders)
    if code_revision is None:
        return RemoteCode(origin.name, wanted, collect_from(lambda: origin), load=origin)
    if own is None:
        raise CodeRevisionError(
            f"code_revision={code_revision!r} was passed, but {wanted.filename} of {origin} lies in that folder, which "
            "has no revisions. Leave code_revision out; code that lies in a repository can be pinned by trusting it at "
            "a commit (`hub-io trust`)."
        )
    collect = collect_from_repository(own, code_revision, origin.subfolder)
    return RemoteCode(own, wanted, collect, pin="code_revision", load=origin, at_hand=False)


# Repositories that hold the code of a checkpoint, by the checkpoint or class that needs it.
_opened: WeakKeyDictionary[Checkpoint | type[Any], dict[tuple[Any, ...], RepoCheckpoint]] = WeakKeyDictionary()


def _open_once(
    origin: Checkpoint | type[Any],
    repo: str,
    *,
    revision: str | None,
    subfolder: str,
    first: str,
    options: DownloadOptions,
) -> RepoCheckpoint:
    """Open another repository for all the classes of a load, so that they come from one commit of it."""
    opened = _opened.setdefault(origin, {})
    key = (repo, revision, subfolder, options)
    if key not in opened:
        found = open_repository(repo, revision=revision, subfolder=subfolder, first=first, options=options)
        opened.setdefault(key, found)  # another thread may have opened it meanwhile, at another commit
    return opened[key]


def _options(
    origin: Checkpoint | type[Any],
    *,
    token: str | bool | None,
    cache_dir: str | os.PathLike[str] | None,
    local_files_only: bool,
) -> DownloadOptions:
    """Return how to fetch code of another repository or commit: as the caller says, else as the checkpoint came."""
    options = origin.options if isinstance(origin, RepoCheckpoint) else DownloadOptions()
    return replace(
        options,
        token=options.token if token is None else token,
        cache_dir=options.cache_dir if cache_dir is None else cache_dir,
        local_files_only=options.local_files_only or local_files_only,
    )
