"""What a file on the Hub is: bytes kept as a git blob, or as an LFS object that git knows by a pointer."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha1, sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "DEFAULT_ATTRIBUTES", "SAMPLE_SIZE", "Blob", "git_blob_id", "is_lfs", "make_blob"]

ATTRIBUTES = ".gitattributes"
SAMPLE_SIZE = 512
_LFS_SIZE = 10 * 1024 * 1024
_LFS_SUFFIXES = (
    "bin",
    "ckpt",
    "gz",
    "h5",
    "msgpack",
    "npy",
    "npz",
    "onnx",
    "parquet",
    "pkl",
    "pt",
    "pth",
    "safetensors",
    "zip",
)
DEFAULT_ATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _LFS_SUFFIXES).encode()


def git_blob_id(content: bytes) -> str:
    """Return the id git gives to `content`."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Blob:
    """One file's content and how it is kept."""

    content: bytes
    lfs: bool

    @cached_property
    def sha256(self) -> str:
        """The LFS object's id."""
        return sha256(self.content).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git itself holds for an LFS object."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return text.encode()

    @cached_property
    def oid(self) -> str:
        """Git's id of the blob, which for an LFS object is the pointer's."""
        return git_blob_id(self.pointer if self.lfs else self.content)

    @property
    def etag(self) -> str:
        """What the client names the cached file after."""
        return self.sha256 if self.lfs else self.oid


def is_lfs(path: str, *, size: int, sample: bytes, attributes: bytes) -> bool:
    """Say whether a file is kept as an LFS object: by `.gitattributes`, by its size, or because it is binary."""
    if path == ATTRIBUTES:
        return False
    lines = [line.split() for line in attributes.decode().splitlines() if "filter=lfs" in line]
    name = path.rsplit("/", 1)[-1]
    matched = any(fnmatchcase(path if "/" in pattern else name, pattern) for pattern, *_ in lines)
    return matched or size >= _LFS_SIZE or b"\0" in sample


def make_blob(path: str, content: bytes | str, files: Mapping[str, Blob]) -> Blob:
    """Return the blob that `content` becomes at `path` beside `files`."""
    data = content.encode() if isinstance(content, str) else content
    attributes = files[ATTRIBUTES].content if ATTRIBUTES in files else b""
    return Blob(data, is_lfs(path, size=len(data), sample=data[:SAMPLE_SIZE], attributes=attributes))
