"""The code of a checkpoint as values: its source files with one digest, where they came from, and classes in them.

A class is referred to by a value of `auto_map`, and may be in another repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.checkpoint import check_relative_name
from config_core.errors import ClassReferenceError, UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ClassReference", "CodeBundle", "CodeOrigin", "content_digests", "listing_digest"]

_REPO = r"(?a)[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"


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


@dataclass(frozen=True, slots=True)
class ClassReference:
    """A reference to a class in a source file.

    Attributes:
        module: The file without `.py`, relative to the checkpoint: `modeling_x` or `folder/modeling_x`.
        class_name: The class in it.
        repo: The repository `owner/name` of the file, or None if the file is beside the config.
    """

    module: str
    class_name: str
    repo: str | None = None

    @classmethod
    def parse(cls, text: Any) -> ClassReference:
        """Parse `module.Class`, `folder/module.Class` or `owner/repo--module.Class`.

        Raises:
            ClassReferenceError: `text` does not have one of these forms, or points outside the checkpoint.
        """
        if not isinstance(text, str):
            raise _malformed(text, f"expected a string, got {type(text).__name__}")
        repo, separator, rest = text.rpartition("--")
        if separator and not re.fullmatch(_REPO, repo):
            raise _malformed(text, f"{repo!r} is not a repository 'owner/name'")
        module, dot, class_name = rest.rpartition(".")
        if not dot:
            raise _malformed(text, "it does not name a class after a dot")
        if not class_name.isidentifier():
            raise _malformed(text, f"{class_name!r} is not the name of a class")
        try:
            check_relative_name(module, where="auto_map")
        except UnsafeNameError as error:
            raise _malformed(text, str(error).rstrip(".")) from error
        if not all(part.isidentifier() for part in module.split("/")):
            raise _malformed(text, f"{module!r} is not the name of a module")
        if not module.isascii():
            raise _malformed(text, f"{module!a} is not ASCII: similar letters could hide which file is used")
        if any(part.startswith("__") and part.endswith("__") for part in module.split("/")):
            raise _malformed(text, f"{module!r} is a name reserved by Python")
        return cls(module=module, class_name=class_name, repo=repo or None)

    @property
    def filename(self) -> str:
        """The source file, relative to the checkpoint."""
        return f"{self.module}.py"

    def __str__(self) -> str:
        prefix = f"{self.repo}--" if self.repo else ""
        return f"{prefix}{self.module}.{self.class_name}"


def _malformed(text: object, problem: str) -> ClassReferenceError:
    return ClassReferenceError(
        f"auto_map value {text!r:.300}: {problem:.500}. Allowed are 'module.Class', 'folder/module.Class' and "
        "'owner/repo--module.Class'.",
        reference=text,
    )
