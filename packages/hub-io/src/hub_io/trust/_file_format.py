"""The JSON of a trust file, which people keep under version control: parsed strictly, written in a fixed order.

A malformed file is an error with its line and trusts nothing; no part of it is skipped. A project's file holds folders
relative to itself, such as `./models/tiny`, so that it serves wherever the project is checked out; in memory they are
absolute.

Besides its entries, a file may have two keys that people write by hand: `"publishers"`, a list of owners of
repositories, and `"cooling_days"`, a number.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.checkpoint import decode_json
from config_core.errors import ConfigFileError
from hub_io.errors import TrustStoreError
from hub_io.trust._entry import ENTRY_KEYS, OPTIONAL_ENTRY_KEYS, EntryError, TrustEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["MAX_STORE_BYTES", "PROJECT_STORE", "FileContents", "decode_contents", "encode_contents"]

PROJECT_STORE = "hub-code.lock"
MAX_STORE_BYTES = 16 * 1024 * 1024
_VERSION = 1
_KEYS = ("version", "publishers", "cooling_days", "trusted")
_OWNER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_MAX_COOLING_DAYS = 3650


class FileContents(NamedTuple):
    """What a trust file says.

    Attributes:
        entries: Its entries, sorted by source, newest first.
        publishers: Owners of repositories whose code runs without an entry. It gets one when it first runs.
        cooling_days: Code without an entry runs only if its commit is at least as many days old.
    """

    entries: tuple[TrustEntry, ...] = ()
    publishers: tuple[str, ...] = ()
    cooling_days: int = 0


def decode_contents(content: bytes, *, path: Path) -> FileContents:
    """Return what a file says.

    Args:
        content: Content of the file.
        path: Its path, for errors.

    Raises:
        TrustStoreError: It is malformed.
    """
    if len(content) > MAX_STORE_BYTES:
        raise TrustStoreError(f"it is larger than {MAX_STORE_BYTES:,} bytes.", path=path)
    try:
        values = decode_json(content, path=path)
    except ConfigFileError as error:
        place = f"{path}, line {error.line}: " if error.line else f"{path}: "
        raise TrustStoreError(str(error).removeprefix(place), path=path, line=error.line) from error
    lines = _Lines(content.decode("utf-8-sig"))
    entries = _entries(values, lines, path=path)
    for key, check in (("publishers", _check_publishers), ("cooling_days", _check_days)):
        if key in values and (problem := check(values[key])):
            raise TrustStoreError(f'"{key}" must be {problem}.', path=path, line=lines.of_key(key))
    return FileContents(entries, tuple(values.get("publishers", ())), values.get("cooling_days", 0))


def _check_publishers(value: object) -> str | None:
    is_list = isinstance(value, list) and all(isinstance(name, str) and re.fullmatch(_OWNER, name) for name in value)
    return None if is_list else f"a list of owners of repositories, such as ['my-org'], got {value!r:.80}"


def _check_days(value: object) -> str | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COOLING_DAYS
    return None if is_number else f"a number of days from 0 to {_MAX_COOLING_DAYS}, got {value!r:.80}"


def _entries(values: Any, lines: _Lines, *, path: Path) -> tuple[TrustEntry, ...]:
    if not isinstance(values, dict) or not {"version", "trusted"} <= values.keys() <= set(_KEYS):
        raise TrustStoreError(
            'expected an object with the keys "version" and "trusted", as `hub-io trust` writes it, and none but '
            '"publishers" and "cooling_days" besides.',
            path=path,
            line=1,
        )
    if values["version"] != _VERSION or isinstance(values["version"], bool):
        raise TrustStoreError(
            f"it has version {values['version']!r:.40}, but this release of pretrained-hub-io reads version "
            f"{_VERSION}. Upgrade pretrained-hub-io, or trust the code again.",
            path=path,
            line=lines.of_key("version"),
        )
    if not isinstance(values["trusted"], list):
        raise TrustStoreError('"trusted" must be a list of entries.', path=path, line=lines.of_key("trusted"))
    entries: dict[tuple[str, str], TrustEntry] = {}
    for index, value in enumerate(values["trusted"]):
        try:
            entry = _in_memory(_entry(value), path)
        except EntryError as error:
            raise TrustStoreError(f"entry {index + 1}: {error}.", path=path, line=lines.of(index, error.key)) from error
        if entry.key in entries:
            raise TrustStoreError(
                f"entry {index + 1}: duplicate entry of {entry.source!r} with this digest.",
                path=path,
                line=lines.of(index, "source"),
            )
        entries[entry.key] = entry
    return _sorted(entries.values())


def _entry(value: Any) -> TrustEntry:
    if not isinstance(value, dict):
        raise EntryError("", f"must be an object, got {value!r:.80}")
    for key in value:
        if key not in ENTRY_KEYS:
            raise EntryError(key, f"is not allowed in an entry. Allowed: {', '.join(ENTRY_KEYS)}")
    for key in ENTRY_KEYS:
        if key not in value and key not in OPTIONAL_ENTRY_KEYS:
            raise EntryError(key, "is missing")
    return TrustEntry(**value)


class _Lines:
    """Line numbers of the parts of a file, for errors. The text is valid JSON, and is scanned only for an error."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of_key(self, key: str) -> int | None:
        """Return the line of a top-level key."""
        return next((self._line(start) for name, start, _, _ in self._items(self._skip(0)) if name == key), None)

    def of(self, index: int, key: str) -> int | None:
        """Return the line of a key of an entry, or of the entry if it has no such key."""
        entries = next(value for name, _, value, _ in self._items(self._skip(0)) if name == "trusted")
        _, start, _, end = list(self._items(entries))[index]
        found = self._text.find(json.dumps(key), start, end) if key else -1
        return self._line(start if found < 0 else found)

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1

    def _items(self, position: int) -> Iterator[tuple[str, int, int, int]]:
        """Yield the items of the object or list at a position: key, or `""`, start, and start and end of the value."""
        decoder, is_object = json.JSONDecoder(), self._text[position] == "{"
        position = self._skip(position + 1)
        while self._text[position] not in "]}":
            key, start = "", position
            if is_object:
                key, position = decoder.raw_decode(self._text, position)
                position = self._skip(self._skip(position) + 1)
            _, end = decoder.raw_decode(self._text, position)
            yield key, start, position, end
            position = self._skip(end)
            if self._text[position] == ",":
                position = self._skip(position + 1)

    def _skip(self, position: int) -> int:
        while self._text[position].isspace():
            position += 1
        return position


