"""Who calls, which repository the path names, and whether the caller may read, download or write it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from loopback_hub import refusals

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopback_hub.accounts import Accounts, Token
    from loopback_hub.repositories import Commit, Repository, Store

__all__ = ["Access", "segment"]


def segment(request: Request, name: str) -> str:
    """Return one parameter of the path. The router sees the raw path, so that `refs%2Fpr%2F1` is one segment."""
    return unquote(request.path_params[name])


class Access:
    """The rules; every method raises the `Refusal` the Hub would answer with.

    Attributes:
        codes_401: Whether the anonymous 401 for a missing repository has an error code where there is no TLS.
    """

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self.codes_401 = True
        self._store = store
        self._accounts = accounts

    def caller(self, request: Request) -> Token | None:
        """Return the caller's token, None for an anonymous one."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not value:
            return None
        token = self._accounts.find(value) if scheme == "Bearer" else None
        if token is None:
            raise refusals.unauthorized("Invalid credentials in Authorization header")
        return token

    def known_caller(self, request: Request) -> Token:
        """Return the caller's token; anonymous callers are refused."""
        caller = self.caller(request)
        if caller is None:
            raise refusals.unauthorized()
        return caller

    def creator(self, request: Request, namespace: str | None) -> tuple[Token, str]:
        """Return a caller who may create repositories under `namespace` (their own when None), and the namespace."""
        caller = self.known_caller(request)
        namespace = namespace or caller.user
        self._check_write(caller, namespace)
        return caller, namespace

    def readable(self, request: Request) -> Repository:
        """Return the repository the path names, if the caller may know of it."""
        repo_id = f"{segment(request, 'namespace')}/{segment(request, 'name')}"
        return self.find(request, request.path_params.get("kind", "models"), repo_id)

    def find(self, request: Request, kind: str, repo_id: str) -> Repository:
        """Return a repository by its name, if the caller may know of it."""
        caller = self.caller(request)
        now = self._store.moved.get((kind, repo_id), repo_id)
        repository = self._store.repositories.get((kind, now))
        hidden = repository and repository.private and not (caller and caller.belongs_to(repository.namespace))
        if repository is None or hidden:
            coded = self.codes_401 and request.url.scheme != "https"
            raise refusals.repository_not_found(caller, coded=coded)
        if now != repo_id:
            path = request.url.path.replace(f"/{repo_id}", f"/{now}", 1)
            raise refusals.moved(f"{path}?{request.url.query}" if request.url.query else path)
        if repository.disabled:
            raise refusals.disabled()
        return repository

    def downloadable(self, request: Request) -> Repository:
        """Return the repository the path names, if the caller may have its files."""
        repository = self.readable(request)
        caller = self.caller(request)
        if not repository.gated:
            return repository
        if caller and (caller.belongs_to(repository.namespace) or caller.user in repository.granted):
            return repository
        raise refusals.gated(repository.id, caller)

    def writable(self, request: Request) -> Repository:
        """Return the repository the path names, if the caller may change it."""
        repository = self.readable(request)
        self._check_write(self.known_caller(request), repository.namespace)
        return repository

    def commit(self, request: Request, repository: Repository) -> Commit:
        """Return the commit the path's `revision` stands for, `main` without one."""
        revision = segment(request, "revision") if "revision" in request.path_params else "main"
        commit = repository.find(revision)
        if commit is None:
            raise refusals.revision_not_found(revision)
        return commit

    @staticmethod
    def _check_write(caller: Token, namespace: str) -> None:
        if not caller.write:
            raise refusals.forbidden("This token has no write permission: use a token with the write role.")
        if not caller.belongs_to(namespace):
            message = f'You don\'t have the rights to create or change a repository under the namespace "{namespace}"'
            raise refusals.forbidden(message)
