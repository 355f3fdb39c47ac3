"""Plans of releases: what changed, who must move, with which versions and bounds."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from packaging.version import Version

from release_tools.changes import entries_of
from release_tools.command import release
from release_tools.plan import plan_releases, spelled
from repository_copy import CHANGELOG, RepositoryCopy

FOLDERS = ["config-core", "auto-registry", "model-core", "hub-io", "resnet"]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Return a copy of this repository in which all packages are released as 0.1.0."""
    released = RepositoryCopy.create(tmp_path_factory.mktemp("released") / "copy")
    released.release_all()
    return released


@pytest.fixture
def copy(released, tmp_path):
    """Return a copy of it that a test may change."""
    return RepositoryCopy(shutil.copytree(released.root, tmp_path / "copy", symlinks=True))


OFFER = '''"""A new face."""

from __future__ import annotations

__all__ = ["area"]


def area() -> int:
    """Return the area."""
    return 1
'''


def run(copy, *arguments):
    """Run the program in a copy and return what it said, and whether it succeeded."""
    with contextlib.chdir(copy.root):
        result = CliRunner().invoke(release, arguments)
    return result.output, result.exit_code == 0


def versions(copy, *names):
    """Return the versions of a plan, in its order."""
    return {each.package.name: str(each.version) for each in plan_releases(copy.workspace, *names)}


def bounds(copy, package):
    """Return the bounds of a package for its siblings."""
    return [spelled(requirement) for requirement, _ in copy.workspace.siblings_of(copy.package(package))]


def test_nothing_changed_needs_no_release(copy):
    """Released packages stay as they are."""
    assert versions(copy) == {}
    assert run(copy, "plan") == ("Nothing to release.\n", True)


def test_first_release_is_of_all_in_order_of_their_needs(tmp_path):
    """Without tags, each package is released as the version that it has, after those that it needs."""
    copy = RepositoryCopy.create(tmp_path / "copy")
    plan = versions(copy)
    assert plan == {name: str(copy.package(name).version) for name in FOLDERS}
    order = list(plan)
    for name in FOLDERS:
        for _, sibling in copy.workspace.siblings_of(copy.package(name)):
            assert order.index(sibling.name) < order.index(name)


def test_first_release_takes_what_was_written_so_far(tmp_path):
    """All entries of a changelog become the first release's, none of their lines is lost, and that is done once."""
    copy = RepositoryCopy.create(tmp_path / "copy")
    copy.write("packages/resnet/CHANGELOG.md", CHANGELOG.replace("## 0.1.0", "## Unreleased\n\n- By hand.\n\n## 0.1.0"))
    copy.write("packages/resnet/changes/new.feature.md", "New.\n")
    copy.set_version("resnet", "0.1.0")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    copy.commit()
    entries = entries_of(copy.package("resnet"))
    assert entries == {"0.1.0": "- New.\n- By hand.\n- First release."}
    assert run(copy, "verify", "resnet-v0.1.0") == ("resnet\n", True)
    assert "Already written" in run(copy, "plan", "--write")[0]
    assert copy.git("status", "--porcelain") == ""


@pytest.mark.parametrize(("kind", "version"), [("fix", "0.1.1"), ("feature", "0.1.1"), ("misc", None)])
def test_compatible_change_moves_one_package(copy, kind, version):
    """Nobody must follow a release that their bounds admit, and what users do not notice needs no release."""
    copy.write(f"packages/config-core/changes/links.{kind}.md", "Links are followed.\n")
    assert versions(copy) == ({"config-core": version} if version else {})


@pytest.mark.parametrize(("kind", "version"), [("fix", "1.2.4"), ("feature", "1.3.0"), ("breaking", "2.0.0")])
def test_versions_from_one_on_are_semantic(copy, kind, version):
    """From 1.0 on, a breaking change moves the first number, a feature the second and a fix the third."""
    copy.set_version("resnet", "1.2.3")
    copy.tag("resnet")
    copy.write(f"packages/resnet/changes/layers.{kind}.md", "Layers.\n")
    assert versions(copy) == {"resnet": version}


