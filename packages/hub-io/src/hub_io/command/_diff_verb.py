"""`hub-io diff`: how code has changed since it was reviewed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from hub_io.command._inspect_verb import remark_lines, remarks_on_files
from hub_io.command._reports import NO, OK, UNAVAILABLE, Report, reporting
from hub_io.command._reviewed_code import find_reviewed_files
from hub_io.command._screen import bad, busy, dim, good, heading, printable
from hub_io.command._sources import Asked, find_shipped_code, of_source
from hub_io.errors import NoRemoteCodeError
from hub_io.file_changes import FileChanges, compare_files
from hub_io.trust import find_store, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config_core.code import CodeBundle
    from hub_io.code import RemoteCode
    from hub_io.command._remarks import Remark
    from hub_io.command._reviewed_code import ReviewedFiles
    from hub_io.trust import TrustEntry

__all__ = ["change_lines", "diff"]

# Comparing takes quadratic time, and more if lines repeat. Code has fewer lines, and nobody reads data with more.
_MAX_LINES: Final = 6_000
_MAX_PAIRS: Final = 200_000
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class _FileDiff:
    """The changes of one file.

    Attributes:
        name: The file.
        lines: The unified diff without line ends, or None if none can be shown.
        reason: Why none can be shown.
    """

    name: str
    lines: tuple[str, ...] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A reviewed version compared with a newer one.

    Attributes:
        entry: The reviewed version.
        changes: Names of the files that differ.
        files: The changes of each of them, by name.
        remarks: Lines of the newer version that deserve a look and are not in the reviewed one.
    """

    entry: TrustEntry
    changes: FileChanges
    files: tuple[_FileDiff, ...]
    remarks: tuple[Remark, ...]


