"""Whether a file that was downloaded is the one that the Hub's listing describes.

The client compares sizes. What comes by xet is checked by its hash on the way; for what comes by plain HTTP, the
listing has the SHA-256 of an LFS object, and git's id of a small file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hub_io.errors import HubUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from huggingface_hub import RepoFile

__all__ = ["check_arrived"]


def check_arrived(paths: Mapping[str, Path], listing: Mapping[str, RepoFile], *, source: str) -> None:
    """Compare files that were just downloaded with the listing of their commit, and remove those that differ.

    Args:
        paths: Where they lie in the client's cache, by name.
        listing: The files of the commit, by name.
        source: The repository, for the error.

    Raises:
        HubUnavailableError: A file has the right length and other bytes. It was removed.
    """
    for name, path in paths.items():
        if name in listing and not _is_as_listed(path, listing[name]):
            blob = path.parent / path.readlink() if path.is_symlink() else path
            blob.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise HubUnavailableError(
                f"{name!a} of {source!r} arrived with other bytes than the Hub's listing says, and was removed. "
                "Something on the way changed it: check the proxy or mirror, and try again.",
                source=source,
            )


def _is_as_listed(path: Path, listed: RepoFile) -> bool:
    kept_as = path.readlink().name if path.is_symlink() else None
    if kept_as and (path.parent / path.readlink()).is_symlink():  # in the shared store: checked by xet
        return True
    if listed.lfs is not None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == listed.lfs.sha256
    if kept_as != listed.blob_id:  # other hubs may give other ids; git's is what both have to be
        return True
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == listed.blob_id
