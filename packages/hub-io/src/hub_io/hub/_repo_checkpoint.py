"""A repository of the Hub at one commit, as a checkpoint.

The revision is resolved once, when the repository is opened. From then on every file is asked for by commit, so that
config, code and weights belong together even if a branch moves meanwhile. What was downloaded before costs no request.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config_core.checkpoint import Checkpoint, HubOptions, check_links, check_relative_name, is_save_state
from config_core.errors import CheckpointFileNotFoundError
from config_core.messages import escaping_logger
from hub_io.errors import (
    HubError,
    HubUnavailableError,
    NotDownloadedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from hub_io.hub._client_errors import HubRequest, hub_host
from hub_io.hub._requests import asking, hub_client
from hub_io.hub._verification import verify_downloads

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile


__all__ = ["DEFAULT_BRANCH", "RepoCheckpoint", "check_commit", "check_revision", "open_repository"]

DEFAULT_BRANCH = "main"  # of every repository of the Hub
_COMMIT = r"[0-9a-f]{40}([0-9a-f]{24})?"
_SHOWN_FILES = 8


class RepoCheckpoint(Checkpoint):
    """The files of a repository at one commit, as `HUB_SERVICE.open` returns them."""

    def __init__(
        self,
        repo_id: str,
        commit: str,
        files: frozenset[str],
        *,
        options: HubOptions,
        pinned: bool = True,
    ) -> None:
        """Describe a repository.

        Args:
            repo_id: The repository, `owner/name`.
            commit: The commit in full.
            files: Names of all files of that commit.
            options: The hub options: subfolder, token, cache and others.
            pinned: Whether the caller named this commit, and not a branch or tag that points to it.
        """
        self.name = repo_id
        self.commit: str = commit  # pyright: ignore[reportIncompatibleVariableOverride] - never assigned again
        self.subfolder = options.subfolder
        self.options = options
        self.pinned = pinned
        self._files = files
        self._prefix = f"{self.subfolder}/" if self.subfolder else ""
        own = (name.removeprefix(self._prefix) for name in files if name.startswith(self._prefix))
        self._own = frozenset(name for name in own if not is_save_state(name))
        # force_download applies once per file: later reads of the same load take the new copy.
        self._renewed: set[str] = set()

    def filenames(self) -> frozenset[str]:
        """Return the names of all files below the subfolder, downloaded or not."""
        return self._own

    def local_path(self, filename: str) -> Path:
        """Return the path of a file on this machine. It is downloaded if necessary.

        Raises:
            CheckpointFileNotFoundError: The commit has no such file.
            UnsafeNameError: The name, or a link in the cache, points outside the repository.
            HubError: The file is not in the cache and cannot be downloaded.
        """
        return self.local_paths([filename])[filename]

    def local_paths(self, filenames: Iterable[str]) -> dict[str, Path]:
        """Return the paths of several files on this machine. Those that are missing are downloaded concurrently."""
        names = list(dict.fromkeys(filenames))
        for name in names:
            self._check(name)
        paths = {name: self.snapshot / self._prefix / name for name in names}
        with asking(self._request):
            missing = {name: path for name, path in paths.items() if not self._is_current(name, path)}
            if missing:
                with asking(replace(self._request, filenames=tuple(f"{self._prefix}{name}" for name in missing))):
                    self._download(missing)
        for name, path in paths.items():
            check_links(name, path, top=self.snapshot, blobs=self.snapshot.parent.parent / "blobs")
        return paths

    def size_of(self, filename: str) -> int:
        """Return the size of a file in bytes, as the Hub lists it. It is downloaded only if there is no listing."""
        listing = _kept_listing(self.name, self.commit, self.options) or {}
        listed = listing.get(f"{self._prefix}{filename}")
        return super().size_of(filename) if listed is None else listed.size

    def at_root(self) -> RepoCheckpoint:
        """Return the same repository at the same commit, without the subfolder."""
        if not self.subfolder:
            return self
        options = self.options._replace(subfolder="")
        return RepoCheckpoint(self.name, self.commit, self._files, options=options, pinned=self.pinned)

    def ask_about(self) -> tuple[str, datetime]:
        """Ask the Hub for the repository's present name, and for the time of the commit.

        Raises:
            HubError: It cannot be asked, or does not say.
        """
        if self.options.local_files_only:
            raise NotDownloadedError(f"The Hub may not be asked about {self}: local_files_only=True.", source=self.name)
        with asking(self._request):
            api = hub_client(token=self.options.token, offline=False)
            info = api.model_info(self.name, revision=self.commit)
        name: object = info.id  # the client checks no types
        if not isinstance(name, str) or info.last_modified is None:
            raise HubError(f"The Hub does not say of {self} what it is called or when it was made.", source=self.name)
        return name, info.last_modified

    def is_published(self) -> bool:
        """Ask the Hub whether a branch or tag has the commit in its history.

        A commit of a pull request, which anybody may open, is a commit of the repository as well, and has its name.

        Raises:
            HubError: The Hub cannot be asked.
        """
        with asking(self._request):
            api = hub_client(token=self.options.token, offline=False)
            refs = api.list_repo_refs(self.name)
            if any(ref.target_commit == self.commit for ref in (*refs.branches, *refs.tags)):
                return True
            return any(
                commit.commit_id == self.commit
                for ref in (*refs.branches, *refs.tags)
                for commit in api.list_repo_commits(self.name, revision=ref.name)
            )

    @property
    def host(self) -> str:
        """Host and port of the Hub that it is opened at."""
        return hub_host()

    @property
    def snapshot(self) -> Path:
        """The folder that the client keeps the files of this commit in."""
        return _repo_cache(self.name, self.options) / "snapshots" / self.commit

    def _check(self, name: str) -> None:
        check_relative_name(name, where=str(self))
        if name not in self._own:
            shown = sorted(self._own)[:_SHOWN_FILES]
            more = f" and {len(self._own) - len(shown)} more" if len(self._own) > len(shown) else ""
            raise CheckpointFileNotFoundError(
                checkpoint=f"The repository {self}",
                filename=name,
                hint=f"It has {', '.join(shown) or 'no files'}{more}.",
            )

    def _is_current(self, name: str, path: Path) -> bool:
        return path.is_file() and (not self.options.force_download or name in self._renewed)

    @property
    def _request(self) -> HubRequest:
        return _request(self.name, self.commit, self.options)

    def _download(self, missing: Mapping[str, Path]) -> None:
        """Fetch files, several of them side by side, and check what arrived, also if another one failed."""
        in_repo = {f"{self._prefix}{name}": path for name, path in missing.items()}
        api = hub_client(token=self.options.token, offline=self.options.local_files_only)
        try:
            with _links_aside(missing.values() if self.options.force_download else ()):
                _fetch(api, self.name, self.commit, list(in_repo), self.options)
        finally:
            if not self.options.local_files_only:
                verify_downloads(in_repo, _kept_listing(self.name, self.commit, self.options) or {}, source=self.name)
        self._renewed.update(missing)
        # Without the network the client may give a folder that lacks files.
        lacking = [name for name, path in missing.items() if not path.is_file()]
        if lacking:
            raise NotDownloadedError(
                f"{', '.join(lacking)} of {self} was not downloaded before, and the network is not used or not there. "
                "Load it once with the network.",
                source=self.name,
            )


def open_repository(repo_id: str, options: HubOptions, *, first: str = "config.json") -> RepoCheckpoint:
    """Open a repository at one commit.

    Args:
        repo_id: The repository, `owner/name`.
        options: Which revision and subfolder, and how files get here.
        first: A file below the subfolder that is needed first; it comes along with the listing.

    Raises:
        CheckpointNotFoundError: There is no such repository, revision or subfolder, or it may not be read; the subclass
            tells which.
        HubError: The Hub cannot be reached and the commit was not downloaded before, or it refused.
        ValueError: `force_download` and `local_files_only` contradict each other.
    """
    if options.force_download and options.local_files_only:
        raise ValueError("force_download=True and local_files_only=True contradict each other. Pass one of them.")
    revision, subfolder = options.revision, options.subfolder
    check_revision(revision, source=repo_id)
    with asking(_request(repo_id, revision, options)):
        commit = _resolve(repo_id, revision, options)
        files = _list_files(repo_id, commit, first=f"{subfolder}/{first}" if subfolder else first, options=options)
    opened = RepoCheckpoint(repo_id, commit, files, options=options, pinned=revision == commit)
    if subfolder and not opened.filenames():
        folders = sorted({name.rpartition("/")[0] for name in files if "/" in name})
        raise RepositoryNotFoundError(
            f"The repository {opened.at_root()} has no folder {subfolder!r}. It has "
            f"{', '.join(folders[:_SHOWN_FILES]) or 'no folders'}.",
            source=repo_id,
        )
    return opened


def check_revision(revision: str | None, *, source: str) -> None:
    """Check a revision before anything is asked: addresses lose `..`, and answers would be about something else.

    Raises:
        RevisionNotFoundError: No branch, tag or commit can have this name.
        TypeError: It is not a string.
    """
    given: object = revision  # callers may pass a value of any type
    if given is not None and not isinstance(given, str):
        raise TypeError(f"revision must be the name of a branch, tag or commit, or None, got {given!a:.200}.")
    if revision and not {"", ".", ".."}.isdisjoint(revision.split("/")):
        raise RevisionNotFoundError(
            f"{revision!a:.200} is not the name of a branch, tag or commit: it has an empty, '.' or '..' part.",
            source=source,
            revision=revision,
        )


def check_commit(commit: object, *, source: str) -> str:
    """Return a commit that the Hub has named.

    Raises:
        HubError: It is not 40 or 64 hexadecimal digits. It would become part of a path.
    """
    if not isinstance(commit, str) or not re.fullmatch(_COMMIT, commit):
        raise HubError(
            f"The Hub names {commit!a:.100} as the commit of {source!r}; a commit has 40 or 64 hexadecimal digits. "
            "Check HF_ENDPOINT and the proxy, and try again.",
            source=source,
        )
    return commit


def _resolve(repo_id: str, revision: str | None, options: HubOptions) -> str:
    """Return the commit that a revision is at, or was at the last look if the Hub says nothing."""
    if revision is not None and re.fullmatch(_COMMIT, revision):
        return revision
    if options.local_files_only:
        commit = _resolve_with_client(repo_id, revision, options, offline=True)
    else:
        try:
            with asking(_request(repo_id, revision, options)):
                commit = _resolve_with_client(repo_id, revision, options)
        except HubUnavailableError as error:
            # The client itself looks into its cache where nothing answers; not if the Hub answers that it is too busy.
            try:
                commit = _resolve_with_client(repo_id, revision, options, offline=True)
            except Exception:  # noqa: BLE001 - there is nothing in the cache to go on with
                raise error from error.__cause__
            told = error, ascii(repo_id), ascii(commit)
            escaping_logger("hub_io").warning("%s Using %s as of the last look, commit %s.", *told)
    return check_commit(commit, source=repo_id)


def _resolve_with_client(repo_id: str, revision: str | None, options: HubOptions, *, offline: bool = False) -> str:
    api = hub_client(token=options.token, offline=offline)
    return api.resolve_revision(
        repo_id, revision=revision, cache_dir=_text(options.cache_dir), local_files_only=offline
    ).resolved


def _list_files(repo_id: str, commit: str, *, first: str, options: HubOptions) -> frozenset[str]:
    """Return the names of all files of a commit: from the listing that the client keeps, or else from the Hub.

    The client lists a commit when it downloads a file of it, so the one that is needed next comes along. Without
    network and listing, what lies in the cache is all that is known.
    """
    listing = _kept_listing(repo_id, commit, options)
    if listing is not None:
        return frozenset(listing)
    once = options._replace(force_download=False)
    api = hub_client(token=options.token, offline=options.local_files_only)
    folder = Path(_snapshot_download(api, repo_id, commit, [first], once))
    listing = _kept_listing(repo_id, commit, options)
    if listing is not None:
        verify_downloads({first: folder / first}, listing, source=repo_id)
        return frozenset(listing)
    found = (Path(base) / name for base, _, names in os.walk(folder) for name in names)
    return frozenset(path.relative_to(folder).as_posix() for path in found)


def _kept_listing(repo_id: str, commit: str, options: HubOptions) -> dict[str, RepoFile] | None:
    """Return the files of a commit by name, as the client's cache has them; None if it has no listing."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        files = get_cached_repo_tree(repo_id, revision=commit, cache_dir=_text(options.cache_dir))
    except CachedRepoTreeNotFoundError:
        return None
    # The client checks no types, neither of what it is sent nor of what it has kept.
    listed: list[tuple[object, object]] = [(file.path, file.size) for file in files]
    for name, size in listed:
        if not isinstance(name, str) or not isinstance(size, int):
            raise HubError(
                f"The listing of {repo_id!r} at commit {commit} names a file {name!a:.200} of {size!a:.200} bytes. "
                f"Check HF_ENDPOINT and the proxy, remove {_repo_cache(repo_id, options)}, and try again.",
                source=repo_id,
            )
    return {file.path: file for file in files}


