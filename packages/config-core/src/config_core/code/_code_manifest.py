"""What code says about itself: `hub-code.toml` beside the source files of classes.

    requires = ["numpy>=1.26", "pretrained-model-core>=0.1"]
    data = ["tables/*.json"]

It is saved and loaded as a part of the code, and so are the data files that it names. Whoever wrote it may be hostile:
it is read strictly, and names nothing outside its folder.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import check_relative_name
from config_core.errors import SourceCodeError, UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MANIFEST_NAME", "MAX_DATA_BYTES", "CodeManifest", "declared_files"]

MANIFEST_NAME = "hub-code.toml"
MAX_DATA_BYTES = 16 * 1024 * 1024  # of all data files together

_MAX_MANIFEST_BYTES = 256 * 1024
_MAX_ENTRIES = 1000
_MAX_COMPARISONS = 2_000_000  # of names with patterns
_WILDCARDS = re.compile(r"[*?]")
# Beside the code of a checkpoint lie files that come and go without it. A pattern that takes them is a trap: the code
# would have another digest after every save. A pattern is tried on names of every such kind.
_NOT_DATA = (
    "config.json", "generation_config.json", "model.safetensors", "model-00001-of-00002.safetensors",
    "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "README.md",
    MANIFEST_NAME,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodeManifest:
    """What `hub-code.toml` says.

    Attributes:
        requires: Requirements as in PEP 508, unparsed. They are checked before the code runs.
        data: Patterns of files that the code reads: plain relative names in which `*` and `?` stand for characters of
            one part, and a part `**` for any number of folders. Hidden files and folders are never meant.
    """

    requires: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    @classmethod
    def parse(cls, content: bytes, *, path: str) -> CodeManifest:
        """Read a manifest.

        Args:
            content: The file.
            path: Its name for errors.

        Raises:
            SourceCodeError: It is no TOML, has a key that nobody knows, or a value that is not allowed.
        """
        values = _toml(content, path)
        unknown = sorted(values.keys() - {"requires", "data"})
        if unknown:
            raise SourceCodeError(f"it has a key {unknown[0]!r:.100}. Allowed are 'requires' and 'data'.", path=path)
        manifest = cls(
            requires=_strings(values, "requires", path, example='["numpy>=1.26"]'),
            data=_strings(values, "data", path, example='["tables/*.json"]'),
        )
        for pattern in manifest.data:
            _check_pattern(pattern, path)
        return manifest

    def data_files(self, names: Iterable[str], *, path: str) -> list[str]:
        """Return the files that the patterns of `data` mean, sorted.

        Args:
            names: All files in the manifest's folder and below, with forward slashes.
            path: The manifest's name for errors.

        Raises:
            SourceCodeError: A pattern means no file, the patterns mean too many, or they are too many to compare.
        """
        listed = sorted(names)
        if len(listed) * len(self.data) > _MAX_COMPARISONS:
            raise SourceCodeError(
                f"data has {len(self.data):,} patterns for {len(listed):,} files, which is too much to compare.",
                path=path,
            )
        found: set[str] = set()
        for pattern in self.data:
            parts = _compiled(pattern)
            matching = [name for name in listed if _matches(name.split("/"), parts)]
            if not matching:
                raise SourceCodeError(f"data names {pattern!r:.300}, and there is no such file beside it.", path=path)
            found.update(matching)
        if len(found) > _MAX_ENTRIES:
            raise SourceCodeError(f"data names {len(found):,} files. Allowed are {_MAX_ENTRIES:,}.", path=path)
        return sorted(found)


def declared_files(
    read: Callable[[str], bytes | None], list_names: Callable[[], Iterable[str]], *, where: str
) -> dict[str, bytes]:
    """Return the manifest of a folder with code and the data files that it declares; nothing if it has none.

    Args:
        read: Returns the content of a file relative to the folder, or None if there is none.
        list_names: Returns the names of all files in the folder and below. Called only if data is declared.
        where: The folder in words, for errors.

    Raises:
        SourceCodeError: The manifest is malformed, a data file is missing, or they are too large.
    """
    content = read(MANIFEST_NAME)
    if content is None:
        return {}
    path = f"{where}/{MANIFEST_NAME}"
    manifest = CodeManifest.parse(content, path=path)
    files = {MANIFEST_NAME: content}
    for name in manifest.data_files(list_names(), path=path) if manifest.data else ():
        data = read(name)
        if data is None:
            raise SourceCodeError(f"data names {name!r}, which cannot be read.", path=path)
        files[name] = data
        if sum(map(len, files.values())) > MAX_DATA_BYTES:
            raise SourceCodeError(
                f"with {name!r} the data beside the code is larger than {MAX_DATA_BYTES:,} bytes. It is for tables and "
                "vocabularies; keep weights in the checkpoint.",
                path=path,
            )
    return files


def _toml(content: bytes, path: str) -> dict[str, Any]:
    import tomllib  # few checkpoints have a manifest

    if len(content) > _MAX_MANIFEST_BYTES:
        raise SourceCodeError(f"it is larger than {_MAX_MANIFEST_BYTES:,} bytes.", path=path)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=path) from error
    except (ValueError, RecursionError) as error:
        raise SourceCodeError(f"it is not TOML: {error}.", path=path) from error


def _strings(values: dict[str, Any], key: str, path: str, *, example: str) -> tuple[str, ...]:
    found = values.get(key, [])
    if not isinstance(found, list) or not all(isinstance(value, str) for value in found):
        raise SourceCodeError(f"{key} must be a list of strings such as {example}, got {found!r:.100}.", path=path)
    if len(found) > _MAX_ENTRIES:
        raise SourceCodeError(f"{key} has more than {_MAX_ENTRIES:,} entries.", path=path)
    return tuple(found)


def _check_pattern(pattern: str, path: str) -> None:
    """Refuse patterns that leave the folder, mean hidden files, or take what is not the code's."""
    try:
        check_relative_name(_WILDCARDS.sub("x", pattern), where="data")
    except UnsafeNameError as error:
        raise SourceCodeError(
            f"data names {pattern!r:.300}; allowed are plain relative names inside the folder, with * and ? in place "
            "of characters.",
            path=path,
        ) from error
    if any(part.startswith(".") for part in pattern.split("/")):
        raise SourceCodeError(f"data names {pattern!r:.300}; hidden files are not part of code.", path=path)
    parts = _compiled(pattern)
    if taken := next((name for name in _NOT_DATA if _matches([name], parts)), None):
        raise SourceCodeError(
            f"data names {pattern!r:.300}, which means {taken} as well, and that changes with every save. Name data "
            "more closely, such as 'tables/*.json'.",
            path=path,
        )


def _compiled(pattern: str) -> list[re.Pattern[str] | None]:
    """Return a regular expression for each part of a pattern, None for `**`."""
    return [
        None if part == "**" else re.compile(fnmatch.translate(part.replace("[", "[[]"))) for part in pattern.split("/")
    ]


def _matches(name: list[str], pattern: list[re.Pattern[str] | None]) -> bool:
    """Tell whether the parts of a name fit those of a pattern.

    Each part of the pattern is tried on every part of the name once, whatever a hostile pattern looks like.
    """
    # reached[i]: the pattern so far fits the first i parts.
    reached = [True] + [False] * len(name)
    for wanted in pattern:
        if wanted is None:
            for index, part in enumerate(name):
                reached[index + 1] |= reached[index] and not part.startswith(".")
        else:
            previous, reached = reached, [False] * len(reached)
            for index, part in enumerate(name):
                reached[index + 1] = previous[index] and not part.startswith(".") and wanted.match(part) is not None
    return reached[-1]
