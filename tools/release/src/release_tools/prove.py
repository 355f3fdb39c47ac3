"""`prove`: builds, checks, installs and tests packages in every combination that a user can install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
from packaging.specifiers import SpecifierSet

from release_tools.checks import require_tags
from release_tools.combinations import Combination, combinations_of, find_pythons, known_pythons
from release_tools.distributions import Distributions, build, claimed_pythons, faults_of
from release_tools.environments import CommandError, clean_environ, uv_program
from release_tools.programs import Program
from release_tools.trials import Outcome, Trials, as_text
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["prove"]

_TAIL = 25  # lines of a failure that are printed
_CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


@click.command(cls=Program)
@click.argument("names", metavar="[PACKAGE]...", nargs=-1)
@click.option(
    "--python", "versions", metavar="3.X", multiple=True, help="Only on these Pythons; default: all there are."
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"Lowest third parties on {_CURRENT} only; the first test of each file on other Pythons and with locked ones.",
)
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the logs of what fails; default: a new temporary folder.",
)
def prove(names: tuple[str, ...], versions: tuple[str, ...], *, quick: bool, logs: Path | None) -> None:
    """Prove that each PACKAGE (folders below packages/; default: all) can be released alone.

    Its sdist and its wheel have what they should have, and nothing else. The wheel is installed into environments
    outside the workspace, on every Python, with the newest and the oldest siblings and third parties that its bounds
    admit. In each, the package does its job and passes its own tests.
    """
    workspace = Workspace.around(Path.cwd())
    packages = workspace.chosen(names)
    require_tags(workspace)
    logs = logs or Path(tempfile.mkdtemp(prefix="prove-logs-"))
    with tempfile.TemporaryDirectory(prefix="prove-") as temporary, _hub(workspace) as hub:
        folder = Path(temporary)
        folder.chmod(0o755)  # some tests become another user
        built, unbuilt = _build(workspace, folder / "dist")
        faults = [f"{package.name} cannot be built" for package in packages if package.name in unbuilt]
        faults += _distribution_faults(packages, built)
        allowed = [SpecifierSet(package.project["requires-python"]) for package in packages]
        pythons, missing = find_pythons(workspace.root, versions or known_pythons(workspace.root, *allowed))
        claimed = {minor for package in packages for minor in claimed_pythons(package.project["classifiers"])}
        # A machine that only has one Python can still run the quick form.
        faults += _missing_faults(missing, needed=set(versions) if versions or quick else claimed)
        combinations = [
            combination
            for combination in combinations_of(workspace, packages, pythons, built, folder / "wheels")
            if (versions or combination.allowed) and not (quick and _is_left_out_if_quick(combination))
        ]
        shortened = [combination for combination in combinations if quick and _is_short_if_quick(combination)]
        trials = Trials(workspace, folder / "trials", hub=hub, unbuilt=unbuilt, shortened=shortened)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            outcomes = list(pool.map(lambda each: _announced(trials.run(each), logs), combinations))
    _report(outcomes, faults, logs)


def _is_left_out_if_quick(combination: Combination) -> bool:
    """Return whether the quick form does not even install this: the lowest versions, on other Pythons."""
    return combination.python.minor != _CURRENT and combination.third_parties == "lowest"


def _is_short_if_quick(combination: Combination) -> bool:
    """Return whether the quick form leaves most tests out: on other Pythons, and with what the checkout has itself."""
    newest = combination.third_parties == "locked" and combination.siblings != "oldest"
    return combination.python.minor != _CURRENT or newest


def _build(workspace: Workspace, folder: Path) -> tuple[dict[str, Distributions], dict[str, str]]:
    """Build the packages, and return what was built and why the others cannot be, by the names of their folders."""
    built, unbuilt = {}, {}
    for package in workspace.packages.values():
        try:
            built[package.name] = build(package, folder / package.name)
        except CommandError as error:
            click.echo(f"{package.name} cannot be built: FAILED")
            unbuilt[package.name] = f"{package.name} cannot be built: {error}"
    return built, unbuilt


def _distribution_faults(packages: Iterable[WorkspacePackage], built: Mapping[str, Distributions]) -> Iterator[str]:
    """Print what was built, and yield what is wrong with it."""
    for package in packages:
        if package.name in built:
            distributions = built[package.name]
            faults = faults_of(package, distributions)
            result = "FAILED" if faults else "ok"
            click.echo("\n  ".join([f"{distributions.sdist.name}, {distributions.wheel.name}: {result}", *faults]))
            yield from (f"{package.name}: {fault}" for fault in faults)


def _missing_faults(missing: Mapping[str, str], *, needed: Container[str]) -> Iterator[str]:
    """Print which Pythons are missing, and yield those that are needed."""
    for minor, reason in missing.items():
        click.echo(f"Python {minor} is not here, and uv cannot install it: {reason}")
        if minor in needed:
            yield f"Python {minor} is not here, and nothing was tried with it"


@contextmanager
def _hub(workspace: Workspace) -> Iterator[Mapping[str, str]]:
    """Run the loopback Hub of the tests, and give the environment with which a program is somebody there."""
    command = [uv_program(), "run", "--quiet", "--isolated", "--frozen", "--only-group", "test"]
    environ = clean_environ() | {"PYTHONPATH": str(workspace.root / "tests" / "support")}
    with subprocess.Popen(  # noqa: S603
        [*command, "python", "-m", "loopback_hub"],
        cwd=workspace.root,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        try:
            said = process.stdout.readline()
            if not said:
                raise CommandError("The Hub of the tests did not start: what uv says of that is above.")
            yield json.loads(said)
        finally:
            process.stdin.close()


def _announced(outcome: Outcome, logs: Path) -> Outcome:
    """Print that a combination is done, and write the log of what failed, which may be hours before the end."""
    click.echo(f"{outcome.combination.name}: {outcome.result}, {outcome.tests} tests, {outcome.seconds:.0f} s")
    if outcome.failure:
        logs.mkdir(parents=True, exist_ok=True)
        _log(outcome, logs).write_text(outcome.failure, encoding="utf-8")
        click.echo(f"  {_log(outcome, logs)}")
    return outcome


def _log(outcome: Outcome, logs: Path) -> Path:
    return logs / f"{outcome.combination.name}.log"


def _report(outcomes: list[Outcome], faults: list[str], logs: Path) -> None:
    """Print failures and the table.

    Raises:
        SystemExit: Something failed.
    """
    failed = [outcome for outcome in outcomes if outcome.failure and outcome.combination.claimed]
    for outcome in outcomes:
        if outcome.failure:
            tail = "\n".join(outcome.failure.splitlines()[-_TAIL:])
            click.echo(f"\n=== {outcome.combination.name} failed; all of it: {_log(outcome, logs)}\n{tail}")
    click.echo("\n".join(["", as_text(outcomes), "", *faults]))
    passed = [outcome for outcome in outcomes if not outcome.failure]
    click.echo(f"{len(passed)} passed, {len(failed) + len(faults)} failed")
    if failed or faults:
        raise SystemExit(1)
