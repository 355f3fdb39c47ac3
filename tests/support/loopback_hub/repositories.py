"""The Hub's state: repositories with commits, branches, tags and pull requests, and the LFS objects they share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING

from loopback_hub.contents import ATTRIBUTES, DEFAULT_ATTRIBUTES, Blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KINDS", "Commit", "Repository", "Store"]

# Repository type -> its segment in API paths.
KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}
_SHORTEST_SHA = 7


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True)
class Commit:
    """All files of a repository at one point."""

    sha: str
    parent: str | None
    files: Mapping[str, Blob]
    title: str
    message: str
    author: str
    date: str


@dataclass
class Repository:
    """One repository; `id` is `namespace/name`, `kind` a value of `KINDS`, `titles` those of pull requests."""

    id: str
    kind: str = "models"
    private: bool = False
    gated: bool | str = False
    disabled: bool = False
    created: str = field(default_factory=_now)
    granted: set[str] = field(default_factory=set)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[int, str] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # As on the Hub, `main` is never empty.
        self._record(None, {ATTRIBUTES: Blob(DEFAULT_ATTRIBUTES, lfs=False)}, title="initial commit", ref="main")

    @property
    def namespace(self) -> str:
        """The user or organization that owns the repository."""
        return self.id.split("/", 1)[0]

    @property
    def prefix(self) -> str:
        """What stands before the id in paths outside the API."""
        return "" if self.kind == "models" else f"{self.kind}/"

    def find(self, revision: str) -> Commit | None:
        """Return the commit a branch, tag, `refs/...` name, full or short sha stands for."""
        names = {f"refs/pr/{number}": sha for number, sha in self.pull_requests.items()}
        names |= {f"refs/heads/{name}": sha for name, sha in self.branches.items()}
        names |= {f"refs/tags/{name}": sha for name, sha in self.tags.items()}
        sha = self.branches.get(revision) or self.tags.get(revision) or names.get(revision, revision)
        return self.commits.get(sha) or self._find_short(sha)

    def _find_short(self, start: str) -> Commit | None:
        if len(start) < _SHORTEST_SHA:
            return None
        found = [commit for sha, commit in self.commits.items() if sha.startswith(start)]
        return found[0] if len(found) == 1 else None

    def head(self, ref: str) -> Commit | None:
        """Return the last commit of a branch or pull request: what one can commit to."""
        return self.find(ref) if ref in self.branches or ref.startswith("refs/pr/") else None

    def history(self, commit: Commit) -> Iterator[Commit]:
        """Yield `commit` and its ancestors, newest first."""
        current: Commit | None = commit
        while current is not None:
            yield current
            current = self.commits[current.parent] if current.parent else None

    def add_commit(
        self, ref: str, changes: Mapping[str, Blob | None], *, title: str, message: str = "", author: str = "loopback"
    ) -> Commit:
        """Put a commit on a branch or pull request; a path that maps to None is deleted.

        Raises:
            KeyError: `ref` is no branch or pull request of this repository.
        """
        parent = self.head(ref)
        if parent is None:
            raise KeyError(ref)
        merged = {**parent.files, **changes}
        files = {path: blob for path, blob in sorted(merged.items()) if blob is not None}
        return self._record(parent.sha, files, title=title, message=message, author=author, ref=ref)

    def open_pull_request(self, start: Commit) -> str:
        """Start a pull request at `start` and return its ref."""
        number = len(self.pull_requests) + 1
        self.pull_requests[number] = start.sha
        return f"refs/pr/{number}"

    def _record(
        self,
        parent: str | None,
        files: Mapping[str, Blob],
        *,
        title: str,
        ref: str,
        message: str = "",
        author: str = "loopback",
    ) -> Commit:
        # Random rather than derived: a repository made again under its old name must not answer with a sha that a
        # client has cached.
        commit = Commit(secrets.token_hex(20), parent, files, title, message, author, _now())
        self.commits[commit.sha] = commit
        if ref.startswith("refs/pr/"):
            self.pull_requests[int(ref.removeprefix("refs/pr/"))] = commit.sha
        else:
            self.branches[ref] = commit.sha
        return commit


class Store:
    """Every repository and LFS object of one Hub.

    Attributes:
        lock: Guards what tests and server change together.
        repositories: By kind and id.
        moved: The ids that repositories have now, by kind and former id.
        objects: LFS objects, by SHA-256.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.moved: dict[tuple[str, str], str] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}

    def add(self, repository: Repository) -> None:
        """Keep a new repository."""
        self.repositories[repository.kind, repository.id] = repository
        self.moved.pop((repository.kind, repository.id), None)

    def move(self, kind: str, old: str, new: str) -> None:
        """Give a repository another id; requests for the old one are sent there.

        Raises:
            KeyError: There is none of the old id.
        """
        repository = self.repositories.pop((kind, old))
        repository.id = new
        self.add(repository)
        self.moved |= {key: new for key, now in self.moved.items() if now == old and key[0] == kind}
        self.moved[kind, old] = new

    def clear(self) -> None:
        """Forget everything."""
        self.repositories.clear()
        self.moved.clear()
        self.objects.clear()
