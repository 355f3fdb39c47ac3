"""The verbs of `release` that lead through a release: status, plan, affected, verify and wait."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from release_tools.changes import changelog_of, entries_of, fragments_of
from release_tools.environments import CommandError, uv
from release_tools.planning._affected import affected_packages, folders_to_test
from release_tools.planning._plan import PlannedRelease, changes_of, plan_releases, spelled
from release_tools.planning._writing import prepare
from release_tools.releases import changed_files, git, last_release, released_versions, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["affected", "plan", "status", "verify", "wait"]


@click.command()
@click.pass_obj
def status(workspace: Workspace) -> None:
    """Show what has changed in each package since its last release, and which dependents must move."""
    releases = {release.package.name: release for release in plan_releases(workspace)}
    for package in workspace.in_order():
        _show(workspace, package, releases.get(package.name))


@click.command()
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
    written = prepare(workspace, releases)
    click.echo("\nWritten. Check and commit it, and when it is on main:" if written else "\nAlready written. On main:")
    # One push for each tag: GitHub starts no workflow for a push of more than three.
    for release in releases:
        message = f"{release.package.distribution} {release.version}"
        click.echo(f'  git tag --annotate --message "{message}" {release.tag} && git push origin {release.tag}')


@click.command()
@click.option("--since", required=True, help="Branch or commit that the changes start from.")
@click.option("--tests", is_flag=True, help="Print the folders of tests in place of the packages.")
@click.pass_obj
def affected(workspace: Workspace, since: str, *, tests: bool) -> None:
    """Print the packages that changes concern, dependents included, one a line."""
    packages = affected_packages(workspace, since)
    for line in folders_to_test(workspace, packages) if tests else sorted(packages):
        click.echo(line)


@click.command()
@click.argument("tag")
@click.pass_obj
def verify(workspace: Workspace, tag: str) -> None:
    """Print the package that TAG releases, if the sources are those of this release."""
    package = _package_of(workspace, tag)
    entries = entries_of(changelog_of(package).read_text(encoding="utf-8"))
    if next(iter(entries), None) != str(package.version) or fragments_of(package):
        raise ValueError(
            f"{changelog_of(package).relative_to(workspace.root)} does not begin with an entry for "
            f"{package.version} that has all changes. Remove the tag and run: release plan --write"
        )
    released = package.version in released_versions(workspace, package)
    if released and (changed := changed_files(workspace, tag, f"packages/{package.name}")):
        raise ValueError(f"{changed[0]} is not as it is in {tag}. Check out what is tagged: git checkout {tag}")
    click.echo(package.name)


@click.command()
@click.argument("tag")
@click.option("--minutes", default=60.0, show_default=True, help="How long to wait at most.")
@click.option("--index", envvar="RELEASE_INDEX", help="Index to ask besides those that uv asks.")
@click.pass_obj
def wait(workspace: Workspace, tag: str, minutes: float, index: str | None) -> None:
    """Wait until the index has the siblings that the release of TAG needs."""
    needed = [spelled(requirement) for requirement, _ in workspace.siblings_of(_package_of(workspace, tag))]
    until = time.monotonic() + 60 * minutes
    while missing := [each for each in needed if not _is_on_index(each, index)]:
        if time.monotonic() > until:
            raise ValueError(f"Not on the index after {minutes:g} minutes: {', '.join(missing)}.")
        click.echo(f"Waiting for {', '.join(missing)}")
        time.sleep(15)


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


def _package_of(workspace: Workspace, tag: str) -> WorkspacePackage:
    tags = {tag_of(package, package.version): package for package in workspace.packages.values()}
    if tag not in tags:
        raise ValueError(
            f"{tag} is the tag of no package as it is here. These are: {', '.join(tags)}. If it is a release, check it "
            f"out: git checkout {tag}"
        )
    return tags[tag]


def _is_on_index(requirement: str, index: str | None) -> bool:
    """Return whether uv finds a version for a requirement, asking the index anew."""
    options = ["--dry-run", "--no-deps", "--refresh", "--quiet", *(["--index", index] if index else [])]
    with tempfile.TemporaryDirectory() as empty:
        try:
            uv("pip", "install", *options, "--target", empty, requirement, cwd=Path(empty))
        except CommandError:
            return False
    return True
