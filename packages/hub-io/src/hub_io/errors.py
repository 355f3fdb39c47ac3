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
    ├── RemoteCodeRefusedError (PermissionError)               a checkpoint's code is not trusted
    ├── RemoteCodeImportError (ImportError)                    trusted code failed while it was imported
    │   ├── RemoteClassError                                     it has no such class
    │   └── MissingRequirementsError                             something that it needs is not installed; nothing ran
    ├── TrustStoreError (ValueError, OSError)                  a file of trusted code is malformed; nothing runs
    ├── TrustPolicyError (ValueError)                          a setting about remote code is none; nothing runs
    │   └── FrozenPolicyError (RuntimeError)                     the process's policy may not be changed any more
    ├── NoRemoteCodeError (ValueError)                         the checkpoint ships no code
    ├── CodeRevisionError (ValueError)                         `code_revision` was given for code that has no revisions
    └── CodeStoreError (OSError)                               an entry of the code store is missing or was changed

    UnpinnedCodeWarning (UserWarning)                          trusted code was loaded without saying which commit

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
    "CodeRevisionError",
    "CodeStoreError",
    "FrozenPolicyError",
    "HubAnswerError",
    "HubError",
    "HubIoError",
    "HubUnavailableError",
    "IgnoredFilesError",
    "MissingRequirementsError",
    "ModelCardError",
    "NoRemoteCodeError",
    "NotDownloadedError",
    "RemoteClassError",
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


class RemoteCodeRefusedError(HubIoError, PermissionError):
    """A checkpoint ships code that is not trusted. None of it was run.

    Attributes:
        source: The folder or repository that holds the code.
        reason: Why it is not trusted.
        bundle: The files that would run, with their digests; None if they could not even be collected.
        changes: How they differ from what was trusted of the same source; None if nothing was.
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
    """Trusted code failed while it was imported; nothing of it stays imported.

    Attributes:
        source: The folder or repository that holds the code.
        file: The file that was to be imported.
    """

    def __init__(self, problem: str, *, source: str, file: str) -> None:
        super().__init__(problem)
        self.source = source
        self.file = file


class RemoteClassError(RemoteCodeImportError):
    """The code has no class of the name that `auto_map` gives.

    Attributes:
        class_name: The name.
    """

    def __init__(self, problem: str, *, source: str, file: str, class_name: str) -> None:
        super().__init__(problem, source=source, file=file)
        self.class_name = class_name


class TrustStoreError(HubIoError, ValueError, OSError):
    """A file of a trust store cannot be read as one, or not be written. Nothing is trusted by it, and nothing runs.

    Attributes:
        path: The file.
        line: Line of the fault, counted from 1, or None where a line makes no sense.
    """

    def __init__(self, problem: str, *, path: Path, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else f"{path}"
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.line = line


class TrustPolicyError(HubIoError, ValueError):
    """A setting says something about remote code that is not understood. Nothing runs until it is."""


class FrozenPolicyError(TrustPolicyError, RuntimeError):
    """The policy of this process was frozen, or a checkpoint's code tried to change it."""


class UnpinnedCodeWarning(UserWarning):
    """A repository's code was trusted as it happened to be: nobody said at which commit."""


class MissingRequirementsError(RemoteCodeImportError):
    """Trusted code imports what is not installed here. None of it was run.

    Attributes:
        modules: Top-level modules that its files import and that are not installed.
    """

    def __init__(self, problem: str, *, source: str, file: str, modules: tuple[str, ...]) -> None:
        super().__init__(problem, source=source, file=file)
        self.modules = modules


class NoRemoteCodeError(HubIoError, ValueError):
    """The checkpoint's config.json names no class of its own for any auto class.

    Attributes:
        source: The checkpoint in words.
    """

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{source} ships no code: its config.json has no auto_map that names a class for an auto class. There is "
            "nothing to put into a registry; install or import the package that has its classes instead."
        )
        self.source = source


class CodeRevisionError(HubIoError, ValueError):
    """`code_revision` was given, but the code lies in a folder, which has no revisions."""


class CodeStoreError(HubIoError, OSError):
    """An entry of the code store is missing, or its files are not those that its digest names.

    Attributes:
        path: The folder of the entry.
    """

    def __init__(self, problem: str, *, path: Path) -> None:
        super().__init__(f"{path}: {problem} Nothing of it was run. Remove that folder, and load the code again.")
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
