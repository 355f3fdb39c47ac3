"""Errors of hub_io. Each is also the builtin exception that callers already catch.

    HubIoError
    ├── HubError (OSError)                                     the Hub, or the way to it
    │   ├── RepositoryNotFoundError (CheckpointNotFoundError)    no such repository, or a private one
    │   ├── RevisionNotFoundError (CheckpointNotFoundError)      the repository has no such branch, tag or commit
    │   ├── NotDownloadedError (CheckpointNotFoundError)         offline, and not downloaded before
    │   ├── AccessDeniedError (PermissionError)                  the token is missing, unknown, or may not do this
    │   │   └── UnreadableRepositoryError (CheckpointNotFoundError)  … and so the repository cannot be read
    │   ├── HubUnavailableError (ConnectionError)                the Hub cannot be reached, or fails itself
    │   ├── HubAnswerError                                       it refused for another reason, or answered nonsense
    │   ├── StorageError                                         a file cannot be written to or read from this machine
    │   ├── IgnoredFilesError                                    the repository's .gitignore would leave files out
    │   └── ModelCardError (ValueError)                          a model card's metadata is refused or cannot be changed
    ├── RemoteCodeRefusedError (PermissionError, ValueError)   a checkpoint's code is not trusted; none of it ran
    ├── RemoteCodeImportError (ImportError)                    trusted code failed on import, or lacks a class
    │   └── MissingRequirementsError                             a module is not installed; none of it ran
    ├── TrustStoreError (ValueError, OSError)                  a trust file is malformed; no remote code runs
    ├── TrustPolicyError (ValueError, RuntimeError)            a setting is invalid, or the policy cannot be changed
    ├── NoRemoteCodeError (ValueError)                         the checkpoint ships no code, or not at `code_revision`
    └── CodeStoreError (OSError)                               an entry of the code store is missing or was changed

    UnpinnedCodeWarning (UserWarning)                          a repository's code was trusted without a commit

`CheckpointNotFoundError` is config_core's, and a `FileNotFoundError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.error_base import SentenceError
from config_core.errors import CheckpointNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from config_core.code import CodeBundle
    from hub_io.file_changes import FileChanges

__all__ = [
    "AccessDeniedError",
    "CodeStoreError",
    "HubAnswerError",
    "HubError",
    "HubIoError",
    "HubUnavailableError",
    "IgnoredFilesError",
    "MissingRequirementsError",
    "ModelCardError",
    "NoRemoteCodeError",
    "NotDownloadedError",
    "RemoteCodeImportError",
    "RemoteCodeRefusedError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "StorageError",
    "TrustPolicyError",
    "TrustStoreError",
    "UnpinnedCodeWarning",
    "UnreadableRepositoryError",
]


class HubIoError(SentenceError):
    """Base of every error that hub_io raises on purpose."""


class HubError(HubIoError, OSError):
    """Something about the Hub or the way to it.

    Attributes:
        source: The repository, as it was named by the caller.
        host: Host and port that were asked, or None if none was.
        request: Method and address of the request that failed, without its query; None if it is not known.
    """

    host: str | None = None
    request: str | None = None

    def __init__(self, problem: str, *, source: str) -> None:
        OSError.__init__(self, problem)  # config_core's errors among the parents have constructors of their own
        self.source = source


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
    """The network may not be used, and what is wanted was not downloaded before."""


class AccessDeniedError(HubError, PermissionError):
    """The token is missing, unknown or expired, or may not do this."""


class UnreadableRepositoryError(AccessDeniedError, CheckpointNotFoundError):
    """The repository exists, but the token at hand may not read its files."""


class HubUnavailableError(HubError, ConnectionError):
    """The Hub cannot be reached, did not finish its answer, or failed itself.

    Attributes:
        status: HTTP status of its answer, or None if there was none.
    """

    def __init__(self, problem: str, *, source: str, status: int | None = None) -> None:
        super().__init__(problem, source=source)
        self.status = status


class HubAnswerError(HubError):
    """The Hub refused for a reason that has no error of its own here, or its answer cannot be used.

    Attributes:
        status: HTTP status of its answer, or None if that was no problem.
    """

    def __init__(self, problem: str, *, source: str, status: int | None = None) -> None:
        super().__init__(problem, source=source)
        self.status = status


class StorageError(HubError):
    """A file cannot be written to or read from this machine: the disk is full, or the folder is read-only.

    `errno` is that of the system's own error.
    """

    def __init__(self, problem: str, *, source: str, errno: int | None) -> None:
        super().__init__(problem, source=source)
        self.errno = errno


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

    def __init__(self, problem: str, *, path: Path) -> None:
        super().__init__(f"{path}: {problem} None of it was run. Remove this folder, and load the code again.")
        self.path = path


class IgnoredFilesError(HubError):
    """A push would lack files, because a `.gitignore` in the repository names them. Nothing was committed.

    Attributes:
        ignored: The files, each with the line of the `.gitignore` that names it; None if the line is not known.
    """

    def __init__(self, problem: str, *, source: str, ignored: Mapping[str, str | None]) -> None:
        super().__init__(problem, source=source)
        self.ignored = dict(ignored)


class ModelCardError(HubError, ValueError):
    """The metadata of a model card is refused, or cannot be read and so not be changed either. Nothing was pushed."""
