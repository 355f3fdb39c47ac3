"""Entries of the trust store against every place that holds their code: is it still what was trusted?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from config_core.checkpoint import open_checkpoint
from config_core.errors import CheckpointNotFoundError, ConfigCoreError
from hub_io.code_store import CodeStore
from hub_io.command.reviewed_code import open_at_commit, read_if_there, sha256_of
from hub_io.errors import CodeStoreError, HubError, NotDownloadedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config_core.checkpoint import Checkpoint
    from hub_io.trust_store import TrustEntry

__all__ = ["Finding", "State", "verify_entry"]

State = Literal["same", "differs", "absent", "unreachable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one place holds of the code of an entry.

    Attributes:
        place: `cache`, `Hub`, `folder` or `code store`.
        state: Whether it is what was trusted. A cache or folder may lack it, and a Hub may not answer.
        changed: Names of files with other content.
        missing: Names of files that are not there.
        problem: What went wrong, in words, or None.
    """

    place: str
    state: State
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str | None = None


def verify_entry(entry: TrustEntry, *, offline: bool) -> Iterator[Finding]:
    """Yield what each place holds of the code of an entry.

    Args:
        entry: The entry.
        offline: Leave the Hub out.
    """
    if entry.commit is None:
        yield _in_folder(entry)
    else:
        yield _in_cache(entry)
        if not offline:
            yield _on_hub(entry)
    yield _in_code_store(entry)


def _in_folder(entry: TrustEntry) -> Finding:
    path = Path(entry.source)
    if not path.is_dir():
        return Finding("folder", "absent", problem="there is no such folder any more")
    return _compare("folder", entry, open_checkpoint(path))


def _in_cache(entry: TrustEntry) -> Finding:
    try:
        return _compare("cache", entry, open_at_commit(entry, offline=True), absent_is_fine=True)
    except (CheckpointNotFoundError, NotDownloadedError):
        return Finding("cache", "absent")


def _on_hub(entry: TrustEntry) -> Finding:
    """Compare with what the Hub gives now: a cache of its own keeps what was downloaded before out of it."""
    with tempfile.TemporaryDirectory(prefix="hub-io-verify-") as folder:
        try:
            return _compare("Hub", entry, open_at_commit(entry, offline=False, cache_dir=Path(folder)))
        except (HubError, ConfigCoreError) as error:
            return Finding("Hub", "unreachable", problem=str(error))


def _in_code_store(entry: TrustEntry) -> Finding:
    store = CodeStore.default()
    if entry.digest not in store.digests(entry.digest):
        return Finding("code store", "absent")
    try:
        store.read(entry.digest)
    except CodeStoreError as error:
        return Finding("code store", "differs", problem=str(error))
    return Finding("code store", "same")


def _compare(place: str, entry: TrustEntry, checkpoint: Checkpoint, *, absent_is_fine: bool = False) -> Finding:
    """Compare the files of an entry with those of a checkpoint.

    An entry does not say in which folder of the repository its files lie: it is the one that has most of them right.
    """
    found = min((_differences(entry, checkpoint, folder) for folder in _folders(entry, checkpoint)), key=_how_many)
    changed, missing = found
    if not changed and not missing:
        return Finding(place, "same")
    if absent_is_fine and not changed:
        return Finding(place, "absent", missing=missing)
    return Finding(place, "differs", changed, missing)


def _how_many(differences: tuple[tuple[str, ...], tuple[str, ...]]) -> int:
    return sum(map(len, differences))


def _folders(entry: TrustEntry, checkpoint: Checkpoint) -> list[str]:
    first = min(entry.files)
    found = {name.removesuffix(first) for name in checkpoint.filenames() if name == first or name.endswith(f"/{first}")}
    return sorted({"", *found}, key=lambda folder: (len(folder), folder))


def _differences(entry: TrustEntry, checkpoint: Checkpoint, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    changed, missing = [], []
    for name, digest in entry.files.items():
        try:
            content = read_if_there(checkpoint, f"{folder}{name}")
        except NotDownloadedError:
            content = None
        if content is None:
            missing.append(name)
        elif sha256_of(content) != digest:
            changed.append(name)
    return tuple(changed), tuple(missing)