def test_breaking_change_moves_the_dependents_that_it_leaves_behind(copy):
    """Whose upper bound excludes the coming version is released too, with bounds that admit it."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n")
    plan = {each.package.name: each for each in plan_releases(copy.workspace)}
    assert {name: str(each.version) for name, each in plan.items()} == {
        "config-core": "0.2.0",
        "auto-registry": "0.1.1",
        "model-core": "0.1.1",
        "hub-io": "0.1.1",
        "resnet": "0.1.1",
    }
    assert [spelled(bound.new) for bound in plan["hub-io"].bounds] == [
        "pretrained-config-core>=0.2,<0.3",
        # Older ones cannot be installed with this config-core.
        "pretrained-auto-registry>=0.1.1,<0.2",
    ]


def test_breaking_change_of_a_leaf_moves_it_alone(copy):
    """What nobody needs leaves nobody behind."""
    copy.write("packages/resnet/changes/gone.breaking.md", "`x` is gone.\n")
    assert versions(copy) == {"resnet": "0.2.0"}


def test_breaking_change_moves_a_dependent_by_its_extra(copy):
    """The bounds of an extra leave a release behind as those of dependencies do."""
    copy.write("packages/hub-io/changes/gone.breaking.md", "`x` is gone.\n")
    copy.tag()
    assert versions(copy) == {"hub-io": "0.2.0", "resnet": "0.1.1"}
    assert run(copy, "plan", "--write")[1]
    assert "pretrained-hub-io>=0.2,<0.3" in bounds(copy, "resnet")
    assert copy.package("resnet").project["dependencies"][0] == "pretrained-config-core>=0.1,<0.2"


def test_fragment_of_several_lines_is_shown_as_one(copy):
    """Its first paragraph tells what has changed, wherever its lines end."""
    copy.write("packages/resnet/changes/one.fix.md", "Begins here,\nand ends here.\n\nMore.\n")
    assert "fix      Begins here, and ends here.\n" in run(copy, "status")[0]


def test_several_changes_are_one_plan(copy):
    """Each package moves by the greatest of its changes."""
    copy.write("packages/config-core/changes/one.fix.md", "One.\n")
    copy.write("packages/resnet/changes/two.fix.md", "Two.\n")
    copy.write("packages/resnet/changes/three.breaking.md", "Three.\n")
    assert versions(copy) == {"config-core": "0.1.1", "resnet": "0.2.0"}


def test_named_packages_are_released_alone(copy):
    """Changes of others wait for a release of their own."""
    copy.write("packages/config-core/changes/one.fix.md", "One.\n")
    copy.write("packages/resnet/changes/two.fix.md", "Two.\n")
    assert versions(copy, "resnet") == {"resnet": "0.1.1"}


def test_named_package_whose_sibling_is_not_released_is_refused(copy):
    """A release that nobody can install is not planned, and the message says which one must come with it."""
    copy.set_version("config-core", "0.1.1")
    copy.set_bounds("hub-io", "config-core", ">=0.1.1,<0.2")
    output, succeeded = run(copy, "plan", "hub-io")
    assert not succeeded
    assert "hub-io needs pretrained-config-core>=0.1.1,<0.2, and config-core was released as 0.1.0" in output
    assert "release plan config-core hub-io" in output
    assert versions(copy, "config-core", "hub-io") == {"config-core": "0.1.1", "hub-io": "0.1.1"}


def test_new_name_is_a_feature(copy):
    """What a face newly offers is released without a fragment, too."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.commit()
    (planned,) = plan_releases(copy.workspace)
    assert (planned.package.name, str(planned.version)) == ("config-core", "0.1.1")
    assert [(reason.kind, reason.text) for reason in planned.reasons] == [("feature", "config_core.offer.area is new")]


def test_entry_tells_of_the_api_what_no_note_tells(copy):
    """A note that is not for users does not make a change one that they do not notice."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.write("packages/config-core/changes/inner.misc.md", "Inner.\n")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    assert entries_of(copy.package("config-core"))["0.1.1"] == "- config_core.offer.area is new."


def test_use_of_a_new_name_raises_the_lower_bound(copy):
    """Who uses what an older sibling lacks is released with a bound that excludes it; the upper one stays."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.append("packages/auto-registry/src/auto_registry/errors.py", "from config_core.offer import area\n")
    copy.commit()
    assert versions(copy) == {"config-core": "0.1.1", "auto-registry": "0.1.1"}
    output, succeeded = run(copy, "plan", "auto-registry")
    assert not succeeded
    assert "auto-registry uses what config-core has not released" in output
    assert "release plan config-core auto-registry" in output
    assert run(copy, "plan", "--write")[1]
    assert bounds(copy, "auto-registry") == ["pretrained-config-core>=0.1.1,<0.2"]
    assert bounds(copy, "hub-io")[0] == "pretrained-config-core>=0.1,<0.2"
    copy.commit()
    assert "Already written" in run(copy, "plan", "--write")[0]


