"""Each package can be released by itself: it has its own version, papers and bounds."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from workspace_packages import ROOT, WORKSPACE_PACKAGES

PACKAGES = [pytest.param(package, id=package.import_name) for package in WORKSPACE_PACKAGES.values()]


@pytest.mark.parametrize("package", PACKAGES)
def test_changelog_begins_with_the_version(package):
    """The top entry of the changelog, but for what is not released yet, is about the version in the metadata."""
    changelog = (package.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [heading for heading in re.findall(r"^## (\S+)", changelog, re.MULTILINE) if heading != "Unreleased"]
    assert headings[0] == package.project["version"]


@pytest.mark.parametrize("package", PACKAGES)
def test_installed_version_is_the_declared_one(package):
    """The environment that the tests run in holds this source and no older build."""
    assert importlib.metadata.version(package.distribution) == package.project["version"]


@pytest.mark.parametrize("package", PACKAGES)
def test_license_is_the_roots(package):
    """A wheel carries the license, so each package has the same copy."""
    assert (package.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert package.project["license-files"] == ["LICENSE"]


@pytest.mark.parametrize("package", PACKAGES)
def test_readme_is_about_the_package(package):
    """A README starts with the distribution's name, which is the one to install."""
    readme = (package.folder / package.project["readme"]).read_text(encoding="utf-8")
    assert readme.startswith(f"# {package.distribution}\n")


@pytest.mark.parametrize("package", PACKAGES)
def test_metadata_is_complete(package):
    """An index page shows what the package is, for which Python, and that it is typed."""
    project = package.project
    assert project["description"].endswith(".")
    assert project["requires-python"] == ">=3.11"
    assert {"authors", "keywords", "license"} <= project.keys()
    assert "Typing :: Typed" in project["classifiers"]


@pytest.mark.parametrize("package", PACKAGES)
def test_siblings_are_bounded_on_both_sides(package):
    """Packages with versions of their own say which versions of each other they work with, today's included."""
    siblings = [
        (requirement, WORKSPACE_PACKAGES[canonicalize_name(requirement.name)])
        for requirement in package.all_requirements()
        if canonicalize_name(requirement.name) in WORKSPACE_PACKAGES
    ]
    for requirement, sibling in siblings:
        assert {specifier.operator for specifier in requirement.specifier} == {">=", "<"}, requirement
        assert Version(sibling.project["version"]) in requirement.specifier, requirement


@pytest.mark.parametrize("package", PACKAGES)
def test_strangers_have_a_lower_bound(package):
    """A dependency without a lower bound promises versions that nobody has tried."""
    unbounded = [
        str(requirement)
        for requirement in package.all_requirements()
        if not any(specifier.operator == ">=" for specifier in requirement.specifier)
    ]
    assert unbounded == []
