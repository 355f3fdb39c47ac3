"""Mistakes of maintainers, and clones that lack something: each is told with what to do, and no traceback of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release_tools.api import api_changes, wrong_record
from release_tools.checks import missing_note, rewritten_entries
from release_tools.sibling_use import missing_in_older_siblings
from repository_copy import CHANGELOG, RepositoryCopy

OFFER = "packages/config-core/src/config_core/offer.py"
USE = "packages/auto-registry/src/auto_registry/use_of_offer.py"
PROVE = Path(sys.executable).with_name("prove")
DATED = CHANGELOG.replace("## 0.1.0", "## 0.1.0 (2026-01-31)")


def prove(copy, *arguments):
    """Run `prove` on a copy, without waiting for what it would try."""
    command = [PROVE, *arguments, "--python", "3.99"]
    return subprocess.run(command, cwd=copy.root, capture_output=True, encoding="utf-8", check=False)


def found(check, copy, package):
    """Return what one check finds in a package."""
    return [failure.what for failure in check(copy.workspace, copy.package(package))]


def without_tags(copy):
    """Make a copy one without tags, of a repository whose changelogs say that 0.1.0 was released."""
    for package in copy.workspace.packages.values():
        copy.write(f"packages/{package.name}/CHANGELOG.md", DATED)
    copy.commit()
    for tag in copy.git("tag").splitlines():
        copy.git("tag", "--delete", tag)
    copy.git("config", "remote.origin.tagOpt", "--no-tags")
    return copy


# Clones without tags.


@pytest.mark.parametrize("verb", ["status", "plan", "check"])
def test_clone_without_tags_plans_no_first_release(released, run_release, verb):
    """Its changelogs name releases, so their tags are missing, also where the version is still the first."""
    code, output = run_release(without_tags(released), verb)
    assert code == 1
    assert "config-core-v0.1.0" in output
    assert "git fetch --tags" in output
    assert "first release" not in output


def test_shallow_clone_plans_no_first_release(released, run_release, tmp_path):
    """What a CI service checks out by default has one commit and no tag."""
    released.write("packages/resnet/CHANGELOG.md", DATED)
    released.commit()
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", "--no-tags", released.root.as_uri(), tmp_path / "shallow"], check=True
    )
    shallow = RepositoryCopy(tmp_path / "shallow")
    shallow.git("config", "--unset", "remote.origin.tagOpt")
    code, output = run_release(shallow, "status")
    assert code == 1
    assert "resnet-v0.1.0. [missing-tags]" in output
    assert "--unshallow" in output


def test_missing_tag_of_an_older_release_is_told(released, run_release):
    """A tag that somebody removed is missed, though newer ones are there."""
    released.write("packages/resnet/CHANGELOG.md", DATED.replace("0.1.0", "0.0.9"))
    assert run_release(released, "plan")[0] == 1
    assert "resnet-v0.0.9" in run_release(released, "plan")[1]


def test_written_first_release_is_not_missed(copy, run_release):
    """Before its tag, a plan that was written is no release, and is planned again."""
    copy.write("packages/resnet/CHANGELOG.md", DATED)
    assert run_release(copy, "plan", "resnet", "config-core", "auto-registry", "model-core", "hub-io")[0] == 0


def test_proof_of_a_clone_without_tags_is_refused(released):
    """It would try no older siblings, and pass."""
    done = prove(without_tags(released), "auto-registry")
    assert done.returncode == 1
    assert "git fetch --tags" in done.stderr
    assert "Traceback" not in done.stderr


# Releases that cannot be read or built again.


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("packages/config-core", None, "'packages/config-core' exists on disk, but not in"),
        ("packages/config-core/pyproject.toml", None, "pyproject.toml"),
        ("packages/config-core/pyproject.toml", "[project", "pyproject.toml"),
        (
            "packages/config-core/pyproject.toml",
            "[project]\nname = 'x'\n",
            "must have a name, and a version such as",
        ),
    ],
)
def test_release_without_its_package_is_told(released, run_release, path, text, message):
    """The message has the tag and what to do, whoever needs that release."""
    before = released.git("rev-parse", "HEAD")
    if text is None:
        released.git("rm", "-r", "--quiet", path)
    else:
        released.write(path, text)
    released.commit()
    released.git("tag", "--force", "config-core-v0.1.0")
    released.git("reset", "--hard", "--quiet", before)
    released.append(OFFER, "# Changed.\n")
    code, said = run_release(released, "check")
    assert code == 1
    assert "config-core-v0.1.0 cannot be read: " in said
    assert message in said
    assert "git tag --delete config-core-v0.1.0" in said


def test_release_that_does_not_build_is_told(released):
    """The message has the tag and all that the builder printed, its traceback included, and no traceback of ours."""
    before = released.git("rev-parse", "HEAD")
    released.replace("packages/config-core/pyproject.toml", '"hatchling.build"', '"hatchling.bild"')
    released.commit()
    released.git("tag", "--force", "config-core-v0.1.0")
    released.git("reset", "--hard", "--quiet", before)
    done = prove(released, "auto-registry", "--python", f"3.{sys.version_info.minor}")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: config-core-v0.1.0 cannot be built again: ")
    assert "ModuleNotFoundError: No module named 'hatchling.bild'" in done.stderr
    assert "release_tools" not in done.stderr


# Changelogs and notes.


@pytest.mark.parametrize(
    "text",
    [
        CHANGELOG.replace("First release", "First release ever"),
        CHANGELOG.replace("- First", "- One line more.\n- First"),
        CHANGELOG.replace("## 0.1.0\n\n- First release.\n", ""),
        CHANGELOG.replace("## 0.1.0", "## 0.1.1"),
    ],
)
def test_released_entry_that_was_changed_fails(released, text):
    """What users were told of a release stays as it was."""
    released.write("packages/resnet/CHANGELOG.md", text)
    assert found(rewritten_entries, released, "resnet") == ["the entry `## 0.1.0` is not as it was released."]


def test_entry_above_a_released_one_passes(released):
    """Also with other empty lines between the entries."""
    text = CHANGELOG.replace("## 0.1.0", "## Unreleased\n\n- By hand.\n\n\n## 0.1.0")
    released.write("packages/resnet/CHANGELOG.md", text)
    assert found(rewritten_entries, released, "resnet") == []


def test_note_of_a_package_that_does_not_exist_fails(released, run_release):
    """Nobody would read it."""
    released.write("packages/config_core/changes/new.fix.md", "New.\n")
    code, output = run_release(released, "check", "--package", "resnet")
    assert code == 1
    assert "packages/config_core/changes: config_core: there is no such package" in output
    assert "auto-registry, config-core" in output


def test_version_that_was_raised_by_hand_needs_a_note(released):
    """A version says nothing to users."""
    (released.root / "packages/resnet/changes/work.misc.md").unlink()
    released.set_version("resnet", "0.1.1")
    (what,) = found(missing_note, released, "resnet")
    assert "nothing tells the users of pretrained-resnet" in what


# Versions, names and bounds.


@pytest.mark.parametrize("version", ["0.2.0rc1", "0.1.0.post1", "0.2.0.dev3", "0.2.0+local", "zero"])
def test_version_that_is_no_plain_release_is_refused(released, run_release, version):
    """Pre-releases and the like are no releases here: nothing would be compared with them."""
    released.set_version("resnet", version)
    code, output = run_release(released, "check")
    assert code == 1
    assert "packages/resnet/pyproject.toml" in output
    assert run_release(released, "verify", f"resnet-v{version}")[0] == 1


def test_version_before_every_release_is_refused(released, run_release):
    """It has no predecessor, and is no first release."""
    released.set_version("resnet", "0.0.9")
    code, output = run_release(released, "status")
    assert code == 1
    assert "pretrained-resnet 0.0.9 is older than its first release, 0.1.0" in output


def test_packages_that_need_each_other_are_named(released, run_release):
    """None could be released first."""
    path = "packages/config-core/pyproject.toml"
    released.append(path, '\n[project.optional-dependencies]\nmore = ["pretrained-hub-io>=0.1,<0.2"]\n')
    code, output = run_release(released, "plan")
    assert code == 1
    assert "Packages need each other: " in output
    assert "config-core -> hub-io" in output


def test_renamed_folder_misses_the_tags_of_its_old_name(released, run_release):
    """Its releases would begin again."""
    released.set_version("resnet", "0.1.1")
    released.git("mv", "packages/resnet", "packages/res-net")
    code, output = run_release(released, "plan")
    assert code == 1
    assert "res-net-v0.1.0" in output


def test_new_package_without_a_record_is_told(released, run_release):
    """Its names are to be recorded."""
    shutil.copytree(released.root / "packages/resnet", released.root / "packages/new")
    released.replace("packages/new/pyproject.toml", 'name = "pretrained-resnet"', 'name = "pretrained-new"')
    (released.root / "packages/new/api.json").unlink()
    code, output = run_release(released, "check", "--package", "new")
    assert code == 1
    assert "packages/new/api.json: new: the record is not what the sources say" in output
    assert "Run `release record`." in output


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("pyproject.toml", "\n[", "packages/resnet/pyproject.toml: "),
        ("pyproject.toml", "\n[project]\nversion = 1", "packages/resnet/pyproject.toml"),
        ("src/resnet/__init__.py", "\ndef f(:\n", "packages/resnet/src/resnet/__init__.py:"),
    ],
)
def test_file_that_cannot_be_read_is_named(released, run_release, path, text, message):
    """With what is wrong in it."""
    released.append(f"packages/resnet/{path}", text)
    code, output = run_release(released, "check", "--package", "resnet")
    assert code == 1
    assert message in output


def test_metadata_without_its_pythons_is_told_by_the_proof(released):
    """A pyproject.toml may lack what a new package's author did not think of."""
    path = released.root / "packages/resnet/pyproject.toml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^classifiers = \[.*?^\]\n", "", text, flags=re.MULTILINE | re.DOTALL)
    path.write_text(text.replace('requires-python = ">=3.11"\n', ""), encoding="utf-8")
    done = prove(released, "resnet")
    assert "Traceback" not in done.stderr
    assert "resnet: the metadata must say which Pythons" in done.stdout


