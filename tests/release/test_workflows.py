"""The workflows: who may do what in them, and that they run the scripts that run here."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from release_tools.releases import tag_of
from workspace_packages import ROOT, WORKSPACE_PACKAGES

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.yml")}
JOBS = [
    pytest.param(job, id=f"{name}-{title}") for name, flow in WORKFLOWS.items() for title, job in flow["jobs"].items()
]


needs_linter = pytest.mark.skipif(shutil.which("zizmor") is None, reason="the group `lint` is not installed")


def zizmor(folder):
    """Run the linter on a folder of workflows, as CI does."""
    command = ["zizmor", "--quiet", "--offline", folder]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@needs_linter
def test_linter_finds_nothing():
    """No finding: no expression in a shell, and no login left in a checkout."""
    result = zizmor(FOLDER)
    assert result.returncode == 0, result.stdout


@needs_linter
def test_linter_finds_an_action_without_a_commit(tmp_path):
    """A tag can be moved to other code, so CI refuses it."""
    shutil.copytree(FOLDER, tmp_path / ".github/workflows")
    page = tmp_path / ".github/workflows/release.yml"
    page.write_text(re.sub(r"@[0-9a-f]{40} # ", "@", page.read_text(encoding="utf-8")), encoding="utf-8")
    result = zizmor(tmp_path)
    assert result.returncode != 0
    assert "unpinned-uses" in result.stdout


def test_actions_name_a_commit_and_its_version():
    """Who reads a workflow sees which version of an action the commit is."""
    uses = [
        line
        for path in FOLDER.glob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert uses
    assert [line for line in uses if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


@pytest.mark.parametrize("job", JOBS)
def test_job_has_the_least_rights(job):
    """A job states its rights, writes nothing into the repository, and ends by itself."""
    assert job["permissions"].get("contents", "read") == "read"
    assert job["timeout-minutes"] <= 90


def test_workflows_have_no_rights_of_their_own():
    """Rights are those of jobs."""
    assert [name for name, flow in WORKFLOWS.items() if flow["permissions"] != {}] == []


def test_identity_is_only_where_it_is_used():
    """Only the jobs that sign and that publish can prove who they are, and they run nothing else."""
    jobs = WORKFLOWS["release"]["jobs"]
    assert {name for name, job in jobs.items() if "id-token" in job["permissions"]} == {"attest", "publish"}
    assert jobs["publish"]["environment"] == "pypi"
    assert [step["run"] for step in jobs["publish"]["steps"] if "run" in step] == [
        '.ci/release publish "$GITHUB_REF_NAME"'
    ]
    assert not any("run" in step for step in jobs["attest"]["steps"])


def test_publishing_waits_for_everything():
    """Nothing is published that is not proven, built, attested, and installable with the siblings on the index."""
    jobs = WORKFLOWS["release"]["jobs"]
    assert jobs["publish"]["needs"] == ["attest", "order"]
    assert jobs["attest"]["needs"] == jobs["order"]["needs"] == "build"


@pytest.mark.parametrize("job", JOBS)
def test_shell_is_that_of_the_scripts(job):
    """What a job runs is a script that runs here, so a release can be made and tested without GitHub."""
    commands = [step["run"] for step in job["steps"] if "run" in step]
    scripts = r'\.ci/release (prove|build|wait|publish) "\$GITHUB_REF_NAME"', r'\.ci/run \$\{SINCE:\+"\$SINCE"\}'
    allowed = "|".join([*scripts, "uv lock --upgrade"])
    assert [command for command in commands if not re.fullmatch(allowed, command)] == []


def test_run_can_be_repeated():
    """Names of artifacts are those of a run, not of an attempt: a second one would fail on the first one's files."""
    uploads = [step for step in WORKFLOWS["release"]["jobs"]["build"]["steps"] if "upload" in step.get("uses", "")]
    assert [step["with"]["overwrite"] for step in uploads] == [True]


def test_tags_of_packages_start_a_release():
    """The pattern of the workflow fits the tag of each package, and no tag of another kind such as v1.0."""
    (pattern,) = WORKFLOWS["release"][True]["push"]["tags"]  # YAML reads `on` as a truth value.
    expression = re.escape(pattern).replace(r"\*", "[^/]*")
    assert all(re.fullmatch(expression, tag_of(package, package.version)) for package in WORKSPACE_PACKAGES.values())
    assert not re.fullmatch(expression, "v1.0")


@pytest.mark.parametrize("script", ["run", "release"])
def test_scripts_are_shell(script):
    """The scripts can be run as they are, and bash can read them."""
    path = ROOT / ".ci" / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", path], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="the group `lint` is not installed")
def test_shell_linter_finds_nothing():
    """No word that splits, and no status that gets lost."""
    command = ["shellcheck", *(ROOT / ".ci").iterdir()]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stdout


def test_unknown_step_is_refused():
    """A typo says which steps there are."""
    result = subprocess.run(
        [ROOT / ".ci/release", "upload", "config-core-v0.1.0"], capture_output=True, encoding="utf-8", check=False
    )
    assert result.returncode == 2
    assert "No such step: upload. There are prove, build, wait and publish." in result.stderr


def test_missing_tag_is_asked_for():
    """A step without a tag says what belongs there."""
    result = subprocess.run([ROOT / ".ci/release", "build"], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 2
    assert "Give a step and a tag: .ci/release prove|build|wait|publish config-core-v0.2.0" in result.stderr
