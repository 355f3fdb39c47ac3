"""A hub on a shared drive: each commit of a repository is a folder that never changes. It runs no checkpoint's code."""

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from config_core import Checkpoint, CheckpointNotFoundError, FolderCheckpoint, UnknownOptionError
from config_core.checkpoint import check_relative_name, replace_file, stale_weights

__all__ = ["FOLDER_HUB", "NO_CODE", "FolderHub", "FolderHubCheckpoint", "NoCode"]


class FolderHubCheckpoint(Checkpoint):
    """A repository at one commit."""

    def __init__(self, repo_id, folder, subfolder=""):
        self.name, self.commit, self.subfolder = repo_id, folder.name, subfolder
        self._folder = folder
        self._files = FolderCheckpoint(folder, subfolder=subfolder)

    def filenames(self):
        return self._files.filenames()

    def local_path(self, filename):
        return self._files.local_path(filename)

    def at_root(self):
        return FolderHubCheckpoint(self.name, self._folder)


@dataclass(frozen=True)
class FolderHubCommit:
    """What a push answers."""

    oid: str
    commit_url: str
    pr_url: str | None = None


class FolderHub:
    """The repositories below the folder that FOLDER_HUB names: `<owner>/<name>/<commit>/`, and a file `newest`."""

    def open(self, repo_id, options):
        repository = self._folder_of(repo_id)
        commit = check_relative_name(options.revision, where="revision") if options.revision else _newest(repository)
        if commit is None or not (repository / commit).is_dir():
            problem = f"{repo_id} has no commit {commit!r}" if commit else f"There is no repository {repo_id!r}"
            raise CheckpointNotFoundError(f"{problem} in {self._root()}.", source=repo_id)
        return FolderHubCheckpoint(repo_id, repository / commit, options.subfolder)

    def publish(self, folder, repo_id, *, commit_message=None, **options):
        if asked := [name for name, value in options.items() if value]:
            raise UnknownOptionError(f"A folder hub has no option {', '.join(asked)}.", names=tuple(asked))
        repository = self._folder_of(repo_id)
        before, commit = _newest(repository), repository / uuid.uuid4().hex
        commit.mkdir(parents=True)
        if before is not None:
            shutil.copytree(repository / before, commit, dirs_exist_ok=True)
        shutil.copytree(folder, commit, dirs_exist_ok=True)
        for name in stale_weights(_names_in(commit), _names_in(folder)):
            (commit / name).unlink()
        replace_file(repository / "newest", commit.name.encode())
        return FolderHubCommit(oid=commit.name, commit_url=commit.as_uri())

    def _folder_of(self, repo_id):
        return self._root() / check_relative_name(repo_id, where="the name of a repository")

    def _root(self):
        return Path(os.environ["FOLDER_HUB"])


class NoCode:
    """Refuses the code of every checkpoint."""

    trusted = False

    def decide(self, load, auto_class):
        return self

    def refusal(self):
        return PermissionError("Code from the shared drive does not run. Install the package that has its classes.")

    def load_class(self, decision):
        raise self.refusal()


def _newest(repository):
    newest = repository / "newest"
    return newest.read_text(encoding="utf-8") if newest.is_file() else None


def _names_in(folder):
    return FolderCheckpoint(folder).filenames()


FOLDER_HUB = FolderHub()
NO_CODE = NoCode()
