"""Finding the code of an `auto_map` reference: beside the config, in another repository, or already loaded."""

from __future__ import annotations

import os
import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from config_core.checkpoint import FolderCheckpoint, HubOptions
from config_core.code import bundle_of, code_origin_of
from hub_io.code._bundle_collection import collect_bundle, references_beside
from hub_io.code._processing_code import PROCESSING_NAMES
from hub_io.computed_once import computed_once
from hub_io.errors import NoRemoteCodeError
from hub_io.hub import RepoCheckpoint, open_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from auto_registry.code_load import CodeLoad
    from config_core.checkpoint import Checkpoint
    from config_core.code import ClassReference, CodeBundle

__all__ = ["Pins", "RemoteCode", "find_code", "find_each"]


class Pins(Protocol):
    """The commits at which repositories are opened by default: a trust store."""

    def pin(self, repo_id: str) -> str | None:
        """Return the commit of a repository, or None."""

    def explaining_pin(
        self, repo_id: str, commit: str | None, *, option: str = "revision"
    ) -> AbstractContextManager[None]:
        """Open a repository in the block at the commit that `pin` returned. Errors say where it is from."""
        ...


@dataclass(frozen=True, eq=False)
class RemoteCode:
    """The code in one folder or repository. It is fetched and read once, at its first use.

    Attributes:
        source: The folder or repository that holds it, as the caller or the config names it.
        load: The load that needs it.
        collect: Returns the bundle and the checkpoint that holds it, which is None for already loaded code.
        wanted: The requested class, or None for the code as a whole.
        pin: The option that pins its commit, `revision` or `code_revision`.
        at_hand: Whether it is in the opened checkpoint or already loaded, so that reading it contacts no other
            repository.
        loaded_from: Folders that already loaded code came from.
    """

    source: str
    load: CodeLoad
    collect: Callable[[], tuple[CodeBundle, Checkpoint | None]]
    _: KW_ONLY
    wanted: ClassReference | None = None
    pin: str = "revision"
    at_hand: bool = True
    loaded_from: tuple[Path, ...] = ()

    @classmethod
    def of_bundle(
        cls,
        bundle: CodeBundle,
        *,
        source: str,
        load: CodeLoad,
        wanted: ClassReference | None = None,
        folders: Iterable[Path] = (),
    ) -> RemoteCode:
        """Describe code that was collected before.

        Args:
            bundle: The code.
            source: Where it came from, for messages.
            load: The load that needs it.
            wanted: The requested class.
            folders: Folders that it came from.
        """
        return cls(source, load, lambda: (bundle, None), wanted=wanted, loaded_from=tuple(folders))

    @property
    def bundle(self) -> CodeBundle:
        """The files, with their digests.

        Raises:
            SourceCodeError: A file is missing, too large, or not Python.
            CheckpointNotFoundError: The repository that holds the code cannot be opened.
        """
        return self._collected[0]

    @property
    def commit(self) -> str | None:
        """The commit of the files, or None for a folder."""
        holder = self._collected[1]
        return None if holder is None else holder.commit

    @property
    def is_pinned(self) -> bool:
        """Whether the caller asked for this commit, and not for a branch or tag."""
        return self.repository is None or self.repository.pinned

    @property
    def repository(self) -> RepoCheckpoint | None:
        """The opened repository that holds the code; None for a folder, or for code that was loaded before."""
        holder = self._collected[1]
        return holder if isinstance(holder, RepoCheckpoint) else None

    @property
    def owner(self) -> str | None:
        """The owner of the repository that holds the code; None as for `repository`. Nothing is fetched."""
        is_remote = not self.at_hand or isinstance(self.load.checkpoint, RepoCheckpoint)
        return self.source.partition("/")[0] if is_remote and "/" in self.source else None

    @property
    def for_transformers(self) -> bool:
        """Whether it is the code of tokenizers and processors, which only transformers loads."""
        return bool(self.load.auto_map) and self.load.auto_map.keys() <= PROCESSING_NAMES

    @computed_once
    def stored_source(self) -> str:
        """The source in a trust store: name of the repository, or real path of the folder."""
        is_folder = isinstance(self.load.checkpoint, FolderCheckpoint) and self.at_hand
        return os.path.realpath(self.source) if is_folder else self.source

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders on this machine that hold the checkpoint. No trust file in them is used."""
        checkpoint = self.load.checkpoint
        if isinstance(checkpoint, RepoCheckpoint):
            return (checkpoint.snapshot,)
        return (Path(checkpoint.name),) if isinstance(checkpoint, FolderCheckpoint) else self.loaded_from

    def command(self, verb: str) -> str:
        """Return a command for this code, with its source and revisions, to be run as it stands.

        Args:
            verb: `inspect`, `diff` or `trust`.
        """
        checkpoint, code_class = self.load.checkpoint, self.load.code_class
        origin = code_origin_of(code_class) if code_class is not None else None
        source, commit = (self.source, None) if origin is None else (origin.source, origin.commit)
        if checkpoint is not None:
            source, commit = checkpoint.name, checkpoint.commit
        if source.startswith("-"):  # a folder, which would be taken for an option
            source = os.path.join(os.curdir, source)  # noqa: PTH118 - pathlib drops the dot
        words = ["hub-io", verb, source, *(["--revision", commit] if commit else [])]
        if self.pin == "code_revision" and self.commit is not None:
            words += ["--code-revision", self.commit]
        if self.for_transformers:
            words.append("--for-transformers")
        if checkpoint is not None and checkpoint.subfolder:
            words += ["--subfolder", checkpoint.subfolder]
        return shlex.join(words)

    @computed_once
    def _collected(self) -> tuple[CodeBundle, Checkpoint | None]:
        return self.collect()


def find_code(
    load: CodeLoad,
    auto_class: str,
    *,
    pins: Pins | None = None,
    folders: Iterable[Path] = (),
) -> RemoteCode:
    """Find the code of the class that the `auto_map` of a load names. Nothing is fetched or read yet.

    Args:
        load: The load.
        auto_class: The name in its `auto_map`.
        pins: Knows the commits at which to open other repositories if `code_revision` is not given.
        folders: Folders that already loaded code came from.

    Raises:
        ClassReferenceError: The reference is malformed.
        NoRemoteCodeError: `code_revision` is passed for code in a folder.
    """
    checkpoint, revision = load.checkpoint, load.code_revision
    own = checkpoint.name if checkpoint is not None and checkpoint.commit is not None else None
    repo, references = references_beside(load.auto_map, auto_class, own=own)
    wanted = references[auto_class]

    def collect(holder: Checkpoint) -> tuple[CodeBundle, Checkpoint]:
        return collect_bundle(holder, references, wanted=wanted, contents=load.contents), holder

    if repo is not None:
        place, subfolder, pin = repo, "", pins.pin(repo) if pins is not None and revision is None else None
    elif checkpoint is None:
        return _loaded_code(load, wanted, folders)
    elif revision is None:
        return RemoteCode(checkpoint.name, load, lambda: collect(checkpoint), wanted=wanted)
    elif own is not None:
        place, subfolder, pin = own, checkpoint.subfolder, None
    else:
        raise NoRemoteCodeError(
            checkpoint.name,
            f"code_revision={revision!r} was passed, but {wanted.filename} of {checkpoint} is in that folder, and a "
            "folder has no revisions. Omit code_revision; code in a repository can be pinned by trusting it at a "
            "commit (`hub-io trust`).",
        )

    def collect_there() -> tuple[CodeBundle, Checkpoint]:
        explaining = nullcontext() if pins is None else pins.explaining_pin(place, pin, option="code_revision")
        with explaining:
            holder = _open_once(load, place, revision or pin, subfolder, first=wanted.filename)
        return collect(holder)

    return RemoteCode(place, load, collect_there, wanted=wanted, pin="code_revision", at_hand=False)


def find_each(load: CodeLoad, names: Collection[str], *, pins: Pins | None = None) -> Iterator[RemoteCode]:
    """Yield the code of each bundle that has classes of names in the `auto_map` of a load.

    A bundle is fetched and read when the next one is asked for, if not before.

    Args:
        load: The load.
        names: Names in its `auto_map`.
        pins: As for `find_code`.
    """
    left = set(names)
    while left:
        code = find_code(load, min(left), pins=pins)
        yield code
        left -= code.bundle.auto_map.keys()


def _loaded_code(load: CodeLoad, wanted: ClassReference, folders: Iterable[Path]) -> RemoteCode:
    """Return the code of a load's config class."""
    code_class = load.code_class
    bundle = bundle_of(code_class) if code_class is not None else None
    if code_class is None or bundle is None:
        raise TypeError(f"{load} is not a class from the code of a checkpoint.")
    return RemoteCode.of_bundle(bundle, source=code_class.__module__, load=load, wanted=wanted, folders=folders)


def _open_once(load: CodeLoad, repo: str, revision: str | None, subfolder: str, *, first: str) -> Checkpoint:
    """Open another repository once for all classes of a load, so that they come from the same commit."""
    key = (repo, revision, subfolder)
    if key not in load.opened:
        options = _download_options(load)._replace(revision=revision, subfolder=subfolder)
        load.opened[key] = open_repository(repo, options, first=first)
    return load.opened[key]


def _download_options(load: CodeLoad) -> HubOptions:
    """Return the options to fetch other code with: the caller's, or else those that the checkpoint was opened with."""
    given, checkpoint = load.hub_options, load.checkpoint
    opened = checkpoint.options if isinstance(checkpoint, RepoCheckpoint) else HubOptions()
    return HubOptions(
        token=opened.token if given.token is None else given.token,
        cache_dir=opened.cache_dir if given.cache_dir is None else given.cache_dir,
        local_files_only=opened.local_files_only or given.local_files_only,
        force_download=opened.force_download or given.force_download,
    )
