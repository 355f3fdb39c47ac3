"""What changed since a commit or a release: notes for users that are missing, and what must be tested."""

from __future__ import annotations

import shutil

import pytest

from release_tools.checks import missing_note
from release_tools.releases import affected_packages, folders_to_test
from repository_copy import RepositoryCopy

ALL = {"config-core", "auto-registry", "model-core", "hub-io", "resnet"}
ERRORS = "packages/hub-io/src/hub_io/errors.py"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return a copy of this repository with a branch at its first commit."""
    copy = RepositoryCopy.create(tmp_path_factory.mktemp("first") / "copy")
    copy.git("branch", "start")
    return copy


@pytest.fixture
def copy(first, tmp_path):
    """Return a copy of it that a test may change."""
    return RepositoryCopy(shutil.copytree(first.root, tmp_path / "copy", symlinks=True))


def notes_missing(copy, since=None):
    """Return what is told of all packages."""
    return [
        str(each)
        for package in copy.workspace.packages.values()
        for each in missing_note(copy.workspace, package, since)
    ]


def test_unreleased_package_needs_no_note(copy):
    """Before its first release, a package has nothing that its users could compare."""
    copy.append(ERRORS, "# Changed.\n")
    assert notes_missing(copy) == []


@pytest.mark.parametrize("path", [ERRORS, "packages/hub-io/README.md", "packages/hub-io/pyproject.toml"])
@pytest.mark.parametrize("since", [None, "start"])
def test_shipped_change_without_a_note_is_told(copy, path, since):
    """Whatever is in sdist or wheel has users; the message names the file to add."""
    copy.tag("hub-io")
    copy.append(path, "\n# Changed.\n")
    (problem,) = notes_missing(copy, since)
    assert path in problem
    assert "Add packages/hub-io/changes/<words-and-hyphens>.<kind>.md" in problem


@pytest.mark.parametrize("kind", ["breaking", "feature", "fix", "misc"])
@pytest.mark.parametrize("since", [None, "start"])
def test_fragment_is_a_note(copy, kind, since):
    """A fragment of any kind answers for the change, committed or not."""
    copy.tag("hub-io")
    copy.append(ERRORS, "# Changed.\n")
    copy.write(f"packages/hub-io/changes/errors.{kind}.md", "Changed.\n")
    assert notes_missing(copy, since) == []


def test_bad_name_of_a_fragment_is_told(copy):
    """A check names the file and what is allowed, and goes on with other packages."""
    copy.tag("hub-io")
    copy.append(ERRORS, "# Changed.\n")
    copy.write("packages/hub-io/changes/errors.fixed.md", "Changed.\n")
    (problem,) = notes_missing(copy)
    assert problem.startswith("packages/hub-io/changes/errors.fixed.md: hub-io: not the name of a change fragment.")
    assert "breaking, feature, fix, misc" in problem


def test_new_changelog_entry_is_a_note(copy):
    """A prepared release has its changes in the changelog."""
    copy.tag("hub-io")
    copy.append(ERRORS, "# Changed.\n")
    copy.append("packages/hub-io/CHANGELOG.md", "- Changed.\n")
    assert notes_missing(copy) == []


def test_older_fragment_is_no_note_for_a_branch(copy):
    """What an earlier change said does not answer for this branch."""
    copy.write("packages/hub-io/changes/errors.fix.md", "Changed.\n")
    copy.commit()
    copy.git("branch", "--force", "start")
    copy.append(ERRORS, "# Changed.\n")
    assert len(notes_missing(copy, "start")) == 1
    assert len(notes_missing(copy, copy.git("rev-parse", "start"))) == 1


def test_note_of_another_package_does_not_count(copy):
    """Each package has users of its own."""
    copy.tag("hub-io")
    copy.append(ERRORS, "# Changed.\n")
    copy.write("packages/resnet/changes/errors.fix.md", "Changed.\n")
    assert len(notes_missing(copy)) == 1


def test_commits_on_the_base_since_the_branch_began_do_not_count(copy):
    """A branch answers for its own commits, not for those that the base got meanwhile."""
    copy.git("switch", "--quiet", "--create", "ahead")
    copy.append(ERRORS, "# Changed.\n")
    copy.commit()
    copy.git("switch", "--quiet", "start")
    copy.append("packages/resnet/README.md", "\nChanged.\n")
    (problem,) = notes_missing(copy, "ahead")
    assert "packages/resnet/README.md" in problem
    assert affected_packages(copy.workspace, "ahead") == {"resnet"}


@pytest.mark.parametrize(
    ("path", "packages"),
    [
        ("packages/config-core/src/config_core/errors.py", ALL),
        ("packages/model-core/README.md", {"model-core", "resnet"}),
        ("packages/hub-io/src/hub_io/new.py", {"hub-io", "resnet"}),
        ("tests/auto_registry/test_new.py", {"auto-registry", "hub-io", "resnet"}),
        ("packages/resnet/changes/new.fix.md", {"resnet"}),
        ("tests/support/new.py", ALL),
        ("tests/guide/test_new.py", ALL),
        ("uv.lock", ALL),
        (".ci/new", ALL),
        ("packages/new/file", ALL),
    ],
)
def test_change_concerns_a_package_and_its_dependents(copy, path, packages):
    """Files of no package concern all."""
    copy.write(path, "new\n")
    assert affected_packages(copy.workspace, "start") == packages


@pytest.mark.parametrize("since", ["no-such-branch", "unrelated"])
def test_branch_that_is_not_here_is_told(copy, since):
    """A shallow clone or a typo: there is no commit to compare with."""
    tree = copy.git("rev-parse", "HEAD^{tree}")
    copy.git("branch", "unrelated", copy.git("commit-tree", "-m", "Another beginning", tree))
    words = f"no commit at which this branch left {since}.*--unshallow"
    with pytest.raises(ValueError, match=words):
        affected_packages(copy.workspace, since)
    with pytest.raises(ValueError, match=words):
        notes_missing(copy, since)


def test_removed_file_concerns_its_package(copy):
    """What is gone has changed."""
    (copy.root / "packages/resnet/README.md").unlink()
    assert affected_packages(copy.workspace, "start") == {"resnet"}


def test_moved_file_concerns_both_packages(copy):
    """A move changes the package that it leaves, too."""
    copy.git("mv", "packages/auto-registry/README.md", "packages/resnet/OTHER.md")
    copy.commit()
    assert affected_packages(copy.workspace, "start") == {"auto-registry", "hub-io", "resnet"}


def test_nothing_changed_concerns_nobody(copy):
    """Without a change there is nothing to test."""
    assert affected_packages(copy.workspace, "start") == set()
    assert folders_to_test(copy.workspace, set()) == []


def test_folders_of_other_packages_are_left_out(copy):
    """Tests of several packages always run, those of packages that no change concerns do not."""
    folders = set(folders_to_test(copy.workspace, {"resnet"}))
    assert {"tests/resnet", "tests/workspace", "tests/guide", "tests/interchange"} <= folders
    assert folders.isdisjoint({"tests/config_core", "tests/auto_registry", "tests/model_core", "tests/hub_io"})
    assert "tests/support" not in folders


def test_all_folders_run_for_all_packages(copy):
    """With every package concerned, nothing that pytest would find is left out."""
    folders = set(folders_to_test(copy.workspace, ALL))
    assert folders == {f"tests/{path.name}" for path in copy.root.glob("tests/*") if list(path.rglob("test_*.py"))}