def _fetch(api: HfApi, repo_id: str, commit: str, names: list[str], options: HubOptions) -> None:
    """Download files of a commit. Each shows a progress bar of the client's."""
    if len(names) > 1:
        _snapshot_download(api, repo_id, commit, names, options)
        return
    api.hf_hub_download(
        repo_id,
        names[0],
        revision=commit,
        cache_dir=_text(options.cache_dir),
        local_files_only=options.local_files_only,
        force_download=options.force_download,
    )


@contextlib.contextmanager
def _links_aside(paths: Iterable[Path]) -> Iterator[None]:
    """Remove links in the client's snapshot for the block, and put those back that nothing replaces.

    The client downloads again, but leaves the link to what it had: another Hub may have given other content out for
    the commit.
    """
    links = {path: path.readlink() for path in paths if path.is_symlink()}
    for path in links:
        path.unlink(missing_ok=True)
    try:
        yield
    finally:
        for path, target in links.items():
            with contextlib.suppress(FileExistsError):
                path.symlink_to(target)


def _snapshot_download(api: HfApi, repo_id: str, commit: str, names: list[str], options: HubOptions) -> str:
    import glob

    folder = api.snapshot_download(
        repo_id,
        revision=commit,
        cache_dir=_text(options.cache_dir),
        local_files_only=options.local_files_only,
        force_download=options.force_download,
        allow_patterns=[glob.escape(name) for name in names],
    )
    return str(folder)


def _repo_cache(repo_id: str, options: HubOptions) -> Path:
    from huggingface_hub import constants

    cache = Path(options.cache_dir or constants.HF_HUB_CACHE).expanduser().resolve()
    return cache / constants.REPO_ID_SEPARATOR.join(["models", *repo_id.split("/")])


def _request(repo_id: str, revision: str | None, options: HubOptions) -> HubRequest:
    return HubRequest(repo_id, revision=revision, token=options.token, cache_dir=options.cache_dir)


def _text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)
