"""`hub-io verify`: whether everything is still what was trusted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hub_io.command.options import offline_option
from hub_io.command.reports import NO, OK, UNAVAILABLE, Report, reporting
from hub_io.command.screen import bad, busy, dim, good, heading, printable
from hub_io.command.verifying import verify_entry
from hub_io.store_places import find_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub_io.command.verifying import Finding
    from hub_io.trust_store import TrustEntry, TrustFile

__all__ = ["verify"]


@click.command()
@offline_option
@reporting
def verify(*, offline: bool) -> Report:
    """Compare every entry of the trust store with what the cache, the Hub and the code store hold.

    For a repository that is the recorded commit, which the Hub is asked for anew; for a folder its files as they are
    now. Nothing that differs would run. Exits with 1 if something differs, or else with 3 if the Hub could not be
    asked.

    \b
    Examples:
      hub-io verify
      hub-io verify --offline --json
    """  # noqa: D301 - click's sign for text that stays as it is
    verified: list[tuple[TrustFile, TrustEntry, list[Finding]]] = []
    for file, entry in find_store().located_entries:
        with busy(f"Verifying {entry.source} …"):
            verified.append((file, entry, list(verify_entry(entry, offline=offline))))
    states = {finding.state for _, _, findings in verified for finding in findings}
    exit_code = NO if "differs" in states else UNAVAILABLE if "unreachable" in states else OK
    values = {"entries": [_values(*each) for each in verified]}
    lines = [line for _, entry, findings in verified for line in _lines(entry, findings)]
    return Report(values, lines or ["Nothing is trusted here, so there is nothing to verify."], exit_code)


def _values(file: TrustFile, entry: TrustEntry, findings: list[Finding]) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "source": entry.source,
        "commit": entry.commit,
        "digest": entry.digest,
        "findings": [asdict(finding) for finding in findings],
    }


def _lines(entry: TrustEntry, findings: list[Finding]) -> Iterator[str]:
    yield f"{heading(entry.source)} {entry.commit or ''}".rstrip()
    for finding in findings:
        style = {"same": good, "absent": dim}.get(finding.state, bad)
        problem = f": {finding.problem}" if finding.problem else ""
        yield f"  {finding.place:10}  {style(finding.state)}{printable(problem)}"
        yield from (f"              changed: {printable(name)}" for name in finding.changed)
        yield from (f"              missing: {printable(name)}" for name in finding.missing)
