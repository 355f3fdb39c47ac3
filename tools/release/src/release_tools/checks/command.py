"""The verbs `check`, for what must hold before a release, and `record`, for what each package offers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

import click

from release_tools.checks._api_record import write_records, wrong_record
from release_tools.checks._breaking_changes import unannounced_breaks
from release_tools.checks._change_notes import missing_note, notes_of_no_package
from release_tools.checks._failures import Failure
from release_tools.checks._history import missing_tags, rewritten_entries
from release_tools.checks._requirements import impossible_bounds, undeclared_imports, unknown_texts
from release_tools.checks._sibling_use import missing_in_older_siblings
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["check", "record"]

_CHECKS: tuple[Callable[[Workspace, WorkspacePackage], Iterable[Failure]], ...] = (
    unannounced_breaks,
    wrong_record,
    impossible_bounds,
    undeclared_imports,
    unknown_texts,
    missing_in_older_siblings,
    rewritten_entries,
)


def _failures_of(workspace: Workspace, package: WorkspacePackage, since: str | None = None) -> list[Failure]:
    """Return what every check finds in a package; with a commit, a note for each change since a branch left it."""
    if missing := list(missing_tags(workspace, package)):
        return missing  # There is nothing to compare with.
    found = [failure for find in _CHECKS for failure in find(workspace, package)]
    return [*found, *missing_note(workspace, package, since)]


@click.command()
@click.option("--package", "names", multiple=True, help="Folder name of a package; all of them by default.")
@click.option("--since", help="Commit that this branch has left: what changed since then needs a note of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_obj
def check(workspace: Workspace, names: tuple[str, ...], since: str | None, *, as_json: bool) -> None:
    """Compare the packages with their last releases and with what they ask of each other.

    Exits with 1 if anything must be done first.
    """
    packages = workspace.chosen(names)
    failures = [failure for package in packages for failure in _failures_of(workspace, package, since)]
    failures += notes_of_no_package(workspace)
    if as_json:
        click.echo(json.dumps([asdict(failure) for failure in failures], indent=2))
    else:
        click.echo("\n".join(map(str, failures)) or "Nothing stands in the way of a release.")
    if failures:
        raise click.exceptions.Exit(1)


@click.command()
@click.pass_obj
def record(workspace: Workspace) -> None:
    """Write what each package offers, and since which version, to its api.json."""
    write_records(workspace)