@click.command()
@of_source
@click.option("--since", metavar="DIGEST", help="Compare with this reviewed version. Default: the one trusted last.")
@reporting
def diff(*, since: str | None, **asked: Any) -> Report:
    """Show how the code of SOURCE differs from the reviewed version.

    The reviewed version is the one in the trust store. Its files come from this machine's code store or cache, or from
    the Hub at the recorded commit, and are used only if they have the recorded digests. They are compared with the
    default branch, or with --revision. Lines that deserve a look and are new come first. Exits with 1 if the versions
    differ, and with 3 if no code of SOURCE was reviewed.

    \b
    Examples:
      hub-io diff owner/name
      hub-io diff owner/name --revision v2 | less
      hub-io diff ./checkpoint --json
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    question = Asked(**asked)
    shipped = find_shipped_code(question)
    if not shipped.codes:
        raise NoRemoteCodeError(str(shipped.checkpoint))
    compared = [(code, _compare(code, since, question)) for code in shipped.codes]
    found = [comparison for _, comparison in compared if comparison is not None]
    differs = any(comparison.files for comparison in found)
    return Report(
        {"source": shipped.checkpoint.name, "code": [_values(*each) for each in compared]},
        [line for each in compared for line in _lines(*each)],
        UNAVAILABLE if len(found) < len(compared) else NO if differs else OK,
    )


def _compare(code: RemoteCode, since: str | None, question: Asked) -> _Comparison | None:
    """Compare code with the reviewed version of the same source, or return None if there is none."""
    entry = _reviewed(code, since)
    if entry is None:
        return None
    with busy(f"Looking for the reviewed version of {entry.source} …"):
        reviewed = find_reviewed_files(entry, subfolder=question.subfolder, offline=question.offline)
    changes = compare_files(entry.files, code.bundle.file_digests())
    names = sorted({*changes.changed, *changes.added, *changes.removed})
    files = tuple(_compare_file(name, reviewed, code.bundle) for name in names)
    return _Comparison(entry, changes, files, _new_remarks(reviewed, code.bundle) if names else ())


def _new_remarks(reviewed: ReviewedFiles, newer: CodeBundle) -> tuple[Remark, ...]:
    """Return the remarks on the newer version of which the reviewed one has none, or fewer, in the same file."""
    known = Counter(_content_of(remark) for remark in remarks_on_files(reviewed.contents))
    new = []
    for remark in remarks_on_files(newer.files):
        known[_content_of(remark)] -= 1
        if known[_content_of(remark)] < 0:
            new.append(remark)
    return tuple(new)


def _content_of(remark: Remark) -> tuple[str, str, str, bool]:
    return remark.file, remark.kind, remark.what, remark.at_import


def _reviewed(code: RemoteCode, since: str | None) -> TrustEntry | None:
    """Return the entry to compare with: the newest one, with a digest if one is given."""
    wanted = (since or "").removeprefix("sha256:").lower()
    entries = [entry for entry in find_store().for_source(code.stored_source) if entry.digest.startswith(wanted)]
    entries = entries if wanted else versions_of(code.bundle, entries)
    return max(entries, key=lambda entry: datetime.fromisoformat(entry.trusted_at), default=None)


def _compare_file(name: str, reviewed: ReviewedFiles, newer: CodeBundle) -> _FileDiff:
    import difflib

    if name in reviewed.missing:
        return _FileDiff(name, None, f"the reviewed version is not available: {reviewed.problem}")
    sides = reviewed.contents.get(name), newer.files.get(name)
    try:
        before, after = (_LINE.findall((content or b"").decode()) for content in sides)
    except UnicodeDecodeError:
        return _FileDiff(name, None, "one of the two is binary")
    if max(len(before), len(after)) > _MAX_LINES:
        return _FileDiff(name, None, f"one of the two has more than {_MAX_LINES:,} lines")
    if _num_pairs(before, after) > _MAX_PAIRS:
        return _FileDiff(name, None, "the same lines occur too often in both")
    lines = difflib.unified_diff(
        [_shown(line) for line in before],
        [_shown(line) for line in after],
        fromfile="/dev/null" if sides[0] is None else f"reviewed/{name}",
        tofile="/dev/null" if sides[1] is None else f"newer/{name}",
        lineterm="",
    )
    return _FileDiff(name, tuple(lines))


def _num_pairs(before: list[str], after: list[str]) -> int:
    """Return how many pairs of equal lines `difflib` looks at; it leaves out lines that are common in a long file."""
    common = len(after) // 100 + 1 if len(after) >= 200 else len(after)  # noqa: PLR2004 - as difflib has it
    counts = Counter(before)
    return sum(counts[line] * count for line, count in Counter(after).items() if count <= common)


def _shown(line: str) -> str:
    """Return a line without its line feed. Other line ends are kept, as lines may differ only in them."""
    if not line.endswith(("\r", "\n")):
        return f"{line}  (no line end)"
    return line if line.endswith("\r\n") else line.removesuffix("\n")


def _values(code: RemoteCode, comparison: _Comparison | None) -> dict[str, Any]:
    newer = {"commit": code.commit, "digest": code.bundle.digest, "files": dict(code.bundle.file_digests())}
    if comparison is None:
        return {"source": code.source, "reviewed": None, "newer": newer}
    return {
        "source": code.source,
        "reviewed": comparison.entry.to_dict(),
        "newer": newer,
        "same": not comparison.files,
        **asdict(comparison.changes),
        "without_diff": {file.name: file.reason for file in comparison.files if file.lines is None},
        "new_remarks": [asdict(remark) for remark in comparison.remarks],
        "diff": "".join(f"{line}\n" for file in comparison.files for line in file.lines or ()),
    }


def _lines(code: RemoteCode, comparison: _Comparison | None) -> Iterator[str]:
    yield heading(code.source)
    if comparison is None:
        yield "  no version of it was reviewed"
        yield from (f"    $ {printable(code.command(verb))}" for verb in ("inspect", "trust"))
        return
    entry = comparison.entry
    since = dim(f"trusted {entry.trusted_at}")
    yield f"  reviewed  {entry.commit or 'a folder'}  {since} {printable(entry.note)}".rstrip()
    yield f"  newer     {code.commit or 'a folder'}"
    if not comparison.files:
        yield f"  {good('the same code')}, digest {entry.digest}"
        return
    yield f"  {bad('it differs')}: digest {entry.digest} became {code.bundle.digest}"
    yield from (f"  {line}" for line in change_lines(comparison.changes))
    if comparison.remarks:
        yield from remark_lines("Newly worth a look", comparison.remarks)
    for file in comparison.files:
        yield ""
        yield from _file_lines(file)


def change_lines(changes: FileChanges) -> Iterator[str]:
    """Yield a line for each file that differs."""
    for kind, names in asdict(changes).items():
        yield from (f"{kind}: {printable(name)}" for name in names)


def _file_lines(file: _FileDiff) -> Iterator[str]:
    if file.lines is None:
        yield heading(file.name)
        yield f"  {printable(file.reason)}"
        return
    yield from map(heading, file.lines[:2])  # only these two come from `diff`: lines of a file can look like them
    for line in file.lines[2:]:
        style = {"+": good, "-": bad, "@": dim}.get(line[0], printable)
        yield style(line)
