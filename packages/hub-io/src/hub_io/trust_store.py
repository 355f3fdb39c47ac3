"""What has been read and trusted: files of entries that people keep, compare and review.

An entry is about content: the SHA-256 of every file of a bundle, and one digest over the sorted list. Where the code
came from and at which commit stands beside it, so that a refusal can say what has changed, and so that a repository
whose code was trusted is opened at the commit that was read.

A file is read strictly. One that is malformed trusts nothing and is an error; it is never skipped.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from config_core.code_bundle import listing_digest
from config_core.errors import UnsafeNameError
from config_core.safe_names import check_relative_name
from hub_io.errors import TrustStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config_core.code_bundle import CodeBundle

__all__ = ["MAX_STORE_BYTES", "FileChanges", "TrustEntry", "TrustFile", "TrustStore", "compare_files"]

MAX_STORE_BYTES = 16 * 1024 * 1024
_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TRUSTED_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """Code that somebody has trusted.

    Attributes:
        source: The repository `owner/name`, or the path of a folder, that it was read from.
        commit: The commit in full, or None for a folder.
        digest: The bundle's digest, over the names and digests of its files.
        files: Name of each file to its SHA-256 (hexadecimal).
        trusted_at: When, as ISO 8601 in UTC: `2026-01-31T12:00:00Z`.
        note: Why, or by whom; for people.

    Raises:
        ValueError: A value is malformed, or `digest` is not that of `files`.
    """

    source: str
    commit: str | None
    digest: str
    files: Mapping[str, str]
    trusted_at: str
    note: str = ""

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            if problem := check(getattr(self, name)):
                raise _EntryError(name, problem)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))
        if self.digest != (expected := listing_digest(self.files)):
            raise _EntryError("digest", f"is not the digest of the files, which is {expected!r}")

    def __hash__(self) -> int:
        return hash((self.source, self.commit, self.digest, self.trusted_at, self.note))

    @classmethod
    def of(cls, bundle: CodeBundle, *, source: str, commit: str | None, note: str = "") -> TrustEntry:
        """Return an entry that trusts a bundle from now on.

        Args:
            bundle: The code that was read.
            source: The repository, or the full path of the folder, that it was read from.
            commit: The commit in full, or None for a folder.
            note: Why, or by whom.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(source, commit, bundle.digest, bundle.file_digests(), now, note)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in a file."""
        return {**{item.name: getattr(self, item.name) for item in fields(self)}, "files": dict(self.files)}


@dataclass(frozen=True, slots=True)
class FileChanges:
    """How the files of two bundles differ, by name.

    Attributes:
        changed: In both, with other content.
        added: Only in the newer.
        removed: Only in the older.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