def test_use_of_a_name_that_is_released_raises_the_lower_bound_alone(copy):
    """The sibling's release is there, so it needs no further one."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.set_version("config-core", "0.1.1")
    copy.tag("config-core")
    copy.append("packages/auto-registry/src/auto_registry/errors.py", "from config_core.offer import area\n")
    (planned,) = plan_releases(copy.workspace)
    assert planned.package.name == "auto-registry"
    assert [spelled(bound.new) for bound in planned.bounds] == ["pretrained-config-core>=0.1.1,<0.2"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("src/auto_registry/errors.py", '\n__import__("config_core.offer")\n'),
        ("pyproject.toml", '\n[project.entry-points.some_group]\nname = "config_core.offer:area"\n'),
    ],
)
def test_name_in_a_string_raises_the_lower_bound(copy, file, text):
    """A use is a use, also where only the program that runs can see it."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.append(f"packages/auto-registry/{file}", text)
    copy.commit()
    plan = {each.package.name: each for each in plan_releases(copy.workspace)}
    assert [spelled(bound.new) for bound in plan["auto-registry"].bounds] == ["pretrained-config-core>=0.1.1,<0.2"]


def test_version_that_another_branch_has_released_is_refused(copy):
    """A fix that was begun at an old tag cannot be the version that somebody else has tagged."""
    copy.write("packages/resnet/changes/old.fix.md", "Old.\n")
    copy.commit()
    copy.git("tag", "resnet-v0.1.1")
    output, succeeded = run(copy, "plan")
    assert not succeeded
    assert "resnet would become 0.1.1, which is released already" in output
    assert "begin it at resnet-v0.1.1" in output


def test_broken_api_is_a_breaking_change(copy):
    """What a face no longer offers moves the second number before 1.0, without a fragment, too."""
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.set_version("config-core", "0.1.1")
    copy.tag("config-core")
    (copy.root / "packages/config-core/src/config_core/offer.py").unlink()
    (first, *_) = plan_releases(copy.workspace)
    assert str(first.version) == "0.2.0"
    assert first.reasons[0].text == "config_core.offer.area: no longer offered"


def test_command_that_is_gone_is_a_breaking_change(copy):
    """Metadata is part of what a package offers, so a plan looks there, too."""
    copy.replace("packages/resnet/pyproject.toml", '[project.scripts]\nresnet = "resnet.__main__:main"\n', "")
    (planned,) = plan_releases(copy.workspace)
    assert str(planned.version) == "0.2.0"
    assert planned.reasons[0].text == "command resnet: no longer offered"


def test_written_plan_passes_the_check(copy):
    """After a breaking change with new names and their use, nothing is left to do by hand."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n")
    copy.write("packages/config-core/src/config_core/offer.py", OFFER)
    copy.append("packages/auto-registry/src/auto_registry/errors.py", "from config_core.offer import area\n")
    copy.commit()
    assert not run(copy, "check", "--package", "config-core")[1]
    assert run(copy, "plan", "--write")[1]
    output, succeeded = run(copy, "check")
    assert succeeded, output


def test_unknown_package_is_refused_with_those_that_there_are(copy):
    """A typo releases nothing."""
    output, succeeded = run(copy, "plan", "config_core")
    assert not succeeded
    assert "No such package: config_core. There are auto-registry, config-core" in output


def test_written_plan_fits_together(copy):
    """Versions, bounds, lock and changelogs are written; uv finds the lock up to date; fragments are gone."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n")
    copy.write("packages/config-core/changes/more.feature.md", "There is `y`,\nwhich does more.\n")
    copy.write("packages/config-core/changes/inner.misc.md", "")
    copy.commit()
    output, succeeded = run(copy, "plan", "--write")
    assert succeeded, output
    assert "&& git push origin config-core-v0.2.0" in output
    assert output.index("origin config-core-v0.2.0") < output.index("origin auto-registry-v0.1.1")
    entries = entries_of(copy.package("config-core"))
    assert entries == {
        "0.2.0": "- **Breaking:** `x` is gone.\n- There is `y`,\n  which does more.",
        "0.1.0": "- First release.",
    }
    hub_io = entries_of(copy.package("hub-io"))
    assert (
        hub_io["0.1.1"] == "- Requires `pretrained-config-core>=0.2,<0.3` and `pretrained-auto-registry>=0.1.1,<0.2`."
    )
    assert bounds(copy, "hub-io") == ["pretrained-config-core>=0.2,<0.3", "pretrained-auto-registry>=0.1.1,<0.2"]
    assert not list(copy.root.glob("packages/*/changes/*"))
    subprocess.run(["uv", "lock", "--check", "--quiet"], cwd=copy.root, check=True)


