"""Trusted code on this machine's disk, for other processes to find by its digest.

An entry is a folder `code/<digest>/` that is written under a name of its own and then renamed, so that it is there as a
whole or not at all. No lock is needed: whoever comes second finds the same bytes. The store is a cache and proves
nothing: whoever reads from it asks for a digest, and gets the bytes that have it or an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
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

_DIGEST = re.compile(r"[0-9a-f]{64}")
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
    """Code out of the store; its bytes have the digest that was asked for.

    Attributes:
        source: The folder or repository that it came from, in words: nothing depends on it.
        bundle: The code.
    """

    source: str
    bundle: CodeBundle


class CodeStore:
    """A folder of code bundles by digest.

    Attributes:
        folder: The folder. It need not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    @classmethod
    def default(cls) -> CodeStore:
        """Return the store of this user: in `$HUB_IO_CACHE`, or else in the system's place for caches.

        Raises:
            CodeStoreError: The place is in a home that is not there.
        """
        return cls(_cache_folder() / "code")

    def keep(self, bundle: CodeBundle, *, source: str) -> Path:
        """Put code into the store, if it is not there yet. An entry that was tampered with is replaced.

        Classes that another checkpoint with the same files names are added to those of the entry.

        Args:
            bundle: The code.
            source: Where it came from, in words.

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
                if _kept(entry):  # another process was faster
                    return entry
                with contextlib.suppress(OSError):  # another one may move it away at the same time
                    entry.rename(scratch / f"bad-{time.monotonic_ns()}")
            fresh.rename(entry)
        return entry

    def read(self, digest: str) -> KeptCode:
        """Return the code of a digest.

        Raises:
            CodeStoreError: There is no such entry, or its bytes are not those of the digest.
        """
        entry = self.folder / digest
        if not _DIGEST.fullmatch(digest) or not os.path.lexists(entry):
            raise CodeStoreError("there is no such entry.", path=entry)
        return _read(entry)

    def digests(self, start: str = "") -> list[str]:
        """Return the digests of the entries, those that begin in a certain way, sorted."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        return sorted(name for name in names if _DIGEST.fullmatch(name) and name.startswith(start))

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Make a folder under a name of its own, in the same file system, and remove it."""
        import shutil  # brings every compression library along

        scratch = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _remove_abandoned(self) -> None:
        """Remove what processes that were killed have left."""
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
        raise CodeStoreError(f"there is no such home. Set {CACHE_VARIABLE} to a folder.", path=folder) from error


def _write(entry: Path, bundle: CodeBundle, source: str) -> None:
    entry.mkdir()
    (entry / _HEADER).write_text(_header(source, bundle.auto_map), encoding="utf-8")
    for name, content in bundle.files.items():
        path = entry / _FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _add_classes(entry: Path, kept: KeptCode, bundle: CodeBundle) -> None:
    """Add the classes of a bundle to an entry with the same files; where the two contradict, the latest counts."""
    if bundle.auto_map.items() <= kept.bundle.auto_map.items():
        return
    header = _header(kept.source, {**kept.bundle.auto_map, **bundle.auto_map})
    replace_file(entry / _HEADER, header.encode())


def _header(source: str, auto_map: Mapping[str, str]) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in source)
    return json.dumps({"version": _VERSION, "source": shown, "auto_map": dict(auto_map)}, indent=2) + "\n"


def _kept(entry: Path) -> KeptCode | None:
    """Return what an entry holds, or None if it is not there or not what its name says."""
    try:
        return _read(entry)
    except CodeStoreError:
        return None


def _read(entry: Path) -> KeptCode:
    """Return what an entry holds.

    Raises:
        CodeStoreError: It is not what its name says.
    """
    try:
        header = _read_header(entry / _HEADER)
        files = {name: _read_file(path, MAX_DATA_BYTES) for name, path in _list_files(entry / _FILES)}
        bundle = CodeBundle(files, header["auto_map"])
        _check_classes(header["auto_map"], bundle)
    except (OSError, ValueError) as error:
        raise CodeStoreError(f"it cannot be read: {error}.", path=entry) from error
    if bundle.digest != entry.name:
        raise CodeStoreError("its files are not those that were put there: they have another digest.", path=entry)
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
        raise ValueError(f"{path.name} is no file")
    content = read_at_most(path, limit)
    if len(content) > limit:
        raise ValueError(f"{path.name} is larger than {limit:,} bytes")
    return content


def _read_header(path: Path) -> dict[str, Any]:
    header = decode_json(_read_file(path, _MAX_HEADER_BYTES), path=path)
    if not isinstance(header, dict) or header.keys() != {"version", "source", "auto_map"}:
        raise ValueError(f"{path.name} has another form")
    if header["version"] != _VERSION:
        raise ValueError(f"{path.name} has version {header['version']!r}, and this release reads {_VERSION}")
    source = header["source"]
    if not isinstance(source, str) or not source.isprintable() or not isinstance(header["auto_map"], dict):
        raise ValueError(f"{path.name} has another form")
    return header


def _check_classes(auto_map: Mapping[str, Any], bundle: CodeBundle) -> None:
    """Refuse what the digest does not cover unless it can do no harm: the map names classes in these files only."""
    for name, text in auto_map.items():
        reference = ClassReference.parse(text)
        places = {reference.filename, f"{reference.module}/__init__.py"}
        if not name.isidentifier() or reference.repo is not None or places.isdisjoint(bundle.files):
            raise ValueError(f"{_HEADER} names {text!r}, which is not in its files")