def test_package_that_claims_nothing_and_cannot_be_built_fails(released):
    """A package may fail on a Python that it does not claim, but it must build; the builder says why it does not."""
    path = released.root / "packages/resnet/pyproject.toml"
    text = path.read_text(encoding="utf-8").replace('packages = ["src/resnet"]\n', "")
    path.write_text(re.sub(r"^ +.Programming Language.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    done = prove(released, "resnet", "--python", f"3.{sys.version_info.minor}")
    assert done.returncode == 1
    assert "Unable to determine which files to ship inside the wheel" in done.stdout
    assert done.stdout.splitlines()[-3:-1] == [
        "resnet cannot be built",
        "Python 3.99 is not here, and nothing was tried with it",
    ]
    assert done.stdout.splitlines()[-1].startswith("0 passed, ")


@pytest.mark.parametrize(
    "path", ["tests/workspace/jobs/resnet.py", "tests/workspace/jobs/resnet_quickstart.py", "tests/resnet"]
)
def test_package_or_extra_that_nothing_tries_fails_the_proof(released, path):
    """Whoever adds one is told which files the proof runs, before anything is installed."""
    (released.root / path).rename(released.root / "elsewhere")
    done = prove(released, "resnet", "--python", f"3.{sys.version_info.minor}")
    assert done.returncode == 1
    assert f"there is no {path}" in done.stdout


def test_missing_changelog_is_asked_for(released, run_release):
    """The message says how one begins."""
    (released.root / "packages/resnet/CHANGELOG.md").unlink()
    code, output = run_release(released, "check", "--package", "resnet")
    assert code == 1
    assert "packages/resnet/CHANGELOG.md. Add one that begins with: # Changelog" in output


def test_heading_without_a_version_is_no_entry(released, run_release):
    """Nothing was released under it."""
    released.write("packages/resnet/CHANGELOG.md", CHANGELOG.replace("## 0.1.0", "## \n\n## 0.1.0"))
    assert run_release(released, "status")[0] == 0


def test_requirement_that_cannot_be_read_is_named(released, run_release):
    """With the file that has it."""
    released.set_bounds("resnet", "config-core", " =>0.1")
    code, output = run_release(released, "status")
    assert code == 1
    assert "packages/resnet/pyproject.toml: " in output
    assert "=>0.1" in output


@pytest.mark.parametrize("record", ["[]", '{"resnet": []}', '{"resnet": {"main": 1}}', '{"resnet": {"main": "new"}}'])
def test_record_that_is_none_is_to_be_written_anew(released, record):
    """Whatever somebody has written there."""
    released.write("packages/resnet/api.json", record)
    (what,) = found(wrong_record, released, "resnet")
    assert "the record is not what the sources say" in what


def test_list_of_names_that_is_computed_is_told(released, run_release):
    """The file and the line are named."""
    released.replace("packages/resnet/src/resnet/__init__.py", "__all__ = [", "__all__ = [*dir(), ")
    code, output = run_release(released, "check", "--package", "resnet")
    assert code == 1
    assert "src/resnet/__init__.py:" in output
    assert "__all__ must be a list of strings" in output


def test_extra_keeps_a_bound_that_is_higher(released, run_release):
    """What the package itself needs raises its own bound, and lowers nobody's."""
    released.replace(OFFER, '"area"]', '"area", "fresh"]')
    released.append(OFFER, '\n\ndef fresh() -> int:\n    """Return a number."""\n    return 1\n')
    for version in ("0.1.1", "0.1.2", "0.1.3"):
        released.set_version("config-core", version)
        run_release(released, "record")
        released.tag("config-core")
    path = "packages/auto-registry/pyproject.toml"
    released.append(path, '\n[project.optional-dependencies]\nmore = ["pretrained-config-core>=0.1.3,<0.2"]\n')
    released.write(USE, '"""A use."""\n\nfrom config_core.offer import fresh\n\nprint(fresh)\n')
    released.commit()
    assert run_release(released, "plan", "--write", "auto-registry")[0] == 0
    project = released.package("auto-registry").project
    assert project["dependencies"] == ["pretrained-config-core>=0.1.1,<0.2"]
    assert project["optional-dependencies"]["more"] == ["pretrained-config-core>=0.1.3,<0.2"]


def test_bound_above_what_is_planned_is_refused(released, run_release):
    """A plan lowers no bound that somebody has raised."""
    released.set_bounds("auto-registry", "config-core", ">=0.2,<0.3")
    released.write("packages/config-core/changes/small.fix.md", "Small.\n")
    code, output = run_release(released, "plan", "config-core", "auto-registry")
    assert code == 1
    assert "auto-registry needs pretrained-config-core>=0.2,<0.3, and config-core will be 0.1.1." in output


# What an older sibling lacks, and what was taken away.


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (USE, 'from importlib import import_module\n\nimport_module("config_core.fresh")\n'),
        (USE, 'import pkgutil\n\npkgutil.resolve_name("config_core.fresh:number")\n'),
        ("pyproject.toml", '\n[project.entry-points.some_group]\nname = "config_core.fresh:number"\n'),
    ],
)
def test_module_that_a_string_names_is_not_in_an_older_sibling(released, file, text):
    """A module that is imported by a string, or by who reads an entry point."""
    released.write(OFFER.replace("offer", "fresh"), '"""New."""\n\n__all__ = ["number"]\n\nnumber = 1\n')
    released.set_version("config-core", "0.1.1")
    if file == "pyproject.toml":
        released.append(f"packages/auto-registry/{file}", text)
    else:
        released.write(file, f'"""A use."""\n\n{text}')
    (what,) = found(missing_in_older_siblings, released, "auto-registry")
    assert "config_core.fresh" in what
    assert "fails beside the oldest sibling that pretrained-config-core<0.2,>=0.1 admits" in what


def test_metadata_that_users_rely_on_is_part_of_the_api(released, tmp_path):
    """Extras, commands and entry points that are gone are breaking changes; new ones are not."""
    path = "packages/resnet/pyproject.toml"
    old = RepositoryCopy(shutil.copytree(released.root, tmp_path / "old")).package("resnet")
    for name in ("quickstart = ", 'resnet = "resnet.__main__', 'resnet = "resnet.conf'):
        released.replace(path, name, f"new-{name}")
    assert {(broken.name, broken.what) for broken in api_changes(old, released.package("resnet"))} == {
        ("command resnet", "no longer offered"),
        ("entry point auto_registry.configs: resnet", "no longer offered"),
        ("extra quickstart", "no longer offered"),
    }
