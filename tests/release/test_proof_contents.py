"""What the proof finds in distributions that lack something or bring too much; each is made in a copy."""

from __future__ import annotations

import pytest

from release_tools.distributions import build, content_faults, metadata_faults, read_metadata, readme_faults
from repository_copy import RepositoryCopy
from workspace_packages import WORKSPACE_PACKAGES

PYPROJECT = "packages/config-core/pyproject.toml"
PACKAGES = [pytest.param(package, id=package.name) for package in WORKSPACE_PACKAGES.values()]
SDIST, WHEEL = "pretrained_config_core-0.1.0.tar.gz", "pretrained_config_core-0.1.0-py3-none-any.whl"
STRAY = "which is not a tracked file below src/"


@pytest.fixture
def copy(tmp_path):
    """Return a copy of this repository."""
    return RepositoryCopy.create(tmp_path / "copy")


@pytest.fixture
def found(copy, tmp_path):
    """Return a function that builds config-core as it is in the copy now, and gives its faults."""

    def build_and_look():
        package = copy.package("config-core")
        return content_faults(package, build(package, tmp_path / "dist"))

    return build_and_look


@pytest.mark.parametrize("package", PACKAGES)
def test_distributions_hold_sources_and_papers_and_nothing_else(package, tmp_path):
    """Every source file, the license and the changelog reach the user, and an index page shows all that it can."""
    built = build(package, tmp_path / "dist")
    assert content_faults(package, built) == []
    metadata = read_metadata(built)
    assert metadata_faults(metadata) == []
    assert readme_faults(metadata) == []


def test_file_that_git_does_not_have_is_a_stray(copy, found):
    """A file that somebody left in the folder of the sources is named, in the sdist and in the wheel."""
    copy.write("packages/config-core/src/config_core/notes.txt", "call the bank")
    assert found() == [
        f"{SDIST} has src/config_core/notes.txt, {STRAY}",
        f"{WHEEL} has config_core/notes.txt, {STRAY}",
    ]


def test_folder_that_the_build_adds_is_a_stray(copy, found):
    """Tests that a build rule packs would become a module `tests` in every user's environment."""
    copy.write("packages/config-core/tests/test_it.py", "")
    copy.replace(PYPROJECT, 'packages = ["src/config_core"]', 'packages = ["src/config_core", "tests"]')
    copy.replace(PYPROJECT, 'only-include = ["src", "CHANGELOG.md"]', 'only-include = ["src", "CHANGELOG.md", "tests"]')
    copy.commit()
    assert found() == [f"{SDIST} has tests/test_it.py, {STRAY}", f"{WHEEL} has tests/test_it.py, {STRAY}"]


def test_what_the_build_leaves_out_is_missing(copy, found):
    """A data file that the package reads, its license and its changelog are asked for in both."""
    copy.replace(PYPROJECT, 'license-files = ["LICENSE"]', "license-files = []")
    copy.replace(PYPROJECT, 'only-include = ["src", "CHANGELOG.md"]', 'only-include = ["src"]')
    copy.replace(PYPROJECT, "[tool.hatch.build.targets.wheel.extra-metadata]\n", "[tool.elsewhere]\n")
    copy.append(PYPROJECT, '\n[tool.hatch.build]\nexclude = ["pretrained_base.txt"]\n')
    papers = "pretrained_config_core-0.1.0.dist-info"
    assert found() == [
        f"{SDIST} lacks CHANGELOG.md",
        f"{SDIST} lacks LICENSE",
        f"{SDIST} lacks src/config_core/code/pretrained_base.txt",
        f"{WHEEL} lacks config_core/code/pretrained_base.txt",
        f"{WHEEL} lacks {papers}/extra_metadata/CHANGELOG.md",
        f"{WHEEL} lacks {papers}/licenses/LICENSE",
    ]


def test_tests_and_links_among_the_sources_are_told(copy, found):
    """Users get what git has: modules that only tests need, and links that lead nowhere elsewhere."""
    copy.write("packages/config-core/src/config_core/tests/test_it.py", "")
    (copy.root / "packages/config-core/src/config_core/link.txt").symlink_to("code/pretrained_base.txt")
    copy.commit()
    assert f"{WHEEL} has src/config_core/tests/test_it.py, which belongs to tests/" in found()
    assert f"{SDIST} has src/config_core/link.txt, which is a link" in found()