def compare_files(old: Mapping[str, str], new: Mapping[str, str]) -> FileChanges:
    """Compare two mappings of name to SHA-256."""
    return FileChanges(
        changed=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file of entries. It is read anew at every call; a file that does not exist has none.

    Attributes:
        path: Where it lies.
    """

    path: Path

    def entries(self) -> tuple[TrustEntry, ...]:
        """Return its entries, sorted by source, the newest first.

        Raises:
            TrustStoreError: It cannot be read, or is malformed.
        """
        try:
            content = _read(self.path)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TrustStoreError(f"it cannot be read: {error.strerror or error}.", path=self.path) from error
        return _decode(content, path=self.path)

    def add(self, entry: TrustEntry) -> None:
        """Add an entry. One of the same source and digest is replaced.

        Raises:
            TrustStoreError: The file is malformed, or cannot be written.
        """
        with _alone(self.path) as path:
            kept = [other for other in self.entries() if _key(other) != _key(entry)]
            _write(path, [*kept, entry])

    def remove(self, *, source: str | None = None, digest: str | None = None) -> tuple[TrustEntry, ...]:
        """Remove the entries of a source, of a digest, or of both together, and return them.

        Args:
            source: The repository or folder; any if None.
            digest: The bundle's digest; any if None.

        Raises:
            ValueError: Neither is given.
            TrustStoreError: The file is malformed, or cannot be written.
        """
        if source is None and digest is None:
            raise ValueError("Say which entries to remove: pass source=, digest= or both.")
        with _alone(self.path) as path:
            entries = self.entries()
            removed = tuple(
                entry for entry in entries if source in {None, entry.source} and digest in {None, entry.digest}
            )
            if removed:
                _write(path, [entry for entry in entries if entry not in removed])
        return removed


@dataclass(frozen=True)
class TrustStore:
    """Entries of several files, the first of which counts most.

    They are read once, when somebody first looks: whoever holds a store decides by what stood in the files then.

    Attributes:
        files: The files.
        ignored: Files that were found and are not used, and why, in words.
    """

    files: tuple[TrustFile, ...] = ()
    ignored: Mapping[Path, str] = field(default_factory=dict, compare=False)
    _read: dict[TrustFile, tuple[TrustEntry, ...]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def located_entries(self) -> tuple[tuple[TrustFile, TrustEntry], ...]:
        """Every entry with its file, file by file.

        Raises:
            TrustStoreError: A file is malformed.
        """
        for file in self.files:
            if file not in self._read:
                self._read[file] = file.entries()
        return tuple((file, entry) for file in self.files for entry in self._read[file])

    def find(self, digest: str) -> TrustEntry | None:
        """Return the first entry of a digest, whatever its source."""
        return next((entry for _, entry in self.located_entries if entry.digest == digest), None)

    def for_source(self, source: str) -> tuple[TrustEntry, ...]:
        """Return the entries of a source: file by file, the newest first."""
        return tuple(entry for _, entry in self.located_entries if entry.source == source)

    def pin(self, repo_id: str) -> str | None:
        """Return the commit at which to open a repository if nobody says otherwise, or None."""
        return next((entry.commit for entry in self.for_source(repo_id) if entry.commit), None)

    def file_of(self, entry: TrustEntry) -> TrustFile:
        """Return the file that an entry stands in."""
        return next(file for file, other in self.located_entries if other is entry)

    def without(self, folder: Path) -> TrustStore:
        """Return the store without the files that lie in a folder: there they are data like the rest of it."""
        inside = {file.path for file in self.files if _lies_in(file.path, _real(folder))}
        if not inside:
            return self
        reason = f"lies in the checkpoint {str(folder)!r} itself, and a checkpoint cannot say that it is trusted"
        return TrustStore(
            tuple(file for file in self.files if file.path not in inside),
            {**self.ignored, **dict.fromkeys(sorted(inside), reason)},
            self._read,
        )


class _EntryError(ValueError):
    """A value of an entry is malformed.

    Attributes:
        key: Which one.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key!r} {problem}")
        self.key = key


def _check_files(files: object) -> str | None:
    if not isinstance(files, Mapping) or not files:
        return f"must name at least one file with its SHA-256, got {files!r:.80}"
    for name, digest in files.items():
        try:
            check_relative_name(name, where="a trust store")
        except UnsafeNameError as error:
            return f"names a file that cannot be: {error}"
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            return f"must give the SHA-256 of {name!r} as 64 hexadecimal digits, got {digest!r:.80}"
    return None


def _check_time(value: object) -> str | None:
    if isinstance(value, str) and _TRUSTED_AT.fullmatch(value):
        with suppress(ValueError):
            datetime.fromisoformat(value)
            return None
    return f"must be a time in UTC such as '2026-01-31T12:00:00Z', got {value!r:.80}"


def _matches(pattern: re.Pattern[str], wanted: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        return None if isinstance(value, str) and pattern.fullmatch(value) else f"must be {wanted}, got {value!r:.80}"

    return check


_check_commit = _matches(_COMMIT, "a commit in full or null")

# What is wrong with a value, or None.
_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "source": _matches(re.compile(r"[^\x00-\x1f\x7f]+"), "a repository 'owner/name' or the path of a folder"),
    "commit": lambda value: None if value is None else _check_commit(value),
    "digest": _matches(_SHA256, "a SHA-256 of 64 hexadecimal digits"),
    "files": _check_files,
    "trusted_at": _check_time,
    "note": lambda value: None if isinstance(value, str) else f"must be a text, got {value!r:.80}",
}
_KEYS = tuple(_CHECKS)

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"(?P<key>{_STRING})(?=\s*:)|{_STRING}|[{{}}]")


