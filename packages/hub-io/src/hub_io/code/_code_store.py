"""Trusted code on disk, where other processes find it by its digest.

An entry is a folder `code/<digest>/`. It is written under a temporary name and then renamed, so it exists completely or
not at all. No lock is needed: two writers of one digest write the same bytes. The store is a cache and grants no trust:
a read verifies the digest and returns exactly those bytes, or raises.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config_core.checkpoint import decode_json, read_at_most, replace_file
from config_core.code import MAX_DATA_BYTES, ClassReference, CodeBundle
from hub_io.errors import CodeStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CACHE_VARIABLE", "CodeStore", "KeptCode"]

CACHE_VARIABLE: Final = "HUB_IO_CACHE"

_DIGEST = r"[0-9a-f]{64}"
_HEADER = "code.json"
_FILES = "files"
_VERSION = 1
_MAX_FILES = 10_000
_MAX_HEADER_BYTES = 1024 * 1024
_UNFINISHED = ".new-"
_ABANDONED_SECONDS = 24 * 3600
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class KeptCode:
    """Code from the store, with the requested digest.

    Attributes:
        source: The folder or repository that it came from. For messages only; nothing depends on it.
        bundle: The code.
    """

    source: str
    bundle: CodeBundle


class CodeStore:
    """A folder of code bundles by digest.

    Attributes:
        folder: The folder. It may not exist yet.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    @classmethod
    def default(cls) -> CodeStore:
        """Return the user's store: in `$HUB_IO_CACHE` or, if that is unset, in the user's cache folder.

        Raises:
            CodeStoreError: The user has no home folder.
        """
        return cls(_cache_folder() / "code")

    def keep(self, bundle: CodeBundle, *, source: str) -> Path:
        """Add code to the store unless it is there already. A damaged entry is replaced.

        If the entry exists, the bundle's classes are added to it: two checkpoints with the same files may name
        different classes.

        Args:
            bundle: The code.
            source: Where it came from, for messages.

        Returns:
            The folder of the entry.

        Raises:
            OSError: The store cannot be written.
        """
        entry = self.folder / bundle.digest
        if kept := _kept(entry):
            _add_classes(entry, kept, bundle)
            return entry
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_abandoned()
        with self._scratch() as scratch:
            fresh = scratch / "entry"
            _write(fresh, bundle, source)
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(OSError):
                    fresh.rename(entry)
                    return entry
                if _kept(entry):  # another process was first
                    return entry
                with contextlib.suppress(OSError):  # another process may move it at the same time
                    entry.rename(scratch / f"bad-{time.monotonic_ns()}")
            fresh.rename(entry)
        return entry

    def read(self, digest: str) -> KeptCode:
        """Return the code of a digest.

        Raises:
            CodeStoreError: There is no such entry, or its files do not have this digest.
        """
        entry = self.folder / digest
        if not re.fullmatch(_DIGEST, digest) or not os.path.lexists(entry):
            raise CodeStoreError("there is no such entry.", path=entry)
        return _read(entry)

    def digests(self, start: str = "") -> list[str]:
        """Return the digests of the entries that start with `start`, sorted."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        return sorted(name for name in names if re.fullmatch(_DIGEST, name) and name.startswith(start))

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on the same file system; it is removed afterwards."""
        import shutil  # imports every compression library
        import tempfile

        scratch = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _remove_abandoned(self) -> None:
        """Remove temporary folders that killed processes left behind."""
        import shutil

        for path in self.folder.glob(f"{_UNFINISHED}*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)


def _cache_folder() -> Path:
    if given := os.environ.get(CACHE_VARIABLE):
        folder = Path(given)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local", "hub-io")
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "hub-io")
    try:
        return folder.expanduser()
    except RuntimeError as error:
        remedy = f"Set {CACHE_VARIABLE} to a folder."
        raise CodeStoreError("the home folder is unknown.", path=folder, remedy=remedy) from error


def _write(entry: Path, bundle: CodeBundle, source: str) -> None:
    entry.mkdir()
    (entry / _HEADER).write_text(_header(source, bundle.auto_map), encoding="utf-8")
    for name, content in bundle.files.items():
        path = entry / _FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _add_classes(entry: Path, kept: KeptCode, bundle: CodeBundle) -> None:
    """Add the classes of a bundle to an entry with the same files. The bundle wins where the two differ."""
    if bundle.auto_map.items() <= kept.bundle.auto_map.items():
        return
    header = _header(kept.source, {**kept.bundle.auto_map, **bundle.auto_map})
    replace_file(entry / _HEADER, header.encode())


def _header(source: str, auto_map: Mapping[str, str]) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in source)
    return json.dumps({"version": _VERSION, "source": shown, "auto_map": dict(auto_map)}, indent=2) + "\n"


def _kept(entry: Path) -> KeptCode | None:
    """Return the code of an entry, or None if it is missing or damaged."""
    try:
        return _read(entry)
    except CodeStoreError:
        return None


def _read(entry: Path) -> KeptCode:
    """Return the code of an entry.

    Raises:
        CodeStoreError: It cannot be read, or its files do not have the digest in its name.
    """
    try:
        header = _read_header(entry / _HEADER)
        files = {name: _read_file(path, MAX_DATA_BYTES) for name, path in _list_files(entry / _FILES)}
        bundle = CodeBundle(files, header["auto_map"])
        _check_classes(header["auto_map"], bundle)
    except (OSError, ValueError) as error:
        raise CodeStoreError(f"it cannot be read: {str(error).rstrip('.')}.", path=entry) from error
    if bundle.digest != entry.name:
        raise CodeStoreError("its files were changed: they have another digest.", path=entry)
    return KeptCode(header["source"], bundle)


def _list_files(folder: Path) -> Iterator[tuple[str, Path]]:
    count = 0
    for base, _, names in os.walk(folder):
        for name in names:
            count += 1
            if count > _MAX_FILES:
                raise ValueError(f"it has more than {_MAX_FILES:,} files")
            path = Path(base) / name
            yield path.relative_to(folder).as_posix(), path


def _read_file(path: Path, limit: int) -> bytes:
    if not path.is_file():  # opening a pipe would wait for a writer
        raise ValueError(f"{path.name} is not a file")
    content = read_at_most(path, limit)
    if len(content) > limit:
        raise ValueError(f"{path.name} is larger than {limit:,} bytes")
    return content


def _read_header(path: Path) -> dict[str, Any]:
    header = decode_json(_read_file(path, _MAX_HEADER_BYTES), path=path)
    if not isinstance(header, dict) or header.keys() != {"version", "source", "auto_map"}:
        raise ValueError(f"{path.name} is malformed")
    if header["version"] != _VERSION:
        raise ValueError(f"{path.name} has version {header['version']!r}, and this release reads {_VERSION}")
    source = header["source"]
    if not isinstance(source, str) or not source.isprintable() or not isinstance(header["auto_map"], dict):
        raise ValueError(f"{path.name} is malformed")
    return header


def _check_classes(auto_map: Mapping[str, Any], bundle: CodeBundle) -> None:
    """Check the map of classes, which the digest does not cover: it may only name classes in these files."""
    for name, text in auto_map.items():
        reference = ClassReference.parse(text)
        places = {reference.filename, f"{reference.module}/__init__.py"}
        if not name.isidentifier() or reference.repo is not None or places.isdisjoint(bundle.files):
            raise ValueError(f"{_HEADER} names {text!r}, which is not in its files")
