"""Checking downloads against the Hub's listing.

The client compares sizes only, and its xet part does not notice other bytes either (hf_xet 1.8). The listing has git's
id of each file, which for an LFS object is that of the pointer with its SHA-256 and size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub_io.errors import HubUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from huggingface_hub import RepoFile

__all__ = ["verify_downloads"]


def verify_downloads(paths: Mapping[str, Path], listing: Mapping[str, RepoFile], *, source: str) -> None:
    """Compare files that were just downloaded with the listing of their commit.

    Args:
        paths: Where they are in the client's cache, by name. Missing ones are skipped.
        listing: The files of the commit, by name.
        source: The repository, for the error.

    Raises:
        HubUnavailableError: Files have the right length and other bytes. They were removed from the repository's cache.
    """
    damaged = [name for name, path in paths.items() if name in listing and not _is_as_listed(path, listing[name])]
    for name in damaged:
        path = paths[name]
        if path.is_symlink():
            # A link, if repositories share the file: the file itself may be what another repository listed.
            (path.parent / path.readlink()).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    if damaged:
        raise HubUnavailableError(
            f"{', '.join(map(ascii, damaged))} of {source!r} arrived with other bytes than the Hub's listing says. "
            "Something on the way changed them: check the proxy or mirror, and load again with force_download=True.",
            source=source,
        )


def _is_as_listed(path: Path, listed: RepoFile) -> bool:
    """Return whether a file has the content that is listed, as far as that can be told."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        return False
    try:
        etag = path.readlink().name if path.is_symlink() else None
        is_lfs = etag != listed.blob_id
        if etag is not None and is_lfs and _pointer_id(etag, listed.size) != listed.blob_id:
            return True  # a hub whose ids are no hashes
        if is_lfs and _pointer_id(_sha256(path), listed.size) == listed.blob_id:
            return True
        return _git_id(path) == listed.blob_id if etag in {None, listed.blob_id} else False
    except FileNotFoundError:
        return not path.is_symlink()  # never there, or just removed by another thread that has checked it


def _pointer_id(sha256: str, size: int) -> str:
    """Return git's id of the pointer to an LFS object."""
    import hashlib

    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_id(path: Path) -> str:
    """Return git's id of a file."""
    import hashlib

    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
