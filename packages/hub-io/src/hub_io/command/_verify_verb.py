"""`hub-io verify`: whether cache, Hub, folders and code store still have the trusted code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from auto_registry.auto_tasks import loadable_names
from auto_registry.code_load import CodeLoad
from auto_registry.errors import AutoRegistryError
from config_core.checkpoint import CONFIG_NAME, FolderCheckpoint, open_checkpoint
from config_core.code import MAX_DATA_BYTES
from config_core.errors import CheckpointNotFoundError, ClassReferenceError, ConfigCoreError
from hub_io.code import CodeStore, find_code, processing_load
from hub_io.command._reports import NO, OK, UNAVAILABLE, Report, reporting
from hub_io.command._reviewed_code import open_at_commit, sha256_of
from hub_io.command._screen import bad, busy, dim, good, heading, printable
from hub_io.command._sources import offline_option
from hub_io.errors import CodeStoreError, HubError, NotDownloadedError
from hub_io.file_changes import compare_files
from hub_io.trust import find_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config_core.checkpoint import Checkpoint
    from config_core.code import CodeBundle
    from hub_io.trust import TrustEntry, TrustFile

__all__ = ["verify"]


@dataclass(frozen=True, slots=True)
class _Finding:
    """The code of an entry in one place.

    Attributes:
        place: `cache`, `Hub`, `folder` or `code store`.
        state: Whether the place has the trusted code, other code, or none, or cannot be reached.
        changed: Names of files with other content, or that a load would refuse to read.
        missing: Names of files that do not exist there.
        problem: What went wrong, or None.
    """

    place: str
    state: Literal["same", "differs", "absent", "unreachable"]
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str | None = None


@click.command(short_help="Compare the trusted code with cache and Hub.")
@offline_option
@reporting
def verify(*, offline: bool) -> Report:
    """Compare every entry of the trust store with the cache, the Hub and the code store.

    For a repository, the recorded commit is downloaded again; for a folder, its current files are compared, and all
    files that a load would run with them. Code that differs would not run. Exits with 1 if something differs, or else
    with 3 if the Hub cannot be reached.

    \b
    Examples:
      hub-io verify
      hub-io verify --offline --json
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    verified: list[tuple[TrustFile, TrustEntry, list[_Finding]]] = []
    for file, entry in find_store().located_entries:
        with busy(f"Verifying {entry.source} …"):
            verified.append((file, entry, list(_verify_entry(entry, offline=offline))))
    states = {finding.state for _, _, findings in verified for finding in findings}
    exit_code = NO if "differs" in states else UNAVAILABLE if "unreachable" in states else OK
    lines = [line for _, entry, findings in verified for line in _lines(entry, findings)]
    return Report(
        {"entries": [_values(*each) for each in verified]},
        lines or ["No code is trusted, so there is nothing to verify."],
        exit_code,
    )


def _values(file: TrustFile, entry: TrustEntry, findings: list[_Finding]) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "source": entry.source,
        "commit": entry.commit,
        "digest": entry.digest,
        "findings": [asdict(finding) for finding in findings],
    }


def _lines(entry: TrustEntry, findings: list[_Finding]) -> Iterator[str]:
    yield f"{heading(entry.source)} {entry.commit or ''}".rstrip()
    for finding in findings:
        style = {"same": good, "absent": dim}.get(finding.state, bad)
        problem = f": {finding.problem}" if finding.problem else ""
        yield f"  {finding.place:10}  {style(finding.state)}{printable(problem)}"
        yield from (f"              changed: {printable(name)}" for name in finding.changed)
        yield from (f"              missing: {printable(name)}" for name in finding.missing)


def _verify_entry(entry: TrustEntry, *, offline: bool) -> Iterator[_Finding]:
    """Yield the finding for each place."""
    if entry.commit is None:
        yield _in_folder(entry)
    else:
        yield _in_cache(entry)
        if not offline:
            yield _on_hub(entry)
    yield _in_code_store(entry)


def _in_folder(entry: TrustEntry) -> _Finding:
    try:
        checkpoint = open_checkpoint(Path(entry.source))
        found = _compare("folder", entry, checkpoint)
        if found.state == "same" and (problem := _loads_other_code(entry, checkpoint)):
            return _Finding("folder", "differs", problem=problem)
        return found  # noqa: TRY300 - clearer beside the other return
    except CheckpointNotFoundError:
        return _Finding("folder", "absent", problem="the folder no longer exists")
    except (ConfigCoreError, OSError) as error:
        return _Finding("folder", "differs", problem=str(error))


