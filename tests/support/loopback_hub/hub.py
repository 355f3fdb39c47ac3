"""The object that tests hold: what is on the Hub, what was asked of it, and what shall go wrong."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from loopback_hub.access import Access
from loopback_hub.accounts import Accounts
from loopback_hub.api_read import ReadApi
from loopback_hub.api_write import WriteApi
from loopback_hub.cas import Cas
from loopback_hub.cdn import Cdn, Expired, answer_expired
from loopback_hub.contents import make_blob
from loopback_hub.discussions import DiscussionsApi
from loopback_hub.downloads import Downloads
from loopback_hub.gateway import Gateway
from loopback_hub.lfs import LfsApi
from loopback_hub.pages import Pages
from loopback_hub.planning import Planning
from loopback_hub.refusals import Refusal, answer_refusal
from loopback_hub.repositories import Repository, Store
from loopback_hub.server import ServerThread, url_of
from loopback_hub.tls import TlsServer
from loopback_hub.xet import CasApi, XetApi

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from typing import Self

    from loopback_hub.gateway import Received
    from loopback_hub.tls import Tls

__all__ = ["LoopbackHub"]


class LoopbackHub(Planning):
    """A Hub that runs inside a `with` block; its repositories are models.

    Attributes:
        url: What HF_ENDPOINT must be.
        cdn_url: The second origin, which keeps the LFS objects.
    """

    def __init__(self, port: socket.socket, cdn_port: socket.socket) -> None:
        super().__init__()
        # The CDN of the real Hub is another host, and the client before 2.2 looks at no more than that.
        self.url, self.cdn_url = url_of(port), url_of(cdn_port, host="localhost")
        self._store, self._accounts = Store(), Accounts()
        self._access = access = Access(self._store, self._accounts)
        self._folder = tempfile.TemporaryDirectory(prefix="loopback-hub-")
        self._cas = Cas(Path(self._folder.name))
        self._cdn = cdn = Cdn(self._store, self._cas, self.cdn_url)
        cas = CasApi(self._cas, cdn, url_of(cdn_port))
        self._xet = XetApi(access, self._cas, cas)
        self._pages = Pages()
        self._downloads = Downloads(access, cdn, self._xet)
        apis = (
            ReadApi(access, self._xet, self._pages),
            WriteApi(access, self._store, cas),
            DiscussionsApi(access, self._store),
            LfsApi(access, self._store, cdn),
            self._xet,
            self._downloads,
        )
        refuse = {Refusal: answer_refusal, Expired: answer_expired}
        self._gateway = Gateway(
            hub=Starlette(routes=[route for api in apis for route in api.routes()], exception_handlers=refuse),
            cdn=Starlette(routes=[*cdn.routes(), *cas.routes()], exception_handlers=refuse),
            cdn_port=cdn_port.getsockname()[1],
            faults=self._faults,
            private_header=cas.private_header,
        )
        self._server = ServerThread(self._gateway, (port, cdn_port))
        self._tls_server: TlsServer | None = None

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        if self._tls_server:
            self._tls_server.stop()
        self._folder.cleanup()

    def reset(self) -> None:
        """Forget repositories, tokens, faults and the request log."""
        with self._store.lock:
            self._store.clear()
            self._cas.clear()
            self._accounts.clear()
            self._faults.clear()
            self._downloads.commit_on_404 = True
            self._xet.offered = True
            self._access.codes_401 = True
            self._cdn.clear()
            self._pages.size = None
            self.clear_requests()

    # What is on the Hub

    def create_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes | str] | None = None,
        *,
        private: bool = False,
        gated: bool | str = False,
    ) -> str:
        """Make a model repository and return the sha of its `main`.

        Args:
            repo_id: `namespace/name`.
            files: Contents by path; kept as LFS objects where an upload would be.
            private: Only tokens of the namespace see it.
            gated: "auto", "manual" or True: everybody sees it, only the namespace and users with a grant get files.

        Raises:
            ValueError: There is one of that name.
        """
        with self._store.lock:
            if ("models", repo_id) in self._store.repositories:
                raise ValueError(f"{repo_id} is on the loopback Hub already; use commit()")
            repository = Repository(repo_id, private=private, gated="auto" if gated is True else gated)
            self._store.add(repository)
        return self.commit(repo_id, files) if files else repository.branches["main"]

    def commit(self, repo_id: str, files: Mapping[str, bytes | str | None], branch: str = "main") -> str:
        """Put a commit on a branch or `refs/pr/N` and return its sha; a path that maps to None is deleted."""
        with self._store.lock:
            repository = self._repository(repo_id)
            head = repository.head(branch)
            present = head.files if head else {}
            changes = {
                path: None if content is None else make_blob(path, content, present) for path, content in files.items()
            }
            self._store.objects |= {blob.sha256: blob.content for blob in changes.values() if blob and blob.lfs}
            return repository.add_commit(branch, changes, title="Change files").sha

    def mirror(self, repo_id: str, origin: LoopbackHub, changed: Mapping[str, str] | None = None) -> None:
        """Take over a repository of another Hub with its commits, in place of one of that name.

        Args:
            repo_id: The repository.
            origin: The other Hub.
            changed: Other content of files, which a lying Hub gives out under the same commits.
        """
        with origin._store.lock:
            repository, objects = copy.deepcopy(origin._repository(repo_id)), dict(origin._store.objects)
        changes = {path: make_blob(path, content, {}) for path, content in (changed or {}).items()}
        for sha, commit in repository.commits.items():
            repository.commits[sha] = replace(commit, files={**commit.files, **changes})
        with self._store.lock:
            self._store.add(repository)
            self._store.objects |= objects

    def rename(self, repo_id: str, new_id: str) -> None:
        """Give a repository another id; requests for the old one are redirected."""
        with self._store.lock:
            self._store.move("models", repo_id, new_id)

    def disable(self, repo_id: str) -> None:
        """Close a repository to everybody, its owner included."""
        self._repository(repo_id).disabled = True

    def branch(self, repo_id: str, name: str, sha: str | None = None) -> None:
        """Make or move a branch: to `sha`, or the end of `main`."""
        with self._store.lock:
            repository = self._repository(repo_id)
            repository.branches[name] = sha or repository.branches["main"]

    def tag(self, repo_id: str, name: str, sha: str | None = None) -> None:
        """Make or move a tag: to `sha`, or the end of `main`."""
        with self._store.lock:
            repository = self._repository(repo_id)
            repository.tags[name] = sha or repository.branches["main"]

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Return what a repository holds at a branch, tag, `refs/...` name or sha.

        Raises:
            KeyError: There is no such repository or revision.
        """
        commit = self._repository(repo_id).find(revision)
        if commit is None:
            raise KeyError(revision)
        return {path: blob.content for path, blob in commit.files.items()}

    # Who may use it

    def token(self, user: str, *, write: bool = True, organizations: tuple[str, ...] = ()) -> str:
        """Return a new access token of `user`, who may work in their own namespace and those of `organizations`."""
        return self._accounts.issue(user, write=write, organizations=organizations).value

    def grant(self, repo_id: str, user: str) -> None:
        """Let a user have the files of a gated repository."""
        self._repository(repo_id).granted.add(user)

    # What was asked of it

    @property
    def requests(self) -> list[Received]:
        """The requests since the last `clear_requests`, of both ports, oldest first."""
        return list(self._gateway.received)

    def clear_requests(self) -> None:
        """Empty the request log."""
        self._gateway.received.clear()

    # How it answers

    def tls(self) -> Tls:
        """Return how a process of its own reaches this Hub over TLS; needs `openssl`."""
        self._tls_server = self._tls_server or TlsServer(self._gateway, Path(self._folder.name))
        return self._tls_server.tls

    def code_missing_repositories(self, *, code: bool) -> None:
        """Choose whether an anonymous caller is told by an error code that a repository is missing.

        The real Hub does not, and never does over TLS; without TLS the client cannot tell without the code.
        """
        self._access.codes_401 = code

    def cut_lists(self, *, size: int) -> None:
        """Choose how many entries one page of a tree or of a history has."""
        self._pages.size = size

    def split_uploads(self, *, part_size: int) -> None:
        """Let LFS objects above this size be uploaded in parts of it."""
        self._cdn.part_size = part_size

    def expire_addresses(self, *, expire: bool) -> None:
        """Choose whether the addresses of the CDN are too old whenever they are used."""
        self._cdn.expired = expire

    def remember_missing_files(self, *, remember: bool) -> None:
        """Choose whether a missing file is answered with the commit, which lets the client cache that it is missing."""
        self._downloads.commit_on_404 = remember

    def offer_xet(self, *, offer: bool) -> None:
        """Choose whether LFS objects are offered over xet; if not, every client downloads them from the CDN."""
        self._xet.offered = offer

    def _repository(self, repo_id: str) -> Repository:
        return self._store.repositories["models", repo_id]
