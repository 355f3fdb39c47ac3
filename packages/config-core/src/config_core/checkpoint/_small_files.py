"""Small files: read up to a limit, parsed as strict JSON, and replaced as one step."""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config_core.error_base import path_to
from config_core.errors import ConfigFileError

__all__ = ["LFS_PROBLEM", "decode_json", "flush_to_disk", "is_lfs_pointer", "read_at_most", "replace_file", "set_mode"]

# Why a file is not what its name says, and what to do.
LFS_PROBLEM = "a git-lfs pointer, not the file itself. Run `git lfs pull` in its repository, or download the file"

_MAX_DEPTH = 100
_INFINITY = float("inf")
# Errors of a flush after which the data is not on the disk. Others mean that the file system has no such operation.
_LOST = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def read_at_most(path: Path, limit: int) -> bytes:
    """Return the content of a file, or the first `limit + 1` bytes of a larger one, for the caller to refuse.

    Args:
        path: The file. Opening a pipe would wait for a writer: ask `is_file` first where there may be one.
        limit: Largest size in bytes that is of use.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return file.read(min(size, limit) + 1)  # Python allocates as much as is asked for


def is_lfs_pointer(content: bytes) -> bool:
    """Return whether the content of a file, or its beginning, is what git leaves there without git-lfs."""
    return content.startswith(b"version https://git-lfs.github.com/spec/")


def decode_json(content: bytes, *, path: Path, make_object: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Return the value in a JSON file. A key that an object has twice is refused: two readers could see two values.

    So is a number that Python cannot hold, such as 1e400, which would be read as an infinity.

    Args:
        content: The file.
        path: Its path, for errors.
        make_object: Returns what to make of each object in the file, the innermost first; may raise `ValueError`.

    Raises:
        ConfigFileError: The file is not UTF-8 or not JSON, has a duplicate key or a number that Python cannot hold, or
            is nested too deep; or `make_object` raised `ValueError`.
    """

    def without_duplicates(pairs: list[tuple[str, Any]]) -> Any:
        values = dict(pairs)
        if len(values) != len(pairs):
            counts = Counter(name for name, _ in pairs)
            raise _DuplicateKeyError(next(name for name, count in counts.items() if count > 1))
        return values if make_object is None else make_object(values)

    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigFileError("this is not UTF-8 text.", path=path, line=line) from error
    if _is_nested_too_deep(text):
        raise ConfigFileError(f"this is nested too deep. At most {_MAX_DEPTH} levels are allowed.", path=path)
    try:
        return json.loads(text, object_pairs_hook=without_duplicates, parse_float=_float)
    except json.JSONDecodeError as error:
        if is_lfs_pointer(content):
            raise ConfigFileError(f"this is {LFS_PROBLEM}.", path=path) from None
        problem = f"{error.msg} (column {error.colno})" if text.strip() else "the file is empty"
        problem += _json_hint(text, error.pos)
        raise ConfigFileError(f"this is not JSON: {problem}.", path=path, line=error.lineno) from error
    except _DuplicateKeyError as error:
        raise ConfigFileError(f"duplicate key {str(error)!r}.", path=path, line=_line_of_duplicate(text)) from error
    except RecursionError as error:
        raise ConfigFileError("this is nested too deep.", path=path) from error
    except ValueError as error:
        raise ConfigFileError(f"{_wrong_number(text) or error}.", path=path) from error


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file as one step: readers see the old content or the new one, even if the writer is killed.

    Args:
        path: The file. Its folder must exist. A link is replaced, not followed.
        content: The new content, which is on the disk when this returns.
        mode: Permission bits. If None, those of the file that is replaced, or what the umask gives a new file.

    Raises:
        OSError: It cannot be written. What was there is unchanged.
    """
    if mode is None and not path.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(path.stat().st_mode)
    draft = path.with_name(f".{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(draft, flags, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            file.flush()
            _flush(descriptor, path)
        if mode is not None:
            set_mode(draft, mode)  # the umask has taken bits away
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # the new file is in place, whether its name is on the disk yet or not
        flush_to_disk(path.parent)


def set_mode(path: Path, mode: int) -> None:
    """Set the permission bits of a file, on file systems that have any."""
    try:
        path.chmod(mode)
    except OSError as error:
        _log_missing_aid("no permission bits are set", path, error)


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, on file systems that can tell.

    Raises:
        OSError: They could not be written to the disk.
    """
    if os.name == "nt":  # needs a writable handle there, and has none for folders
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        _log_missing_aid("it is not flushed to the disk", path, error)
        return
    try:
        _flush(descriptor, path)
    finally:
        os.close(descriptor)


