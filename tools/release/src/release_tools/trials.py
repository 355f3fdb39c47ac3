"""One combination: installed as a user would, it does the package's job and passes the package's own tests."""

from __future__ import annotations

import re
import shutil
import time
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release_tools.combinations import Combination, third_parties_of
from release_tools.environments import FreshEnvironment, locked_versions
from release_tools.workspace import Workspace

__all__ = ["Outcome", "Trials", "as_text"]

_JOBS = "tests/workspace/jobs"
_TITLES = ("package", "Python", "siblings", "third parties", "result", "tests", "seconds")
_RIGHT = {"tests", "seconds"}


class _FaultError(Exception):
    """What was installed is not what was promised."""


class Outcome(NamedTuple):
    """What came of a combination: what failed, how many of the package's own tests passed, and how long it took."""

    combination: Combination
    failure: str | None
    tests: int
    seconds: float

    @property
    def result(self) -> str:
        """What the table says: a Python that no classifier names may fail."""
        if self.failure is None:
            return "ok"
        return "FAILED" if self.combination.claimed else "failed (not claimed)"


class Trials:
    """Tries combinations in environments outside the workspace.

    Args:
        workspace: The checkout whose tests and jobs run.
        folder: Where environments and a copy of the tests are put.
        hub: Environment variables with which a program is somebody on a Hub.
        unbuilt: Why packages cannot be built, by the names of their folders.
        shortened: Combinations of which only the first test of each file runs.
    """

    def __init__(
        self,
        workspace: Workspace,
        folder: Path,
        *,
        hub: Mapping[str, str],
        unbuilt: Mapping[str, str],
        shortened: Collection[Combination],
    ) -> None:
        self._workspace, self._folder, self._hub, self._unbuilt = workspace, folder, hub, unbuilt
        self._shortened = shortened
        self._tests = _copy_without_sources(workspace, folder / "checkout")

    def run(self, combination: Combination) -> Outcome:
        """Try a combination; whatever fails is in the outcome."""
        started, failure, tests = time.monotonic(), None, 0
        folder = self._folder / combination.name
        try:
            tests = self._run(combination, folder)
        except Exception as error:  # noqa: BLE001  # one combination must not end the others
            failure = f"{type(error).__name__}: {error}"
        shutil.rmtree(folder, ignore_errors=True)
        return Outcome(combination, failure, tests, time.monotonic() - started)

    def _run(self, combination: Combination, folder: Path) -> int:
        package = combination.package
        for each in self._workspace.installed_with(package, *package.extras):
            if each.name in self._unbuilt:
                raise _FaultError(self._unbuilt[each.name])
        jobs = [package.import_name, *(f"{package.import_name}_{extra}" for extra in package.extras)]
        for needed in [*(f"{_JOBS}/{job}.py" for job in jobs), f"tests/{package.import_name}/test_*.py"]:
            if not any(self._workspace.root.glob(needed)):
                raise _FaultError(f"there is no {needed}, which would show that it does what users need it for")
        environment = self._installed(combination, folder / "alone")
        self._do_job(environment, package.import_name)
        for job in sorted((self._workspace.root / _JOBS).glob(f"{package.import_name}_with_*.py")):
            beside = job.stem.removeprefix(f"{package.import_name}_with_")
            self._do_job(self._installed(combination, folder / job.stem, beside=[beside]), job.stem)
        for extra in package.extras:
            environment = self._installed(combination, folder / f"with-{extra}", extra)
            self._do_job(environment, f"{package.import_name}_{extra}")
        if len(package.extras) > 1:
            environment = self._installed(combination, folder / "with-all", *package.extras)
        return self._pass_own_tests(combination, environment)

    def _installed(
        self, combination: Combination, folder: Path, *extras: str, beside: list[str] | None = None
    ) -> FreshEnvironment:
        """Install a package, and check that the environment has what it should have."""
        package, lowest = combination.package, combination.third_parties == "lowest"
        needed = self._workspace.installed_with(package, *extras)
        bounded = third_parties_of(self._workspace, package, *extras)
        requirements = [
            f"{package.distribution}[{','.join(extras)}]=={package.version}",
            *(sibling.distribution for sibling in needed if sibling != package),
            # uv takes the lowest only of what it is asked for by name.
            *(map(str, bounded) if lowest else ()),
            *(beside or ()),
        ]
        environment = FreshEnvironment.create(folder, combination.python.interpreter)
        environment.install(
            requirements,
            wheels=combination.wheels,
            constraints=self._locked("<=" if lowest else "=="),
            lowest=lowest or combination.siblings == "oldest",
            only_wheels=True,
        )
        environment.check()
        installed = environment.distributions()
        brought = installed.keys() & self._workspace.packages.keys()
        if brought != (declared := {canonicalize_name(each.distribution) for each in needed}):
            raise _FaultError(f"it declares {sorted(declared)} of the workspace and brings {sorted(brought)}")
        if lowest and str(package.project["requires-python"]) == f">={combination.python.minor}":
            # Newer Pythons have no wheels of some releases; the first Python must have all that is promised.
            _check_bounds_are_releases(bounded, installed)
        return environment

    def _do_job(self, environment: FreshEnvironment, job: str) -> None:
        """Run a few lines of what a package, or an extra of it, is for."""
        environment.run(self._workspace.root / _JOBS / f"{job}.py", environ=self._hub)

    def _pass_own_tests(self, combination: Combination, environment: FreshEnvironment) -> int:
        """Run the package's own tests, with no sources in reach, and return how many passed."""
        package = combination.package
        bounded = third_parties_of(self._workspace, package, *package.extras)
        self._add_test_tools(environment, bounded if combination.third_parties == "lowest" else [])
        self._check_modules([each.import_name for each in self._workspace.installed_with(package)])
        options = [*("-p", "no:cacheprovider", "-n", "1"), "--basetemp", environment.folder / "tmp"]
        if combination.third_parties == "lowest":
            # Old releases warn of what newer Pythons have deprecated: that is not for us to mend.
            options += ["--override-ini", "filterwarnings=default"]
        if combination in self._shortened:
            options += ["--smoke"]
        options += ["--rootdir", self._tests, "--config-file", self._tests / "pyproject.toml"]
        arguments = ["-m", "pytest", "--quiet", "--color=no", *options, self._tests / "tests" / package.import_name]
        printed = environment.run(*map(str, arguments), timeout=1800)
        return int(re.findall(r"^(\d+) passed", printed, re.MULTILINE)[-1])

    def _add_test_tools(self, environment: FreshEnvironment, keep: list[Requirement]) -> None:
        """Install what the tests need, and leave what is to be tested as it is."""
        installed = environment.distributions()
        kept = {canonicalize_name(each.name) for each in keep} | (installed.keys() & self._workspace.packages.keys())
        pins = [f"{name}=={installed[name]}" for name in sorted(kept)]
        locked = [
            line
            for line in self._locked("<=" if keep else "==")
            if canonicalize_name(Requirement(line).name) not in kept
        ]
        environment.install(_test_tools(self._workspace), constraints=[*pins, *locked])

    def _check_modules(self, names: list[str]) -> None:
        """Check that the tests will import what is installed, and nothing that lies beside them."""
        for name in names:
            for path in (self._tests / "tests/support").glob(f"{name}*"):
                if path.stem == name:
                    raise _FaultError(f"the tests would import {name} from {path}")

    def _locked(self, operator: str) -> list[str]:
        return [line.replace("==", operator, 1) for line in locked_versions(self._workspace.root)]


