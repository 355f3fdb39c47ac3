"""What must hold before a package is released, which `release check` looks at without installing anything.

What was broken or is new is in `api`, what a package uses of its siblings in `sibling_use`. Here: whether users are
told what changed, tags that are missing, changelogs that were rewritten, bounds, and undeclared imports.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.api import recorded_api, unannounced_changes, wrong_record
from release_tools.changes import KINDS, FragmentError, changelog_of, changelog_text, fragments_of, sections_of
from release_tools.failures import Failure, place, place_of_requirement
from release_tools.releases import (
    branch_start,
    changed_files,
    git,
    last_release,
    released_package,
    released_versions,
    tag_of,
)
from release_tools.sibling_use import missing_in_older_siblings, unread_entry_points
from release_tools.workspace import Workspace, WorkspacePackage, imports_of, lines_that_may_fail

__all__ = [
    "failures_of",
    "impossible_bounds",
    "missing_note",
    "missing_tags",
    "notes_of_no_package",
    "require_tags",
    "rewritten_entries",
    "undeclared_imports",
]

# Users do not notice changes here.
_UNSHIPPED = ("CHANGELOG.md", "api.json", "changes/")
# Distributions whose import name is another; the others are called like what they offer.
_IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def failures_of(workspace: Workspace, package: WorkspacePackage, since: str | None = None) -> list[Failure]:
    """Return what every check finds in a package; with a commit, a note for each change since a branch left it."""
    if missing := list(missing_tags(workspace, package)):
        return missing  # There is nothing to compare with.
    checks: tuple[Callable[[Workspace, WorkspacePackage], Iterable[Failure]], ...] = (
        unannounced_changes,
        wrong_record,
        impossible_bounds,
        undeclared_imports,
        unread_entry_points,
        missing_in_older_siblings,
        rewritten_entries,
    )
    found = [failure for find in checks for failure in find(workspace, package)]
    return [*found, *missing_note(workspace, package, since)]


def missing_note(workspace: Workspace, package: WorkspacePackage, since: str | None = None) -> Iterator[Failure]:
    """Find a change of a package that no note tells its users.

    A branch must bring its own note for what changed since it left a commit. Without one, the package is compared with
    its last release, and passes before the first.
    """
    folder = f"packages/{package.name}/"
    try:
        notes = {f"changes/{fragment.path.name}" for fragment in fragments_of(package)}
    except FragmentError as error:
        yield Failure(package.name, "change-note", place(workspace, error.path), error.what, error.todo)
        return
    last = last_release(workspace, package)
    if since is None and last is None:
        return
    base = branch_start(workspace, since) if since else tag_of(package, last or package.version)
    changed = [path.removeprefix(folder) for path in changed_files(workspace, base, folder)]
    shipped = [path for path in changed if not path.startswith(_UNSHIPPED)]
    notes = notes.intersection(changed) if since else notes
    if shipped and not notes and changelog_of(package).name not in changed:
        more = f" and {len(shipped) - 1} more files" if shipped[1:] else ""
        yield Failure(
            package.name,
            "change-note",
            f"{folder}{shipped[0]}",
            f"this file{more} changed since {since or base}, and nothing tells the users of {package.distribution}.",
            f"Add {folder}changes/<words-and-hyphens>.<kind>.md, where <kind> is one of {', '.join(KINDS)}; misc is "
            "for what users do not notice.",
        )


def notes_of_no_package(workspace: Workspace) -> Iterator[Failure]:
    """Find change fragments in folders that are no package, such as those of a name that was misspelled."""
    packages = {package.folder for package in workspace.packages.values()}
    for folder in sorted(workspace.root.glob("packages/*/changes")):
        if folder.parent not in packages and any(folder.iterdir()):
            there = ", ".join(sorted(package.name for package in packages))
            what = f"there is no such package, so nobody reads these notes; there are {there}."
            yield Failure(
                folder.parent.name, "change-note", place(workspace, folder), what, "Move them, or remove them."
            )


def missing_tags(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find releases that the files of a package name, and this clone has no tag of.

    Without its tags a clone would pass every comparison, and plan a first release.
    """
    tagged = released_versions(workspace, package)
    told = {Version(version) for version in re.findall(r"^## ([\d.]+) \(", changelog_text(package), re.MULTILINE)}
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
    here = sections_of(changelog_text(package))
    for section in sections_of(changelog_text(released_package(workspace, package, last))):
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


def undeclared_imports(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find imports of distributions that neither the dependencies nor an extra names.

    Imports in functions and for type checkers count, since both need the distribution. Those in a `try` that catches
    ImportError do not: the program runs without.
    """
    import_names = {distribution: sibling.import_name for distribution, sibling in workspace.packages.items()}
    import_names |= _IMPORT_NAMES
    declared = map(canonicalize_name, (requirement.name for requirement in package.all_requirements()))
    known = {import_names.get(name, name.replace("-", "_")) for name in declared}
    known |= {package.import_name, *sys.stdlib_module_names}
    for module, path in package.modules():
        for found in imports_of(module, path):
            name = found.module.partition(".")[0]
            if name not in known and found.line not in lines_that_may_fail(path):
                yield Failure(
                    package.name,
                    "undeclared-import",
                    place(workspace, path, found.line),
                    f"{name} is imported but not declared.",
                    f"Add its distribution to the dependencies in packages/{package.name}/pyproject.toml.",
                )


def impossible_bounds(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find bounds on siblings that no version meets, that exclude today's, or that begin at one which never was."""
    for requirement, sibling in workspace.siblings_of(package):
        versions = sorted({*released_versions(workspace, sibling), sibling.version})
        problem = _problem_of(requirement, sibling, versions)
        if problem:
            yield Failure(
                package.name,
                "bounds",
                place_of_requirement(workspace, package, requirement),
                problem,
                "Give bounds that begin at a released version or at today's, and admit today's. To exclude a broken "
                f"release, prepare its successor first: release plan --write {sibling.name}",
            )


def _problem_of(requirement: Requirement, sibling: WorkspacePackage, versions: list[Version]) -> str | None:
    if not any(version in requirement.specifier for version in versions):
        return f"no version of {sibling.distribution} meets {requirement}; there are {', '.join(map(str, versions))}."
    if sibling.version not in requirement.specifier:
        return f"{requirement} excludes {sibling.version}, which {sibling.distribution} has in this workspace."
    lowest = [Version(bound.version) for bound in requirement.specifier if bound.operator in {">=", "==", "~="}]
    missing = [str(version) for version in lowest if version not in versions]
    if missing:
        return f"{requirement} begins at {missing[0]}, which was never released."
    return None
