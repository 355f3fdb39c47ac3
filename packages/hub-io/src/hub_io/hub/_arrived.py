"""Whether a file that was downloaded is the one that the Hub's listing describes.

The client compares sizes, and its xet part does not notice other bytes either (hf_xet 1.8). The client names a file
after its ETag, and the listing has git's id of it, which for an LFS object is that of the pointer with its SHA-256.
Where the two agree, the ETag is a hash and no mere label.
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
    """Compare files that have just come into the client's cache with the listing of their commit.

    Args:
        paths: Where they lie in the cache, by name.
        listing: The files of the commit, by name.
        source: The repository, for the error.

    Raises:
        HubUnavailableError: A file has the right length and other bytes. The repository's cache no longer has it.
    """
    for name, path in paths.items():
        if name in listing and not _is_as_listed(path, listing[name]):
            blob = path.parent / path.readlink()
            path.unlink(missing_ok=True)
            blob.unlink(missing_ok=True)  # a link, if other repositories share the file: theirs is not ours to remove
            raise HubUnavailableError(
                f"{name!a} of {source!r} arrived with other bytes than the Hub's listing says. Something on the way "
                "changed it: check the proxy or mirror, and load it again with force_download=True.",
                source=source,
            )


def _is_as_listed(path: Path, listed: RepoFile) -> bool:
    """Return False if a file is surely another one. A hub whose ETags are no hashes is taken at its word."""
    if not path.is_symlink():  # a cache without links has no ETags
        return True
    etag = path.readlink().name
    if etag == listed.blob_id:
        return _git_id(path.read_bytes()) == etag
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{etag}\nsize {listed.size}\n"
    if _git_id(pointer.encode()) != listed.blob_id:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == etag


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
