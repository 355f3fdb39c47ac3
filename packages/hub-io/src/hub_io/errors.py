"""Errors of hub_io. Each is also the builtin exception that callers already catch.

    HubIoError
    ├── HubError (OSError)                                     the Hub, the way to it, or the files of this machine
    │   ├── RepositoryNotFoundError (CheckpointNotFoundError)    no such repository: correct the name, or log in
    │   ├── RevisionNotFoundError (CheckpointNotFoundError)      no such branch, tag or commit: take another one
    │   ├── NotDownloadedError (CheckpointNotFoundError)         offline and not downloaded: go online once
    │   ├── AccessDeniedError (PermissionError, …)               the token may not do this: ask for access
    │   ├── HubUnavailableError (ConnectionError)                not reached, busy, or a server-side error: try again
    │   └── PushRefusedError (ValueError)                        the files or the model card must change first
    ├── RemoteCodeRefusedError (PermissionError, ValueError)   a checkpoint's code is not trusted: review it
    ├── RemoteCodeImportError (ImportError)                    trusted code failed on import, or lacks a class
    │   ├── MissingRequirementsError                             install `modules`; none of the code ran
    │   └── UnservedNamesError                                   it uses names of transformers that are not served
    ├── NoRemoteCodeError (ValueError)                         the checkpoint ships no code, or not at `code_revision`
    ├── TrustStoreError (ValueError, OSError)                  repair the trust file; until then no remote code runs
    ├── TrustPolicyError (ValueError, RuntimeError)            a setting is invalid, or the policy cannot be changed
    └── CodeStoreError (OSError)                               remove the entry of the code store, and load again

    UnpinnedCodeWarning (UserWarning)                          a repository's code was trusted without a commit

`CheckpointNotFoundError` is config_core's, and a `FileNotFoundError`. `AccessDeniedError` is one, too: the Hub does not
tell whether a repository is absent or hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config_core.code import CodeBundle
from config_core.error_base import SentenceError
from config_core.errors import CheckpointNotFoundError
from hub_io.file_changes import FileChanges

__all__ = [
    "AccessDeniedError",
    "CodeStoreError",
    "HubError",
    "HubIoError",
    "HubUnavailableError",
    "MissingRequirementsError",
    "NoRemoteCodeError",
    "NotDownloadedError",
    "PushRefusedError",
    "RemoteCodeImportError",
    "RemoteCodeRefusedError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "TrustPolicyError",
    "TrustStoreError",
    "UnpinnedCodeWarning",
    "UnservedNamesError",
]


class HubIoError(SentenceError):
    """Base of every error that hub_io raises on purpose."""


class HubError(HubIoError, OSError):
    """The Hub refused a request or sent an invalid response, or a file on this machine cannot be read or written.

    Attributes:
        source: The repository, as it was named by the caller.
        status: HTTP status of the response, or None if the problem is not a status.
        errno: Error number of the operating system, such as that of a full disk, or None.
        host: Host and port of the Hub, or None if no request was made.
        request: Method and URL of the request that failed, without its query, or None if it is not known.
    """

    host: str | None = None
    request: str | None = None

    def __init__(self, problem: str, *, source: str, status: int | None = None, errno: int | None = None) -> None:
        OSError.__init__(self, problem)  # config_core's errors among the parents have constructors of their own
        self.source = source
        self.status = status
        self.errno = errno


class RepositoryNotFoundError(HubError, CheckpointNotFoundError):
    """There is no such repository, or it is private and the token may not see it: the Hub does not tell which."""


class RevisionNotFoundError(HubError, CheckpointNotFoundError):
    """The repository has no such branch, tag or commit.

    Attributes:
        revision: The revision that was asked for.
    """

    def __init__(self, problem: str, *, source: str, revision: str) -> None:
        super().__init__(problem, source=source)
        self.revision = revision


class NotDownloadedError(HubError, CheckpointNotFoundError):
    """The network is switched off, and the repository or file was not downloaded before."""


class AccessDeniedError(HubError, PermissionError, CheckpointNotFoundError):
    """The token is missing, unknown or expired, or may not do this."""


class HubUnavailableError(HubError, ConnectionError):
    """The Hub cannot be reached, is busy, did not finish its response, or has a server-side error."""


class PushRefusedError(HubError, ValueError):
    """Files or the model card must change before they can be pushed. Nothing was committed.

    Attributes:
        ignored: Files that a `.gitignore` in the repository excludes, each with the line that names it, or None if
            the line is not known.
    """

    def __init__(self, problem: str, *, source: str, ignored: Mapping[str, str | None] | None = None) -> None:
        super().__init__(problem, source=source)
        self.ignored = dict(ignored or {})


class RemoteCodeRefusedError(HubIoError, PermissionError, ValueError):
    """A checkpoint ships code that is not trusted. None of it was run.

    Attributes:
        source: The folder or repository that holds the code.
        reason: Why it is not trusted.
        bundle: The files that would run, with their digests; None if they could not be collected.
        changes: How they differ from the trusted code of the same source; None if there is none.
    """

    def __init__(
        self,
        problem: str,
        *,
        source: str,
        reason: str,
        bundle: CodeBundle | None,
        changes: FileChanges | None = None,
    ) -> None:
        super().__init__(problem)
        self.source = source
        self.reason = reason
        self.bundle = bundle
        self.changes = changes


class RemoteCodeImportError(HubIoError, ImportError):
    """Trusted code failed on import, or lacks a class that `auto_map` names. Its modules were removed again.

    Attributes:
        source: The folder or repository that holds the code.
        file: The file.
        class_name: The class that the file lacks, or None if the import failed.
    """

    def __init__(self, problem: str, *, source: str, file: str, class_name: str | None = None) -> None:
        super().__init__(problem)
        self.source = source
        self.file = file
        self.class_name = class_name


class TrustStoreError(HubIoError, ValueError, OSError):
    """A trust file is malformed, or cannot be read or written. It trusts nothing, and no remote code runs.

    Attributes:
        path: The file.
        line: Line of the error, counted from 1, or None if it has none.
    """

    def __init__(self, problem: str, *, path: Path, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else f"{path}"
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.line = line


class TrustPolicyError(HubIoError, ValueError, RuntimeError):
    """A setting for remote code is invalid, so none runs; or the process's policy cannot be changed.

    A frozen policy cannot be changed, and code of a checkpoint that is being loaded cannot change it either.
    """


class UnpinnedCodeWarning(UserWarning):
    """A repository's code was trusted without a commit: anybody who can push there decides what runs."""