def test_plan_is_written_once(copy):
    """A second run changes nothing and says the commands again."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n")
    copy.commit()
    first, _ = run(copy, "plan", "--write")
    written = copy.git("diff", "HEAD")
    second, succeeded = run(copy, "plan", "--write")
    assert succeeded
    assert "Already written" in second
    assert copy.git("diff", "HEAD") == written
    assert first.partition("git tag")[2] == second.partition("git tag")[2]


def test_change_after_a_written_plan_joins_its_entry(copy):
    """What comes before the tag belongs to the same version."""
    for slug in ("one", "two"):
        copy.write(f"packages/resnet/changes/{slug}.fix.md", f"{slug.capitalize()}.\n")
        copy.commit()
        assert run(copy, "plan", "--write")[1]
        copy.commit()
    assert copy.package("resnet").version == Version("0.1.1")
    entries = entries_of(copy.package("resnet"))
    assert entries["0.1.1"] == "- Two.\n- One."


def test_breaking_change_after_a_written_plan_moves_it_on(copy):
    """A version that was prepared and never tagged gives way to the one that the changes need."""
    copy.write("packages/resnet/changes/one.fix.md", "One.\n")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    copy.write("packages/resnet/changes/two.breaking.md", "Two.\n")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    entries = entries_of(copy.package("resnet"))
    assert entries == {"0.2.0": "- **Breaking:** Two.\n- One.", "0.1.0": "- First release."}


def test_lines_under_unreleased_are_in_the_entry(copy):
    """Lines that were written into the changelog by hand are released like fragments, as one entry."""
    copy.write("packages/resnet/CHANGELOG.md", CHANGELOG.replace("## 0.1.0", "## Unreleased\n\n- By hand.\n\n## 0.1.0"))
    copy.write("packages/resnet/changes/one.fix.md", "One.\n")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    entries = entries_of(copy.package("resnet"))
    assert entries == {"0.1.1": "- One.\n- By hand.", "0.1.0": "- First release."}


def test_changelog_without_the_line_of_towncrier_gets_it(copy):
    """An entry that is written above the title would not be one."""
    copy.write("packages/resnet/CHANGELOG.md", CHANGELOG.replace("<!-- towncrier release notes start -->\n\n", ""))
    copy.write("packages/resnet/changes/one.fix.md", "One.\n")
    copy.commit()
    assert run(copy, "plan", "--write")[1]
    assert (copy.root / "packages/resnet/CHANGELOG.md").read_text(encoding="utf-8").startswith("# Changelog\n")
    assert entries_of(copy.package("resnet")) == {"0.1.1": "- One.", "0.1.0": "- First release."}


def test_plan_is_not_mixed_with_other_changes(copy):
    """With files of packages that are not committed, nothing is written; showing a plan works."""
    copy.write("packages/resnet/changes/one.fix.md", "One.\n")
    assert run(copy, "plan")[1]
    output, succeeded = run(copy, "plan", "--write")
    assert not succeeded
    assert "Commit or stash these changes first" in output
    assert "packages/resnet/changes" in output
    assert copy.package("resnet").version == Version("0.1.0")


@pytest.mark.parametrize("name", ["one.feture.md", "one.md", "one.fix.txt", "fix.md", "two words.fix.md", "notes"])
def test_bad_name_of_a_fragment_is_refused_with_what_is_allowed(copy, name):
    """A fragment whose kind is unknown is no change that is silently left out."""
    copy.write(f"packages/resnet/changes/{name}", "One.\n")
    for verb in ("plan", "status"):
        output, succeeded = run(copy, verb)
        assert not succeeded
        assert f"packages/resnet/changes/{name}" in output
        assert "breaking, feature, fix, misc" in output
        assert "Traceback" not in output


def test_plan_that_cannot_be_written_leaves_nothing_behind(copy):
    """A lock that uv cannot read is found when all else is written: half a plan would have to be undone by hand."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n")
    copy.append("uv.lock", "\n<<<<<<< HEAD\n")
    copy.commit()
    output, succeeded = run(copy, "plan", "--write")
    assert not succeeded
    assert "Failed to parse `uv.lock`" in output
    assert copy.git("status", "--porcelain", "--untracked-files=all") == ""


