"""Which combinations the proof tries: each that a user can install, and none twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from release_tools.combinations import Python, combinations_of, find_pythons, known_pythons
from release_tools.distributions import build
from repository_copy import RepositoryCopy
from workspace_packages import ROOT

CURRENT = f"3.{sys.version_info.minor}"


@pytest.fixture
def copy(tmp_path):
    """Return a copy of this repository with a release of config-core, which has changed since."""
    copy = RepositoryCopy.create(tmp_path / "copy")
    copy.tag("config-core")
    copy.set_version("config-core", "0.1.1")
    copy.commit()
    return copy


@pytest.fixture
def tried(copy, tmp_path):
    """Return a function that gives the combinations of a package as it is in the copy now."""

    def list_combinations(name):
        built = {name: build(copy.package(name), tmp_path / name) for name in ("config-core", "auto-registry")}
        pythons = [Python(CURRENT, Path(sys.executable))]
        return list(combinations_of(copy.workspace, [copy.package(name)], pythons, built, tmp_path / "wheels"))

    return list_combinations


def wheels_in(folder):
    """Return the names and versions of the wheels in a folder."""
    return {"-".join(wheel.name.split("-")[:2]) for wheel in folder.iterdir()}


def test_package_that_needs_nothing_is_tried_once(tried):
    """There is nothing whose version could differ."""
    assert [(each.siblings, each.third_parties) for each in tried("config-core")] == [("none", "none")]


def test_siblings_are_the_newest_and_the_oldest_release(tried):
    """The oldest is built from its tag, and the bounds decide which version an installer takes."""
    newest, oldest = tried("auto-registry")
    assert [newest.siblings, oldest.siblings] == ["newest", "oldest"]
    assert wheels_in(newest.wheels) == {"pretrained_auto_registry-0.1.0", "pretrained_config_core-0.1.1"}
    assert wheels_in(oldest.wheels) == wheels_in(newest.wheels) | {"pretrained_config_core-0.1.0"}


def test_third_parties_are_those_of_the_lock_and_the_lowest(tried):
    """Both with both kinds of siblings."""
    assert [(each.siblings, each.third_parties) for each in tried("model-core")] == [
        ("newest", "locked"),
        ("newest", "lowest"),
        ("oldest", "locked"),
        ("oldest", "lowest"),
    ]


def test_siblings_without_a_release_that_the_bounds_admit_are_tried_once(copy, tried):
    """Nobody can install the release with this version of the package."""
    copy.set_bounds("auto-registry", "config-core", ">=0.1.1,<0.2")
    assert [each.siblings for each in tried("auto-registry")] == ["newest = oldest"]


def test_release_that_is_this_checkout_is_not_tried_again(copy, tried):
    """On the commit of a release, its oldest siblings may be what lies there."""
    copy.git("checkout", "--quiet", "config-core-v0.1.0")
    assert [each.siblings for each in tried("auto-registry")] == ["newest = oldest"]


def test_release_replaces_sources_of_the_same_version(copy, tried):
    """Whoever has version 0.1.0 has what was released, not what was changed since."""
    copy.set_version("config-core", "0.1.0")
    copy.append("packages/config-core/README.md", "\nNot released yet.\n")
    newest, oldest = tried("auto-registry")
    name = "pretrained_config_core-0.1.0-py3-none-any.whl"
    assert (newest.wheels / name).read_bytes() != (oldest.wheels / name).read_bytes()


def test_pythons_are_found_or_their_absence_is_explained():
    """The current one is here; one that nobody has released is not, and the reason is given."""
    found, missing = find_pythons(ROOT, [CURRENT, "3.99"])
    assert [python.minor for python in found] == [CURRENT]
    assert missing.keys() == {"3.99"}
    assert missing["3.99"]


def test_known_pythons_are_released_and_allowed():
    """Neither old ones nor those that are still in the making."""
    assert known_pythons(ROOT, SpecifierSet(">=3.11,<3.14")) == ["3.11", "3.12", "3.13"]


def test_package_that_leaves_a_python_does_not_take_it_from_others(tried):
    """Each is tried on those that it allows itself, so a sibling that does not allow them is found."""
    assert known_pythons(ROOT, SpecifierSet(">=3.13,<3.14"), SpecifierSet(">=3.11,<3.13")) == ["3.11", "3.12", "3.13"]
    (combination,) = tried("config-core")
    assert combination.allowed
    assert not combination._replace(python=Python("3.10", Path(sys.executable))).allowed
