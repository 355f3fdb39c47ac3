"""The copy of the repository that tests of releases work on."""

from __future__ import annotations

from packaging.version import Version

from release_tools.releases import last_release, released_versions
from workspace_packages import WORKSPACE_PACKAGES


def test_copy_has_the_packages_and_no_release(copy):
    """A test starts from the files as they lie here, and says itself what was released."""
    assert copy.workspace.packages.keys() == WORKSPACE_PACKAGES.keys()
    assert copy.git("tag") == ""
    assert copy.git("status", "--porcelain") == ""
    assert last_release(copy.workspace, copy.package("config-core")) is None


def test_tags_are_the_releases_of_one_package(copy):
    """Versions are in order of versions, tags of other packages and other tags do not count."""
    for version in ("0.9.0", "0.10.0"):
        copy.set_version("config-core", version)
        copy.set_version("hub-io", f"2.{version}")
        copy.tag("config-core", "hub-io")
    copy.git("tag", "config-core-vocabulary")
    assert released_versions(copy.workspace, copy.package("config-core")) == [Version("0.9.0"), Version("0.10.0")]


def test_newer_releases_are_not_the_last_one_of_an_older_version(copy):
    """A branch that mends 0.1 is compared with 0.1.0, though 0.2.0 is out."""
    for version in ("0.1.0", "0.2.0", "0.1.1"):
        copy.set_version("config-core", version)
        if version != "0.1.1":
            copy.tag("config-core")
    assert last_release(copy.workspace, copy.package("config-core")) == Version("0.1.0")


def test_bounds_change_in_extras_too(copy):
    """A sibling is named in an extra as it is among the dependencies."""
    copy.set_bounds("resnet", "hub-io", ">=0.3,<0.4")
    bounds = {
        sibling.name: str(requirement.specifier)
        for requirement, sibling in copy.workspace.siblings_of(copy.package("resnet"))
    }
    assert bounds["hub-io"] == "<0.4,>=0.3"
    assert bounds["auto-registry"] != bounds["hub-io"]
