"""Errors of hub_io. Each is also the builtin exception that callers already catch.

    HubIoError
    ├── HubError (OSError)                                     the Hub, or the way to it
    │   ├── RepositoryNotFoundError (CheckpointNotFoundError)    no such repository, or a private one
    │   ├── RevisionNotFoundError (CheckpointNotFoundError)      the repository has no such branch, tag or commit
    │   ├── NotDownloadedError (CheckpointNotFoundError)         offline, and not downloaded before
    │   ├── AccessDeniedError (PermissionError)                  the token is missing, unknown, or may not do this
    │   │   └── UnreadableRepositoryError (CheckpointNotFoundError)  … and so the repository cannot be read
    │   ├── HubUnavailableError (ConnectionError)                the Hub cannot be reached, or fails itself
    │   ├── HubAnswerError                                       the Hub refused for another reason
    │   └── StorageError                                         a download cannot be written to this machine
    ├── RemoteCodeRefusedError (PermissionError)               a checkpoint's code is not trusted
    ├── RemoteCodeImportError (ImportError)                    trusted code failed while it was imported
    │   └── RemoteClassError                                     it has no such class
    ├── NoRemoteCodeError (ValueError)                         the checkpoint ships no code
    └── CodeRevisionError (ValueError)                         `code_revision` was given for code that has no revisions

`CheckpointNotFoundError` is config_core's, and a `FileNotFoundError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config_core.errors import CheckpointNotFoundError

if TYPE_CHECKING:
    from config_core.code_bundle import CodeBundle

__all__ = [
    "AccessDeniedError",
    "CodeRevisionError",
    "HubAnswerError",
    "HubError",
    "HubIoError",
    "HubUnavailableError",
    "NoRemoteCodeError",
    "NotDownloadedError",
    "RemoteClassError",
    "RemoteCodeImportError",
    "RemoteCodeRefusedError",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "StorageError",
    "UnreadableRepositoryError",
]


class HubIoError(Exception):
    """Base of every error that hub_io raises on purpose."""

    def __str__(self) -> str:
        # OSError formats its arguments in a way of its own; our messages are whole sentences.
        return str(self.args[0]) if self.args else ""


class HubError(HubIoError, OSError):
    """Something about the Hub or the way to it.

    Attributes:
        source: The repository, as it was named by the caller.
    """

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
    """The Hub refused for a reason that has no error of its own here.

    Attributes:
        status: HTTP status of its answer.
    """

    def __init__(self, problem: str, *, source: str, status: int) -> None:
        super().__init__(problem, source=source)
        self.status = status


class StorageError(HubError):
    """A download cannot be written to this machine: the disk is full, or the folder is read-only.

    `errno` is that of the failed write.
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
    """

    def __init__(self, problem: str, *, source: str, reason: str, bundle: CodeBundle | None) -> None:
        super().__init__(problem)
        self.source = source
        self.reason = reason
        self.bundle = bundle


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