class MissingRequirementsError(RemoteCodeImportError):
    """Trusted code imports modules that are not installed. None of it was run.

    Attributes:
        modules: The missing top-level modules.
    """

    def __init__(self, problem: str, *, source: str, file: str, modules: tuple[str, ...]) -> None:
        super().__init__(problem, source=source, file=file)
        self.modules = modules


class UnservedNamesError(RemoteCodeImportError):
    """Trusted code uses names of transformers that are not served. None of it was run.

    Attributes:
        names: Place of each use, as `file:line`, to the names.
    """

    def __init__(self, problem: str, *, source: str, file: str, names: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(problem, source=source, file=file)
        self.names = dict(names)


class NoRemoteCodeError(HubIoError, ValueError):
    """The checkpoint ships no code, or has its code in a folder, which has no `code_revision`.

    Attributes:
        source: The checkpoint.
    """

    def __init__(self, source: str, problem: str | None = None) -> None:
        super().__init__(
            problem
            or f"{source} ships no code: its config.json has no auto_map with a class for an Auto class. Install or "
            "import the package that has its classes instead."
        )
        self.source = source


class CodeStoreError(HubIoError, OSError):
    """An entry of the code store is missing, or its files do not have its digest.

    Attributes:
        path: The folder of the entry.
    """

    def __init__(
        self, problem: str, *, path: Path, remedy: str = "Remove this folder, and load the code again."
    ) -> None:
        super().__init__(f"{path}: {problem} None of it was run. {remedy}")
        self.path = path