def _flush(descriptor: int, path: Path) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in _LOST:
            raise
        _log_missing_aid("it is not flushed to the disk", path, error)


def _log_missing_aid(what: str, path: Path, error: OSError) -> None:
    """Log what a file system cannot do: many network and FUSE mounts can save nevertheless."""
    from config_core.messages import escaping_logger

    escaping_logger("config_core").debug("%r: %s (%s).", os.fspath(path), what, error.strerror)


def _json_hint(text: str, position: int) -> str:
    """Return the remedy for what is at the position of an error, to append to the message, or `""`."""
    rest = text[position : position + 5]
    if rest.startswith(("//", "/*", "#")):
        return ". JSON has no comments"
    if rest.startswith("'"):
        return ". Text in JSON is in double quotes"
    if rest[:1] in {"}", "]"} and text[:position].rstrip().endswith(","):
        return ". Remove the comma before it"
    words = {"True": "true", "False": "false", "None": "null"}
    word = next((word for word in words if rest.startswith(word)), "")
    return f". Write {words[word]} for {word}" if word else ""


def _is_nested_too_deep(text: str) -> bool:
    """Return whether objects and lists are nested deeper than what copies, pickles and writes them could follow."""
    if text.count("{") + text.count("[") <= _MAX_DEPTH:
        return False
    import re

    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', text, re.DOTALL):  # a text without an end is one token
        if token[0] in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                return True
        elif token[0] in "]}":
            depth -= 1
    return False


def _float(text: str) -> float:
    number = float(text)
    is_lost = number == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0])
    if is_lost or abs(number) == _INFINITY:
        raise ValueError(f"the number {text:.40} is outside the range of a float")
    return number


class _WrongNumber(str):
    """A number in a JSON file that Python cannot hold, with the reason as its text."""

    __slots__ = ()


def _wrong_number(text: str) -> str:
    """Return the field of the first number that Python cannot hold, and why, or `""` if there is none."""

    def read(number: str) -> _WrongNumber | None:
        try:
            _ = int(number) if number.lstrip("-").isdecimal() else _float(number)
        except ValueError as error:
            reason = f"{error}"
            return _WrongNumber(
                reason if number[:40] in reason else f"the number {number:.40} cannot be read: {reason}"
            )
        return None

    try:
        values = json.loads(text, parse_float=read, parse_int=read)
    except (ValueError, RecursionError):  # what comes after the number is not JSON
        return ""
    found = path_to(values, lambda value: type(value) is _WrongNumber)
    return "" if found is None else f"{found[0]}: {found[1]}".removeprefix(": ")


class _DuplicateKeyError(ValueError):
    """An object in a JSON file has a key twice."""


def _line_of_duplicate(text: str) -> int | None:
    """Return the line of the first key that its object has already."""
    import re

    open_objects: list[set[str]] = []
    for token in re.finditer(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|[{}]', text):
        if token[0] == "{":
            open_objects.append(set())
        elif token[0] == "}":
            open_objects.pop()
        elif token["colon"]:
            key = json.loads(token["string"])
            if key in open_objects[-1]:
                return text.count("\n", 0, token.start()) + 1
            open_objects[-1].add(key)
    return None