def _loads_other_code(entry: TrustEntry, checkpoint: Checkpoint) -> str | None:
    """Return how the code that a load of the folder would run differs from the trusted code, or None.

    Even if the folder has every file of the entry, a load may run others: one may have been added. An entry does not
    record the subfolder of the config, so it is enough if one subfolder's load would run the trusted code.
    """
    problem = None
    for name in sorted(checkpoint.filenames()):
        folder, _, last = name.rpartition("/")
        if last != CONFIG_NAME:
            continue
        try:
            for bundle in _bundles(FolderCheckpoint(checkpoint.name, subfolder=folder)):
                if bundle.digest == entry.digest:
                    return None
                changes = compare_files(entry.files, bundle.file_digests())
                names = ", ".join((*changes.changed, *changes.added)) or "fewer files"
                problem = problem or f"the trusted files exist, but a load would use {names}"
        except (ConfigCoreError, AutoRegistryError) as error:
            problem = problem or str(error)
    return problem


def _bundles(checkpoint: Checkpoint) -> Iterator[CodeBundle]:
    """Yield the code in a folder that its config names."""
    load = CodeLoad.of_checkpoint(checkpoint)
    processing = processing_load(load)
    for part, names in ((load, loadable_names(load.auto_map)), (processing, processing.auto_map)):
        for name in sorted(names):  # several may name the same code, which is read once
            with suppress(ClassReferenceError):
                code = find_code(part, name)
                if code.at_hand:
                    yield code.bundle


def _in_cache(entry: TrustEntry) -> _Finding:
    try:
        found = _compare("cache", entry, open_at_commit(entry, offline=True))
    except CheckpointNotFoundError:  # also raised if it was not downloaded
        return _Finding("cache", "absent")
    except HubError as error:
        return _Finding("cache", "unreachable", problem=str(error))
    # The cache only has the files that were needed so far.
    return found if found.changed or not found.missing else _Finding("cache", "absent", missing=found.missing)


def _on_hub(entry: TrustEntry) -> _Finding:
    """Compare with the Hub's current answer, using an empty cache."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hub-io-verify-") as folder:
        try:
            return _compare("Hub", entry, open_at_commit(entry, offline=False, cache_dir=Path(folder)))
        except (HubError, ConfigCoreError) as error:
            return _Finding("Hub", "unreachable", problem=str(error))


def _in_code_store(entry: TrustEntry) -> _Finding:
    store = CodeStore.default()
    if entry.digest not in store.digests(entry.digest):
        return _Finding("code store", "absent")
    try:
        store.read(entry.digest)
    except CodeStoreError as error:
        return _Finding("code store", "differs", problem=str(error))
    return _Finding("code store", "same")


def _compare(place: str, entry: TrustEntry, checkpoint: Checkpoint) -> _Finding:
    """Compare the files of an entry with those of a checkpoint.

    An entry does not record the folder of its files, so the folder with the fewest differences is used.
    """
    findings: list[_Finding] = []
    for folder in _folders(entry, checkpoint):
        changed, missing = _differences(entry, checkpoint, folder)
        if not changed and not missing:
            return _Finding(place, "same")
        findings.append(_Finding(place, "differs", changed, missing))
    return min(findings, key=lambda finding: len(finding.changed) + len(finding.missing))


def _folders(entry: TrustEntry, checkpoint: Checkpoint) -> list[str]:
    """Return the folders that may contain the files, the top first: those with a file named like the entry's first."""
    first = min(entry.files)
    found = {name.removesuffix(first) for name in checkpoint.filenames() if name == first or name.endswith(f"/{first}")}
    return sorted({"", *found}, key=lambda folder: (len(folder), folder))


def _differences(entry: TrustEntry, checkpoint: Checkpoint, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    changed, missing = [], []
    for name, digest in entry.files.items():
        try:
            if not checkpoint.has(f"{folder}{name}"):
                missing.append(name)
            elif sha256_of(checkpoint.read_bytes(f"{folder}{name}", limit=MAX_DATA_BYTES)) != digest:
                changed.append(name)
        except NotDownloadedError:
            missing.append(name)
        except HubError:
            raise
        except (ConfigCoreError, OSError, ValueError):  # a link that leaves the folder, or too large for code
            changed.append(name)
    return tuple(changed), tuple(missing)