def encode_contents(contents: FileContents, *, path: Path) -> bytes:
    """Return the content of a file.

    Args:
        contents: What it says, with the entries in any order.
        path: Its path, for errors.

    Raises:
        TrustStoreError: The file would exceed the size limit.
    """
    entries: Iterable[TrustEntry] = contents.entries
    if path.name == PROJECT_STORE:
        entries = [_in_project(entry, path) for entry in entries]
    values: dict[str, Any] = {"version": _VERSION}
    if contents.publishers:
        values["publishers"] = list(contents.publishers)
    if contents.cooling_days:
        values["cooling_days"] = contents.cooling_days
    values["trusted"] = [entry.to_dict() for entry in _sorted(entries)]
    content = (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
    if len(content) > MAX_STORE_BYTES:
        raise TrustStoreError(f"it would exceed {MAX_STORE_BYTES:,} bytes.", path=path)
    return content


def _in_memory(entry: TrustEntry, path: Path) -> TrustEntry:
    """Return an entry of a file with the full path of its folder."""
    if entry.commit is not None or not entry.source.startswith(("./", "../")):
        return entry
    return replace(entry, source=os.path.realpath(os.path.join(_folder_of(path), entry.source)))  # noqa: PTH118 - text


def _in_project(entry: TrustEntry, path: Path) -> TrustEntry:
    """Return an entry with the path of its folder relative to the file that is to hold it."""
    if not os.path.isabs(entry.source):  # noqa: PTH117 - a repository
        return entry
    try:
        relative = os.path.relpath(entry.source, _folder_of(path)).replace(os.sep, "/")
    except ValueError:  # on another drive
        return entry
    return replace(entry, source=relative if f"{relative}/".startswith("../") else f"./{relative}")


def _folder_of(path: Path) -> str:
    return os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - text


def _sorted(entries: Iterable[TrustEntry]) -> tuple[TrustEntry, ...]:
    by_digest = sorted(entries, key=lambda entry: entry.digest)
    newest_first = sorted(by_digest, key=lambda entry: datetime.fromisoformat(entry.trusted_at), reverse=True)
    return tuple(sorted(newest_first, key=lambda entry: entry.source))