def _copy_without_sources(workspace: Workspace, folder: Path) -> Path:
    """Copy the tests and what they read of the packages: READMEs and metadata, no sources."""
    shutil.copytree(workspace.root / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(workspace.root / "pyproject.toml", folder)
    for package in workspace.packages.values():
        papers = folder / package.folder.relative_to(workspace.root)
        shutil.copytree(package.folder, papers, ignore=shutil.ignore_patterns("src"))
    return folder


def _test_tools(workspace: Workspace) -> list[str]:
    """Return what the tests of the packages need."""
    groups = tomllib.loads((workspace.root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return [line for line in groups["test"] if isinstance(line, str)]


def _check_bounds_are_releases(requirements: list[Requirement], installed: Mapping[str, str]) -> None:
    """Check that what is installed are the very versions that the bounds name: nothing older is promised than runs."""
    for requirement in requirements:
        version = installed[canonicalize_name(requirement.name)]
        if [Version(each.version) for each in requirement.specifier if each.operator == ">="] != [Version(version)]:
            raise _FaultError(f"{requirement} admits no version older than {version}: raise the bound to it")


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Return what was tried and what came of it, in columns."""
    rows = [_TITLES, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [f"{{:{'>' if title in _RIGHT else '<'}{width}}}" for title, width in zip(_TITLES, widths, strict=True)]
    return "\n".join("  ".join(cells).format(*row).rstrip() for row in rows)


def _row(outcome: Outcome) -> tuple[str, ...]:
    tried = outcome.combination
    return (
        f"{tried.package.name} {tried.package.version}",
        tried.python.minor,
        tried.siblings,
        tried.third_parties,
        outcome.result,
        str(outcome.tests or "-"),
        f"{outcome.seconds:.0f}",
    )