@pytest.mark.parametrize("path", ["changes/one.fix.md", "CHANGELOG.md"])
def test_marks_of_a_merge_conflict_are_refused(copy, path):
    """Users would read them."""
    head = CHANGELOG.partition("## ")[0] if path == "CHANGELOG.md" else ""
    copy.write(f"packages/resnet/{path}", f"{head}<<<<<<< HEAD\nOne.\n=======\nTwo.\n>>>>>>> branch\n")
    for verb in ("plan", "check"):
        output, succeeded = run(copy, verb)
        assert not succeeded
        assert f"packages/resnet/{path}" in output
        assert "marks of a merge conflict" in output


@pytest.mark.parametrize("path", ["changes/one.fix.md", "CHANGELOG.md", "pyproject.toml", "src/resnet/__init__.py"])
def test_file_in_another_encoding_is_named(copy, path):
    """An error that only tells of a byte says nothing about where it is."""
    (copy.root / "packages/resnet/changes").mkdir(exist_ok=True)
    (copy.root / "packages/resnet" / path).write_bytes("Größe".encode("latin-1"))
    output, succeeded = run(copy, "check", "--package", "resnet")
    assert not succeeded
    assert f"packages/resnet/{path}" in output


def test_empty_fragment_is_refused(copy):
    """Users would read an empty line."""
    copy.write("packages/resnet/changes/one.fix.md", "\n")
    output, succeeded = run(copy, "plan")
    assert not succeeded
    assert "packages/resnet/changes/one.fix.md: the change fragment is empty." in output


def test_release_with_open_changes_is_refused(copy):
    """A tag on a commit whose fragments are not in the changelog yet releases nothing."""
    copy.write("packages/resnet/changes/one.fix.md", "One.\n")
    output, succeeded = run(copy, "verify", "resnet-v0.1.0")
    assert not succeeded
    assert "packages/resnet/CHANGELOG.md does not begin with an entry for 0.1.0 that has all changes" in output


def test_tag_on_a_wrong_commit_is_told(copy):
    """The version there is another one, so the tag must go."""
    copy.git("tag", "resnet-v0.2.0")
    output, succeeded = run(copy, "verify", "resnet-v0.2.0")
    assert not succeeded
    assert "resnet-v0.2.0 is the tag of no package as it is here" in output
    assert "git push --delete origin resnet-v0.2.0" in output


def test_checkout_that_differs_from_its_tag_is_refused(copy):
    """What is built must be what was tagged, not what was written since."""
    assert run(copy, "verify", "resnet-v0.1.0") == ("resnet\n", True)
    copy.append("packages/resnet/src/resnet/__init__.py", "\n")
    output, succeeded = run(copy, "verify", "resnet-v0.1.0")
    assert not succeeded
    assert "packages/resnet/src/resnet/__init__.py is not as it is in resnet-v0.1.0." in output
    assert "git checkout resnet-v0.1.0" in output


def test_towncrier_makes_fragments_that_fit(copy):
    """The command that CONTRIBUTING names makes a fragment that a plan reads."""
    command = [sys.executable, "-m", "towncrier", "create", "--config", "towncrier.toml", "--dir", "packages/resnet"]
    subprocess.run([*command, "--content", "One.", "one.fix.md"], cwd=copy.root, check=True, capture_output=True)
    assert versions(copy) == {"resnet": "0.1.1"}


def test_status_tells_each_package(copy):
    """It says what changed since which tag, and who must move why."""
    copy.write("packages/config-core/changes/gone.breaking.md", "`x` is gone.\n\nUse `y`.\n")
    copy.commit()
    output, succeeded = run(copy, "status")
    assert succeeded
    assert "config-core 0.1.0 -> 0.2.0 (1 commits since config-core-v0.1.0)\n  breaking `x` is gone.\n" in output
    moved = "requires pretrained-config-core>=0.2,<0.3, not pretrained-config-core>=0.1,<0.2"
    assert f"auto-registry 0.1.0 -> 0.1.1 (0 commits since auto-registry-v0.1.0)\n  fix      {moved}\n" in output


def test_status_tells_what_needs_no_release(copy):
    """A package without changes that users notice stays where it is."""
    copy.write("packages/resnet/changes/inner.misc.md", "Inner.\n")
    copy.commit()
    output, _ = run(copy, "status")
    assert "resnet 0.1.0 (1 commits since resnet-v0.1.0)\n  misc     Inner.\n  needs no release\n" in output
