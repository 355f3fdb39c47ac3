"""The hub: the options of a load, and the service behind the entry point `config_core.hub`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict, cast

from config_core.errors import UnknownOptionError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from config_core.checkpoint._checkpoint import Checkpoint

__all__ = ["HubKeywords", "HubOptions", "HubService", "check_push", "hub_service", "push_saved"]

_PUSH_OPTIONS = ("commit_message", "commit_description", "private", "token", "revision", "create_pr", "tags")


class HubOptions(NamedTuple):
    """The hub options of a load. Folders have no revisions and need no download.

    Attributes:
        revision: Branch, tag or commit of a repository; None for its default branch.
        subfolder: Folder inside the checkpoint, with forward slashes.
        token: Access token; True for the stored one, False for none, None for the stored one if there is one.
        cache_dir: Where downloads are kept; the hub client's own folder if None.
        local_files_only: Use only what was downloaded before, and no network.
        force_download: Download files again that are already there.
    """

    revision: str | None = None
    subfolder: str = ""
    token: str | bool | None = None
    cache_dir: str | os.PathLike[str] | None = None
    local_files_only: bool = False
    force_download: bool = False

    def __repr__(self) -> str:
        """Return the options that are set. A token is not shown: this text gets into logs."""
        changed = {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}
        if isinstance(changed.get("token"), str):
            changed["token"] = "***"  # noqa: S105 - stands for one
        return f"HubOptions({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


class HubKeywords(TypedDict, total=False):
    """`HubOptions` as keywords, for functions that take them one by one."""

    revision: str | None
    subfolder: str
    token: str | bool | None
    cache_dir: str | os.PathLike[str] | None
    local_files_only: bool
    force_download: bool


class HubService(Protocol):
    """A hub of repositories. `pretrained-hub-io` offers one for the Hugging Face Hub."""

    def open(self, repo_id: str, options: HubOptions) -> Checkpoint:
        """Open a repository at one commit.

        Raises:
            CheckpointNotFoundError: There is no such repository or revision, or no permission to read it.
        """
        ...

    def publish(self, folder: Path, repo_id: str, **options: Any) -> Any:
        """Upload a saved checkpoint in one commit and return the hub's answer."""
        ...


def hub_service() -> HubService:
    """Return the installed hub.

    Raises:
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    from config_core.services import find_service

    service = find_service("config_core.hub", distribution="pretrained-hub-io", purpose="Using a repository on a hub")
    return cast("HubService", service)


def check_push(options: Iterable[str]) -> None:
    """Check that a push can be made, before anything is saved for it.

    Args:
        options: Names of the options of `push_saved`.

    Raises:
        UnknownOptionError: There is no such option.
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    unknown = tuple(sorted(set(options).difference(_PUSH_OPTIONS)))
    if unknown:
        raise UnknownOptionError(
            f"push_to_hub has no option {', '.join(map(repr, unknown))}. Options are {', '.join(_PUSH_OPTIONS)}.",
            names=unknown,
        )
    hub_service()


def push_saved(save: Callable[[Path], object], repo_id: str, **options: Any) -> Any:
    """Save into a temporary folder and publish that folder in one commit.

    Args:
        save: Called with an empty folder, into which it saves.
        repo_id: Repository as `owner/name`, or `name` for the token's own account.
        **options: Options of `HubService.publish`: `commit_message`, `commit_description`, `private`, `token`,
            `revision`, `create_pr`, `tags`.

    Returns:
        What the hub answers: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

    Raises:
        UnknownOptionError: There is no such option.
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    import tempfile

    check_push(options)
    service = hub_service()
    with tempfile.TemporaryDirectory(prefix="pretrained-push-") as folder:
        save(Path(folder))
        return service.publish(Path(folder), repo_id, **options)
