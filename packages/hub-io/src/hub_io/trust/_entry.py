"""An entry of a trust store: code that somebody has read and trusted.

An entry trusts content: the SHA-256 of every file of a bundle, and one digest of the sorted list. It also records the
source and the commit, so that a refusal can say what has changed, and so that the repository is opened at the commit
that was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import check_relative_name
from config_core.code import ClassReference, CodeBundle, listing_digest
from config_core.errors import UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["ENTRY_KEYS", "OPTIONAL_ENTRY_KEYS", "EntryError", "TrustEntry", "versions_of"]

_SHA256 = r"[0-9a-f]{64}"
_COMMIT = r"[0-9a-f]{40}([0-9a-f]{24})?"
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_TRUSTED_AT = r"(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """Code that somebody has trusted.

    Attributes:
        source: The repository `owner/name` or the path of the folder that the code was read from.
        commit: The full commit, or None for a folder.
        digest: Digest of the bundle: of the names and SHA-256 of its files.
        files: File name to SHA-256 (hexadecimal).
        trusted_at: Time in UTC as ISO 8601: `2026-01-31T12:00:00Z`.
        note: A comment for people, such as why it was trusted.
        by: Who trusted it, for people; `""` if it was not recorded.
        history: Earlier times that the same code of the same source was trusted, the latest first; each with
            `trusted_at`, `by`, `commit` and `note`.

    Raises:
        ValueError: A value is malformed, or `digest` is not that of `files`.
    """

    source: str
    commit: str | None
    digest: str
    files: Mapping[str, str]
    trusted_at: str
    note: str = ""
    by: str = ""
    history: tuple[Mapping[str, str | None], ...] = ()

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            if problem := check(getattr(self, name)):
                raise EntryError(name, problem)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))
        object.__setattr__(self, "history", tuple(map(dict, self.history)))
        if self.digest != (expected := listing_digest(self.files)):
            raise EntryError("digest", f"is not the digest of the files, which is {expected!r}")

    def __hash__(self) -> int:
        return hash((self.source, self.commit, self.digest, self.trusted_at, self.note))

    @property
    def key(self) -> tuple[str, str]:
        """Source and digest, which identify an entry in a file."""
        return self.source, self.digest

    @classmethod
    def of(
        cls,
        bundle: CodeBundle,
        *,
        source: str,
        commit: str | None,
        note: str = "",
        by: str = "",
        newer_than: Iterable[TrustEntry] = (),
    ) -> TrustEntry:
        """Return an entry for a bundle, with the current time.

        Args:
            bundle: The code that was read.
            source: The repository or the full path of the folder that it was read from.
            commit: The full commit, or None for a folder.
            note: A comment for people.
            by: Who has read it.
            newer_than: The entries of the file that is to hold it. It gets a later time than those of the same source,
                whatever the clock says: the newest one names the commit that loads open.
        """
        time = datetime.now(UTC)
        for entry in newer_than:
            other = datetime.fromisoformat(entry.trusted_at)
            if entry.source == source and time.replace(microsecond=0) <= other < _LATEST:
                time = other + timedelta(seconds=1)
        trusted_at = time.isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(source, commit, bundle.digest, bundle.file_digests(), trusted_at, note, by)

    def after(self, earlier: TrustEntry) -> TrustEntry:
        """Return this entry with an earlier one of the same code in its history."""
        return replace(self, history=({key: getattr(earlier, key) for key in _HISTORY_KEYS}, *earlier.history))

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as a JSON object. What is optional and was not recorded is left out."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {"files": dict(self.files), "history": list(self.history)}
        return {key: value for key, value in values.items() if value or key not in OPTIONAL_ENTRY_KEYS}


def versions_of(bundle: CodeBundle, entries: Iterable[TrustEntry]) -> list[TrustEntry]:
    """Return the entries of a source that are about versions of a bundle: those with most of the files of its classes.

    A source may have two bundles, that of config and models, and that of tokenizers and processors.
    """
    references = map(ClassReference.parse, bundle.auto_map.values())
    places = {place for each in references for place in (each.filename, f"{each.module}/__init__.py")}
    shared = [(len(places & entry.files.keys()), entry) for entry in entries]
    most = max((count for count, _ in shared), default=0)
    return [entry for count, entry in shared if count == most and (count or not places)]


class EntryError(ValueError):
    """A value of an entry is malformed.

    Attributes:
        key: Name of the value.
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
            return f"has an invalid file name: {error}"
        if not isinstance(digest, str) or not re.fullmatch(_SHA256, digest):
            return f"must give the SHA-256 of {name!r} as 64 hexadecimal digits, got {digest!r:.80}"
    return None


def _check_time(value: object) -> str | None:
    if isinstance(value, str) and re.fullmatch(_TRUSTED_AT, value):
        with suppress(ValueError):
            datetime.fromisoformat(value)
            return None
    return f"must be a time in UTC such as '2026-01-31T12:00:00Z', got {value!r:.80}"


def _check_history(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return f"must be a list, got {value!r:.80}"
    for item in value:
        if not isinstance(item, Mapping) or item.keys() != set(_HISTORY_KEYS):
            return f"must hold objects with exactly the keys {', '.join(_HISTORY_KEYS)}, got {item!r:.80}"
        for key in _HISTORY_KEYS:
            if problem := _CHECKS[key](item[key]):
                return f"has a {key!r} that {problem}"
    return None


def _matches(pattern: str, wanted: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        is_match = isinstance(value, str) and re.fullmatch(pattern, value)
        return None if is_match else f"must be {wanted}, got {value!r:.80}"

    return check


_check_commit = _matches(_COMMIT, "a full commit or null")

# Each check returns what is wrong with a value, or None. Lone surrogates are refused: UTF-8 cannot encode them.
_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "source": _matches(r"[^\x00-\x1f\x7f\ud800-\udfff]+", "a repository 'owner/name' or the path of a folder"),
    "commit": lambda value: None if value is None else _check_commit(value),
    "digest": _matches(_SHA256, "a SHA-256 of 64 hexadecimal digits"),
    "files": _check_files,
    "trusted_at": _check_time,
    "note": _matches(r"[^\ud800-\udfff]*", "a string"),
    "by": _matches(r"[^\ud800-\udfff]*", "a string"),
    "history": _check_history,
}
ENTRY_KEYS = tuple(_CHECKS)
OPTIONAL_ENTRY_KEYS = frozenset({"by", "history"})
_HISTORY_KEYS = ("trusted_at", "by", "commit", "note")
