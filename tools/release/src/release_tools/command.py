"""The program `release`: its verbs."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import click

from release_tools.api import write_records
from release_tools.changes import changelog_of, entries_of, fragments_of
from release_tools.checks import failures_of, notes_of_no_package
from release_tools.environments import CommandError, uv
from release_tools.plan import PlannedRelease, changes_of, plan_releases, spelled, write_plan
from release_tools.programs import Program
from release_tools.releases import (
    affected_packages,
    changed_files,
    folders_to_test,
    git,
    last_release,
    released_versions,
    tag_of,
)
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["release"]


class _Program(Program, click.Group):
    """The program, with its verbs."""


@click.group(cls=_Program)
@click.pass_context
def release(context: click.Context) -> None:
    """Check, plan and record releases of the packages of the checkout that this is run in."""
    context.obj = Workspace.around(Path.cwd())


@release.command()
@click.pass_obj
def status(workspace: Workspace) -> None:
    """Show what has changed in each package since its last release, and which dependents must move."""
    releases = {release.package.name: release for release in plan_releases(workspace)}
    for package in workspace.in_order():
        _show(workspace, package, releases.get(package.name))


def _show(workspace: Workspace, package: WorkspacePackage, release: PlannedRelease | None) -> None:
    last = last_release(workspace, package)
    if last is None:
        since = "not released yet"
    else:
        tag = tag_of(package, last)
        commits = git(workspace.root, "rev-list", "--count", f"{tag}..HEAD", "--", f"packages/{package.name}")
        since = f"{commits} commits since {tag}"
    click.echo(f"{package.name} {_step(release) if release else package.version} ({since})")
    for reason in release.reasons if release else changes_of(workspace, package, last):
        click.echo(f"  {reason.kind:8} {reason.text}")
    if release is None:
        click.echo("  needs no release")


def _step(release: PlannedRelease) -> str:
    return f"{release.version}" if release.last is None else f"{release.last} -> {release.version}"


@release.command()
@click.argument("packages", nargs=-1)
@click.option("--write", is_flag=True, help="Write versions, bounds, changelogs and uv.lock.")
@click.pass_obj
def plan(workspace: Workspace, packages: tuple[str, ...], *, write: bool) -> None:
    """Show the releases to come, in order: of all packages that changed, or of PACKAGES and those that must follow."""
    releases = plan_releases(workspace, *packages)
    if not releases:
        click.echo("Nothing to release.")
        return
    for number, release in enumerate(releases, 1):
        click.echo(f"{number}. {release.package.name} {_step(release)}")
        for reason in release.reasons:
            click.echo(f"     {reason.kind:8} {reason.text}")
    if not write:
        click.echo("\nNothing is written yet: release plan --write does.")
        return
    written = write_plan(workspace, releases)
    click.echo("\nWritten. Check and commit it, and when it is on main:" if written else "\nAlready written. On main:")
    # One push for each tag: GitHub starts no workflow for a push of more than three.
    for release in releases:
        message = f"{release.package.distribution} {release.version}"
        click.echo(f'  git tag --annotate --message "{message}" {release.tag} && git push origin {release.tag}')


@release.command()
@click.option("--package", "names", multiple=True, help="Folder name of a package; all of them by default.")
@click.option("--since", help="Commit that this branch has left: what changed since then needs a note of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_obj
def check(workspace: Workspace, names: tuple[str, ...], since: str | None, *, as_json: bool) -> None:
    """Compare the packages with their last releases and with what they ask of each other.

    Exits with 1 if anything must be done first.
    """
    packages = workspace.chosen(names)
    failures = [failure for package in packages for failure in failures_of(workspace, package, since)]
    failures += notes_of_no_package(workspace)
    if as_json:
        click.echo(json.dumps([failure._asdict() for failure in failures], indent=2))
    else:
        click.echo("\n".join(map(str, failures)) or "Nothing stands in the way of a release.")
    if failures:
        raise click.exceptions.Exit(1)


@release.command()
@click.pass_obj
def record(workspace: Workspace) -> None:
    """Write what each package offers, and since which version, to its api.json."""
    write_records(workspace)


@release.command()
@click.option("--since", required=True, help="Branch or commit that the changes start from.")
@click.option("--tests", is_flag=True, help="Print the folders of tests in place of the packages.")
@click.pass_obj
def affected(workspace: Workspace, since: str, *, tests: bool) -> None:
    """Print the packages that changes concern, dependents included, one a line."""
    packages = affected_packages(workspace, since)
    for line in folders_to_test(workspace, packages) if tests else sorted(packages):
        click.echo(line)


@release.command()
@click.argument("tag")
@click.pass_obj
def verify(workspace: Workspace, tag: str) -> None:
    """Print the package that TAG releases, if the sources are those of this release."""
    package = _package_of(workspace, tag)
    if next(iter(entries_of(package)), None) != str(package.version) or fragments_of(package):
        raise ValueError(
            f"{changelog_of(package).relative_to(workspace.root)} does not begin with an entry for "
            f"{package.version} that has all changes. Remove the tag and run: release plan --write"
        )
    released = package.version in released_versions(workspace, package)
    if released and (changed := changed_files(workspace, tag, f"packages/{package.name}")):
        raise ValueError(f"{changed[0]} is not as it is in {tag}. Check out what is tagged: git checkout {tag}")
    click.echo(package.name)


@release.command()
@click.argument("tag")
@click.option("--minutes", default=60.0, show_default=True, help="How long to wait at most.")
@click.option("--index", envvar="RELEASE_INDEX", help="Index to ask besides those that uv asks.")
@click.pass_obj
def wait(workspace: Workspace, tag: str, minutes: float, index: str | None) -> None:
    """Wait until the index has the siblings that the release of TAG needs."""
    needed = [spelled(requirement) for requirement, _ in workspace.siblings_of(_package_of(workspace, tag))]
    until = time.monotonic() + 60 * minutes
    while missing := {each: why for each in needed if (why := _why_not_on_index(each, index))}:
        if time.monotonic() > until:
            reasons = "\n".join(missing.values())
            raise ValueError(f"Not on the index after {minutes:g} minutes: {', '.join(missing)}.\n{reasons}")
        click.echo(f"Waiting for {', '.join(missing)}")
        time.sleep(15)


def _package_of(workspace: Workspace, tag: str) -> WorkspacePackage:
    tags = {tag_of(package, package.version): package for package in workspace.packages.values()}
    if tag not in tags:
        raise ValueError(
            f"{tag} is the tag of no package as it is here. These are: {', '.join(tags)}. Check it out: git checkout "
            f"{tag}. If that is this commit, it is a wrong one: git push --delete origin {tag}, and tag the "
            "right one."
        )
    return tags[tag]


def _why_not_on_index(requirement: str, index: str | None) -> str | None:
    """Return uv's words if it finds no version for a requirement, asking the index anew."""
    options = ["--dry-run", "--no-deps", "--refresh", "--quiet", *(["--index", index] if index else [])]
    with tempfile.TemporaryDirectory() as empty:
        try:
            uv("pip", "install", *options, "--target", empty, requirement, cwd=Path(empty))
        except CommandError as error:
            return str(error)
    return None
