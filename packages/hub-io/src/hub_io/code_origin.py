"""Where the code behind an `auto_map` reference lies: beside the config, in another repository, or loaded already."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import Checkpoint
from config_core.custom_code import bundle_of
from hub_io.errors import CodeRevisionError
from hub_io.remote_bundle import collect_bundle, references_beside
from hub_io.repo_checkpoint import DownloadOptions, RepoCheckpoint, open_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config_core.class_reference import ClassReference
    from config_core.code_bundle import CodeBundle

__all__ = ["RemoteCode", "find_code"]


class RemoteCode:
    """Code of one folder or repository. It is fetched and read when somebody first looks at it, and once.

    Attributes:
        source: The folder or repository that holds it, as the caller or the config names it.
        wanted: The class in it that is asked for.
        pin: The option that pins its commit, `revision` or `code_revision`.
    """

    def __init__(
        self,
        source: str,
        wanted: ClassReference,
        collect: Callable[[], tuple[CodeBundle, str | None]],
        *,
        pin: str = "revision",
    ) -> None:
        """Describe code.

        Args:
            source: The folder or repository that holds it.
            wanted: The class in it that is asked for.
            collect: Returns the bundle and its commit.
            pin: The option that pins its commit.
        """
        self.source = source
        self.wanted = replace(wanted, repo=None)
        self.pin = pin
        self._collect = collect

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
        return self._collected[1]

    @cached_property
    def _collected(self) -> tuple[CodeBundle, str | None]:
        return self._collect()


def find_code(
    origin: Checkpoint | type[Any],
    auto_map: Mapping[str, Any],
    auto_class: str,
    *,
    code_revision: str | None = None,
    token: str | bool | None = None,
) -> RemoteCode:
    """Find the code of the class that an `auto_map` names. Nothing is fetched or read yet.

    Args:
        origin: The checkpoint that has the `auto_map`, or a class that came out of its code before.
        auto_map: Name of an auto class to a reference.
        auto_class: The name that is wanted.
        code_revision: Revision of the other repository that a reference names. Where none does, that of the code alone
            in the checkpoint's own repository.
        token: Access token for the hub.

    Raises:
        ClassReferenceError: The reference is malformed.
        CodeRevisionError: `code_revision` is given for code in a folder.
    """
    own = origin.name if isinstance(origin, Checkpoint) and origin.commit is not None else None
    references = references_beside(auto_map, auto_class, own=own)
    wanted = references[auto_class]
    here = {name: replace(reference, repo=None) for name, reference in references.items()}

    def collect_from(open_holder: Callable[[], Checkpoint]) -> Callable[[], tuple[CodeBundle, str | None]]:
        def collect() -> tuple[CodeBundle, str | None]:
            holder = open_holder()
            return collect_bundle(holder, here, wanted=here[auto_class]), holder.commit

        return collect

    if (repo := wanted.repo) is not None:
        options = _options(origin, token=token)
        opener = collect_from(
            lambda: open_repository(repo, revision=code_revision, first=wanted.filename, options=options)
        )
        return RemoteCode(repo, wanted, opener, pin="code_revision")
    if not isinstance(origin, Checkpoint):
        bundle = bundle_of(origin)
        if bundle is None:
            raise TypeError(f"{origin!r} did not come out of the code of a checkpoint.")
        return RemoteCode(origin.__module__, wanted, lambda: (bundle, None))
    if code_revision is None or _names_other_repository(auto_map, own):
        return RemoteCode(origin.name, wanted, collect_from(lambda: origin))
    if own is None:
        raise CodeRevisionError(
            f"code_revision={code_revision!r} was passed, but the code of {origin} lies in that folder, which has no "
            "revisions. Leave code_revision out."
        )
    options = _options(origin, token=token)
    opener = collect_from(
        lambda: open_repository(
            own, revision=code_revision, subfolder=origin.subfolder, first=wanted.filename, options=options
        )
    )
    return RemoteCode(own, wanted, opener, pin="code_revision")


def _options(origin: Checkpoint | type[Any], *, token: str | bool | None) -> DownloadOptions:
    """Return how to fetch code of another repository or commit: as the checkpoint was fetched."""
    options = origin.options if isinstance(origin, RepoCheckpoint) else DownloadOptions()
    return options if token is None else replace(options, token=token)


def _names_other_repository(auto_map: Mapping[str, Any], own: str | None) -> bool:
    repos = {str(text).rpartition("--")[0] for text in auto_map.values() if isinstance(text, str)}
    return bool(repos - {"", own})
