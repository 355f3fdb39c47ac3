"""The source files that a checkpoint's classes need, as one value with one digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from config_core.checkpoint import check_relative_name
from config_core.errors import UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CodeBundle", "CodeOrigin", "content_digests", "listing_digest"]


@dataclass(frozen=True)
class CodeBundle:
    """Source files and the classes in them that Auto classes load.

    Attributes:
        files: Name relative to the checkpoint, with forward slashes, to content.
        auto_map: Name of an Auto class to a class in these files: `{"AutoModel": "modeling_x.XModel"}`.
        digest: SHA-256 (hexadecimal) of the sorted names and the SHA-256 of each content. It does not depend on
            `auto_map`: the same files are the same code.

    Raises:
        UnsafeNameError: A file name is not a plain relative ASCII name, or differs from another only in case: some
            systems write such names differently, or take two files for one.
    """

    files: Mapping[str, bytes]
    auto_map: Mapping[str, str] = field(default_factory=dict)
    digest: str = field(init=False)
    _file_digests: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", dict(sorted(self.files.items())))
        object.__setattr__(self, "auto_map", dict(sorted(self.auto_map.items())))
        _check_names(self.files)
        object.__setattr__(self, "_file_digests", content_digests(self.files))
        object.__setattr__(self, "digest", listing_digest(self._file_digests))

    def file_digests(self) -> dict[str, str]:
        """Return the SHA-256 (hexadecimal) of each file, by name, sorted."""
        return dict(self._file_digests)


def _check_names(names: Iterable[str]) -> None:
    by_folded: dict[str, str] = {}
    for name in names:
        check_relative_name(name, where="code")
        if not name.isascii():
            reason = f"is not ASCII ({name!a}): similar letters could hide which file is used"
            raise UnsafeNameError(name, where="code", reason=reason)
        if (other := by_folded.setdefault(name.lower(), name)) != name:
            raise UnsafeNameError(name, where="code", reason=f"is the same file as {other!r} on some systems")


def content_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 (hexadecimal) of each file, by name."""
    import hashlib

    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def listing_digest(file_digests: Mapping[str, str]) -> str:
    """Return the digest of a bundle whose files have these digests.

    Args:
        file_digests: Name of each file to the SHA-256 (hexadecimal) of its content.
    """
    import hashlib

    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(file_digests.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


class CodeOrigin(NamedTuple):
    """Where the code of a checkpoint came from, and what let it run.

    Attributes:
        source: The folder or repository that holds the code.
        commit: Its commit, or None for a folder, or if another process had loaded the code.
        digest: Digest of the files.
        trusted_by: What let the code run: the file and the entry of a trust store, or the word of a caller.
    """

    source: str
    commit: str | None
    digest: str
    trusted_by: str