def _key(entry: TrustEntry) -> tuple[str, str]:
    return entry.source, entry.digest


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _lies_in(path: Path, folder: Path) -> bool:
    """Tell whether a file is in a folder, or a link to one in it, or a link in it, as in a cache of downloads."""
    return any(place.is_relative_to(folder) for place in (_real(path), _real(path.parent) / path.name))


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # to open a pipe would be to wait for a writer
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        return file.read(MAX_STORE_BYTES + 1)


def _decode(content: bytes, *, path: Path) -> tuple[TrustEntry, ...]:
    if len(content) > MAX_STORE_BYTES:
        raise TrustStoreError(f"it is larger than {MAX_STORE_BYTES:,} bytes.", path=path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TrustStoreError("this is not UTF-8 text.", path=path, line=line) from error
    try:
        values = json.loads(text, object_pairs_hook=_object_without_repetition)
    except json.JSONDecodeError as error:
        problem = f"this is not JSON: {error.msg} (column {error.colno})."
        raise TrustStoreError(problem, path=path, line=error.lineno) from error
    except _RepeatedKeyError as error:
        place = _line_of_repetition(text)
        raise TrustStoreError(f"the key {str(error)!r} stands twice in one object.", path=path, line=place) from error
    except RecursionError as error:
        raise TrustStoreError("this is nested too deep.", path=path) from error
    return _entries(values, _Lines(text), path=path)


def _entries(values: Any, lines: _Lines, *, path: Path) -> tuple[TrustEntry, ...]:
    if not isinstance(values, dict) or values.keys() != {"version", "trusted"}:
        raise TrustStoreError(
            'expected an object with the keys "version" and "trusted" and no others, as `hub-io trust` writes it.',
            path=path,
            line=1,
        )
    if values["version"] != _VERSION or isinstance(values["version"], bool):
        raise TrustStoreError(
            f"it has version {values['version']!r:.40}, and this release of pretrained-hub-io reads version "
            f"{_VERSION}. Upgrade it, or trust the code anew.",
            path=path,
            line=lines.of_key("version"),
        )
    if not isinstance(values["trusted"], list):
        raise TrustStoreError('"trusted" must be a list of entries.', path=path, line=lines.of_key("trusted"))
    entries: dict[tuple[str, str], TrustEntry] = {}
    for index, value in enumerate(values["trusted"]):
        try:
            entry = _entry(value)
        except _EntryError as error:
            raise TrustStoreError(f"entry {index + 1}: {error}.", path=path, line=lines.of(index, error.key)) from error
        if _key(entry) in entries:
            raise TrustStoreError(
                f"entry {index + 1}: {entry.source!r} has an entry with this digest already.",
                path=path,
                line=lines.of(index, "source"),
            )
        entries[_key(entry)] = entry
    return _sorted(entries.values())


def _entry(value: Any) -> TrustEntry:
    if not isinstance(value, dict):
        raise _EntryError("", f"must be an object, got {value!r:.80}")
    for key in value:
        if key not in _KEYS:
            raise _EntryError(key, f"is not a key of an entry, which has {', '.join(_KEYS)}")
    for key in _KEYS:
        if key not in value:
            raise _EntryError(key, "is missing")
    return TrustEntry(**value)


def _sorted(entries: Iterable[TrustEntry]) -> tuple[TrustEntry, ...]:
    by_digest = sorted(entries, key=lambda entry: entry.digest)
    newest_first = sorted(by_digest, key=lambda entry: datetime.fromisoformat(entry.trusted_at), reverse=True)
    return tuple(sorted(newest_first, key=lambda entry: entry.source))


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object: readers that take the one or the other would see different entries."""


def _object_without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return values


def _line_of_repetition(text: str) -> int | None:
    """Return the line of the first key that its object has already."""
    keys_of_open: list[set[str]] = []
    for match in _TOKEN.finditer(text):
        if match[0] == "{":
            keys_of_open.append(set())
        elif match[0] == "}":
            keys_of_open.pop()
        elif match["key"]:
            key = json.loads(match["key"])
            if key in keys_of_open[-1]:
                return text.count("\n", 0, match.start()) + 1
            keys_of_open[-1].add(key)
    return None


class _Lines:
    """Where the parts of a file stand, for errors. The text is JSON; it is only looked at if something is wrong."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of_key(self, key: str) -> int | None:
        """Return the line of a key of the whole."""
        return next((self._line(start) for name, start, _ in self._members() if name == key), None)

    def of(self, index: int, key: str) -> int | None:
        """Return the line of a key of an entry, or that of the entry if it has no such key."""
        start, end = self._places()[index]
        found = self._text.find(json.dumps(key), start, end) if key else -1
        return self._line(start if found < 0 else found)

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1

    def _members(self) -> Iterator[tuple[str, int, int]]:
        """Yield the name of each member of the whole, where it starts, and where its value starts."""
        decoder = json.JSONDecoder()
        position = self._skip(self._text.index("{") + 1)
        while self._text[position] == '"':
            start = position
            name, position = decoder.raw_decode(self._text, position)
            value = self._skip(self._skip(position) + 1)
            yield name, start, value
            _, position = decoder.raw_decode(self._text, value)
            position = self._skip(position)
            if self._text[position] == ",":
                position = self._skip(position + 1)

    def _places(self) -> list[tuple[int, int]]:
        """Return where each entry starts and ends."""
        decoder = json.JSONDecoder()
        position = next(value for name, _, value in self._members() if name == "trusted")
        position = self._skip(position + 1)
        places = []
        while self._text[position] != "]":
            _, end = decoder.raw_decode(self._text, position)
            places.append((position, end))
            position = self._skip(end)
            if self._text[position] == ",":
                position = self._skip(position + 1)
        return places

    def _skip(self, position: int) -> int:
        while self._text[position].isspace():
            position += 1
        return position


def _write(path: Path, entries: Iterable[TrustEntry]) -> None:
    """Replace the file as one step: whoever reads it sees the old entries or the new ones."""
    import tempfile

    values = {"version": _VERSION, "trusted": [entry.to_dict() for entry in _sorted(entries)]}
    content = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    if len(content.encode()) > MAX_STORE_BYTES:
        raise TrustStoreError(f"it would grow larger than {MAX_STORE_BYTES:,} bytes.", path=path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
            # Readable as other files are, but never for others to write: whoever may write it may make code run.
            draft.chmod(path.stat().st_mode & 0o755 if path.exists() else 0o644)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TrustStoreError(f"it cannot be written: {error.strerror or error}.", path=path) from error


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """Keep other writers of the file away in the block, and give the file itself if the path is a link."""
    target = _real(path)
    guard = target.with_name(f".{target.name}.guard")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(guard)
    except OSError as error:
        raise TrustStoreError(f"it cannot be written: {error.strerror or error}.", path=path) from error
    try:
        yield target
    finally:
        # Removed while the lock is held. Windows does not remove an open file; there it stays.
        with suppress(OSError):
            guard.unlink()
        os.close(descriptor)


def _lock(guard: Path) -> int:
    """Wait for the lock on a file and return its descriptor. The system releases it when the process ends."""
    while True:
        descriptor = os.open(guard, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for_lock(descriptor)
            # The writer before us may have removed the file that we were waiting for.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), guard.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait_for_lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:
        _wait_on_windows(descriptor)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _wait_on_windows(descriptor: int) -> None:
    import msvcrt
    import time

    module: Any = msvcrt
    while True:
        try:
            module.locking(descriptor, module.LK_NBLCK, 1)
        except OSError:
            time.sleep(0.02)
        else:
            return
