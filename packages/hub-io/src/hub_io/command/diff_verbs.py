"""`hub-io diff`: what has changed since it was reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hub_io.command.comparing import compare_code
from hub_io.command.options import of_source
from hub_io.command.reports import NO, OK, UNAVAILABLE, Report, reporting
from hub_io.command.reviewed_code import find_reviewed_files
from hub_io.command.screen import bad, busy, dim, good, heading, printable
from hub_io.command.sources import Asked, find_shipped_code
from hub_io.errors import NoRemoteCodeError
from hub_io.store_places import find_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub_io.code_origin import RemoteCode
    from hub_io.command.comparing import Comparison, FileDiff
    from hub_io.trust_store import TrustEntry

__all__ = ["diff"]


@click.command()
@of_source
@click.option(
    "--since", metavar="DIGEST", help="Compare with this reviewed version; the one that was trusted last if left out."
)
@reporting
def diff(*, since: str | None, **asked: Any) -> Report:
    """Show how the code of SOURCE differs from what was reviewed.

    The reviewed version is that of the trust store; its text comes from this machine's code store or cache, or from
    the Hub at the recorded commit, and counts only if it has the recorded digests. The other side is the default
    branch, or --revision. Exits with 1 if they differ, and with 3 if nothing of SOURCE was reviewed.

    \b
    Examples:
      hub-io diff owner/name
      hub-io diff owner/name --revision v2 | less
      hub-io diff ./checkpoint --json
    """  # noqa: D301 - click's sign for text that stays as it is
    question = Asked(**asked)
    shipped = find_shipped_code(question)
    if not shipped.codes:
        raise NoRemoteCodeError(str(shipped.checkpoint))
    compared: list[tuple[RemoteCode, Comparison | None]] = []
    for code in shipped.codes:
        entry = _reviewed(code, since)
        compared.append((code, None if entry is None else _compare(entry, code, question)))
    comparisons = [comparison for _, comparison in compared]
    if None in comparisons:
        exit_code = UNAVAILABLE
    else:
        exit_code = OK if all(comparison is not None and comparison.same for comparison in comparisons) else NO
    values = {"source": shipped.checkpoint.name, "code": [_values(code, found) for code, found in compared]}
    return Report(values, [line for code, found in compared for line in _lines(code, found)], exit_code)


def _reviewed(code: RemoteCode, since: str | None) -> TrustEntry | None:
    """Return the entry to compare with: the newest, or the one of a digest."""
    entries = find_store().for_source(code.place)
    if since is not None:
        wanted = since.removeprefix("sha256:").lower()
        entries = tuple(entry for entry in entries if entry.digest.startswith(wanted))
    return max(entries, key=lambda entry: entry.trusted_at, default=None)


def _compare(entry: TrustEntry, code: RemoteCode, question: Asked) -> Comparison:
    with busy(f"Looking for what was reviewed of {entry.source} …"):
        reviewed = find_reviewed_files(entry, subfolder=question.subfolder, offline=question.offline)
    return compare_code(entry, reviewed, code.bundle)


def _values(code: RemoteCode, comparison: Comparison | None) -> dict[str, Any]:
    newer = {"commit": code.commit, "digest": code.bundle.digest}
    if comparison is None:
        return {"source": code.source, "reviewed": None, "newer": newer}
    changes = comparison.changes
    return {
        "source": code.source,
        "reviewed": comparison.entry.to_dict(),
        "newer": newer,
        "same": comparison.same,
        "changed": list(changes.changed),
        "added": list(changes.added),
        "removed": list(changes.removed),
        "not_at_hand": [diff.name for diff in comparison.diffs if diff.lines is None],
        "diff": "".join(f"{line}\n" for diff in comparison.diffs for line in diff.lines or ()),
    }


def _lines(code: RemoteCode, comparison: Comparison | None) -> Iterator[str]:
    yield heading(code.source)
    if comparison is None:
        yield "  nothing of it was reviewed. `hub-io inspect` shows it, `hub-io trust` adds an entry."
        return
    entry = comparison.entry
    since = dim(f"trusted {entry.trusted_at}")
    yield f"  reviewed  {entry.commit or 'a folder'}  {since} {printable(entry.note)}".rstrip()
    yield f"  newer     {code.commit or 'a folder'}"
    if comparison.same:
        yield f"  {good('the same code')}, digest {entry.digest}"
        return
    yield f"  {bad('it differs')}: digest {entry.digest} became {comparison.digest}"
    for file in comparison.diffs:
        yield ""
        yield from _file_lines(file)


def _file_lines(file: FileDiff) -> Iterator[str]:
    if file.lines is None:
        yield heading(f"{file.name}: {file.old_sha256 or 'nothing'} became {file.new_sha256 or 'nothing'}")
        yield f"  {printable(file.reason or '')}"
    for line in file.lines or ():
        if line.startswith(("---", "+++")):
            yield heading(line)
        elif line.startswith("+"):
            yield good(line)
        elif line.startswith("-"):
            yield bad(line)
        else:
            yield dim(line) if line.startswith("@@") else printable(line)
