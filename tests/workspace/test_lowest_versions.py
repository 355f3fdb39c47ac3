"""The lower bounds that packages declare are promises: each package does its job and passes its tests on the lowest."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from fresh_environment import FreshEnvironment
from workspace_packages import ROOT, WORKSPACE_PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

JOBS = Path(__file__).parent / "jobs"


def bounded_requirements(package):
    """Return what a package and its extras need from outside the workspace."""
    return [
        requirement
        for requirement in package.all_requirements()
        if canonicalize_name(requirement.name) not in WORKSPACE_PACKAGES
    ]


PACKAGES = [
    pytest.param(package, id=package.import_name)
    for package in WORKSPACE_PACKAGES.values()
    if bounded_requirements(package)
]


@pytest.fixture(scope="module", params=PACKAGES)
def lowest(request, tmp_path_factory, wheels):
    """A package with all its extras, in an environment where what it names is as old as it allows."""
    package = request.param
    environment = FreshEnvironment.create(tmp_path_factory.mktemp("lowest") / package.import_name)
    environment.install(
        f"{package.distribution}[{','.join(package.extras)}]",
        # uv takes the oldest only of what it is asked for by name.
        *map(str, bounded_requirements(package)),
        wheels=wheels,
        locked="<=",
        resolution="lowest-direct",
    )
    return package, environment


def test_lower_bounds_are_releases(lowest):
    """What is installed are the very versions that the bounds name, so that nothing older is promised than was run."""
    package, environment = lowest
    installed = environment.distributions()
    for requirement in bounded_requirements(package):
        bounds = [Version(given.version) for given in requirement.specifier if given.operator == ">="]
        assert bounds == [Version(installed[canonicalize_name(requirement.name)])], requirement
    environment.check()


def test_package_does_its_job_on_the_lowest_versions(lowest, hub_environ):
    """The lines that each wheel runs alone run with the oldest dependencies as well."""
    package, environment = lowest
    for job in (package.import_name, *(f"{package.import_name}_{extra}" for extra in package.extras)):
        environment.run(JOBS / f"{job}.py", environ=hub_environ)


def test_package_passes_its_own_tests_on_the_lowest_versions(lowest):
    """A bound holds for all that a package does, not for its first lines only."""
    package, environment = lowest
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    environment.install(*(line for line in groups["test"] if isinstance(line, str)))
    environment.run(
        *("-m", "pytest", "--quiet", "--color=no", "-p", "no:cacheprovider"),
        # Old releases warn of what newer Pythons have deprecated: that is not for us to mend.
        *("--override-ini", "filterwarnings=default"),
        *("--rootdir", ROOT, "--config-file", ROOT / "pyproject.toml", ROOT / "tests" / package.import_name),
        timeout=1200,
    )
