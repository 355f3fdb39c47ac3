"""Where a checkpoint is on a hub and how its files get to this machine: what every load is told, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    import os

__all__ = ["HubKeywords", "HubOptions"]


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
