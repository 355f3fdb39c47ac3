"""Whether a checkout knows what was released, and keeps what users were told of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.version import Version

from release_tools.changes import changelog_of, sections_of
from release_tools.checks._api_record import recorded_api
from release_tools.checks._failures import Failure, place
from release_tools.releases import git, last_release, released_package, released_versions, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["missing_tags", "require_tags", "rewritten_entries"]


def missing_tags(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find releases that the files of a package name, and this clone has no tag of.

    Without its tags a clone would pass every comparison, and plan a first release.
    """
    tagged = released_versions(workspace, package)
    text = changelog_of(package).read_text(encoding="utf-8")
    told = {Version(version) for version in re.findall(r"^## ([\d.]+) \(", text, re.MULTILINE)}
    recorded = {Version(version) for names in recorded_api(package).values() for version in names.values()}
    missing = (told | recorded) - {*tagged}
    # This version may be on its way to its tag.
    if tagged or package.version not in told or not _lacks_history(workspace):
        missing -= {package.version}
    if missing:
        names = ", ".join(tag_of(package, version) for version in sorted(missing))
        yield Failure(
            package.name,
            "missing-tags",
            place(workspace, changelog_of(package)),
            f"the changelog or api.json names releases whose tags this clone does not have: {names}.",
            "Run `git fetch --tags`, in a shallow clone with `--unshallow`. If there was no such release, remove it "
            "from the changelog and run `release record`.",
        )


def _lacks_history(workspace: Workspace) -> bool:
    """Return whether a clone was told to leave tags or commits out."""
    settings = git(workspace.root, "config", "--list")
    return ".tagopt=--no-tags" in settings or git(workspace.root, "rev-parse", "--is-shallow-repository") == "true"


def require_tags(workspace: Workspace) -> None:
    """Refuse a clone that does not know what was released.

    Raises:
        ValueError: Tags are missing; the message says which, and how to get them.
    """
    failures = [failure for package in workspace.packages.values() for failure in missing_tags(workspace, package)]
    if failures:
        raise ValueError("\n".join(map(str, failures)))


def rewritten_entries(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find entries of a changelog that are not as they were released."""
    last = last_release(workspace, package)
    if last is None:
        return
    path = changelog_of(package)
    here = sections_of(path.read_text(encoding="utf-8"))
    for section in sections_of(changelog_of(released_package(workspace, package, last)).read_text(encoding="utf-8")):
        heading = section.partition("\n")[0]
        if re.match(r"## \d", heading) and section not in here:
            old = f"{tag_of(package, last)}:packages/{package.name}/{path.name}"
            yield Failure(
                package.name,
                "changelog",
                place(workspace, path),
                f"the entry `{heading}` is not as it was released.",
                f"Restore it from `git show {old}`. What is new goes into a fragment in changes/.",
            )
