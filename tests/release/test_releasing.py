"""A release from its change to what users install, by the commands of RELEASING.md, with a real index on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from local_index import local_index
from readme_blocks import fenced_blocks
from repository_copy import RepositoryCopy
from workspace_packages import ROOT

pytestmark = pytest.mark.slow

COMMANDS = [
    block.source
    for block in fenced_blocks((ROOT / "RELEASING.md").read_text(encoding="utf-8"))
    if block.language == "bash" and not block.not_run
]
DEPENDENTS = ["auto-registry", "model-core", "hub-io", "resnet"]


def offer(copy, name):
    """Let config-core offer a name, and auto-registry use it."""
    offered = f'"""A face."""\n\n__all__ = ["{name}"]\n\n{name} = 1\n'
    copy.write("packages/config-core/src/config_core/rehearsal.py", offered)
    used = (
        f'"""What uses it, and offers nothing itself."""\n\nfrom config_core.rehearsal import {name}\n\nUSED = {name}\n'
    )
    copy.write("packages/auto-registry/src/auto_registry/rehearsal.py", used)


def run(command, folder, environment):
    """Run a command, show it with what it prints, and fail if it does."""
    sys.stdout.write(f"$ {command}\n")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    sys.stdout.write(result.stdout)
    assert result.returncode == 0, result.stdout
    return result.stdout


def publish(copy, environment, *tags):
    """Run the steps that the workflow runs for each tag, but for the proof."""
    for tag in tags:
        for step in ("build", "wait", "publish"):
            run(f".ci/release {step} {tag}", copy.root, environment)


def installed(python):
    """Return the versions of our packages in an environment."""
    listed = subprocess.run(
        ["uv", "pip", "list", "--python", python, "--format", "json"], capture_output=True, check=True
    )
    return {
        each["name"].removeprefix("pretrained-"): each["version"]
        for each in json.loads(listed.stdout)
        if each["name"].startswith("pretrained-")
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Run an index for the releases."""
    with local_index(tmp_path_factory.mktemp("index") / "files") as index:
        yield index


@pytest.fixture(scope="module")
def environment(index):
    """Return the environment of a maintainer who publishes there."""
    return {name: value for name, value in index.environment.items() if name != "VIRTUAL_ENV"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory, environment):
    """Return a copy in which all packages are published as 0.1.0, and which has an origin of its own to push to."""
    folder = tmp_path_factory.mktemp("releasing")
    copy = RepositoryCopy.create(folder / "copy")
    copy.git("switch", "--quiet", "--force-create", "main")
    copy.git("init", "--quiet", "--bare", str(folder / "origin.git"))
    copy.git("remote", "set-url", "origin", str(folder / "origin.git"))
    offer(copy, "OLD_NAME")
    copy.release_all()
    publish(copy, environment, *(f"{name}-v0.1.0" for name in ["config-core", *DEPENDENTS]))
    return copy


@pytest.fixture(scope="module")
def said(copy, environment):
    """Make a breaking change, run the commands of RELEASING.md, publish the dependents, and return what was said."""
    assert any("config-core-v0.2.0" in command for command in COMMANDS)
    offer(copy, "NEW_NAME")
    said = [run(command, copy.root, environment) for command in COMMANDS]
    publish(copy, environment, *(f"{name}-v0.1.1" for name in DEPENDENTS))
    return said


def test_page_has_the_tags_that_the_plan_says(said):
    """What RELEASING.md tells to run is what `release plan --write` tells to run."""
    planned = [line.strip() for page in said for line in page.splitlines() if line.strip().startswith("git tag")]
    (tagging,) = (command for command in COMMANDS if command.startswith("git tag"))
    assert planned == tagging.splitlines()


@pytest.mark.usefixtures("said")
def test_index_has_every_release(index):
    """Each release is there as a wheel and as sources."""
    assert {name.replace("pretrained_", "").partition("-py3")[0] for name in index.files if name.endswith(".whl")} == {
        *(f"{name.replace('-', '_')}-0.1.0" for name in ["config-core", *DEPENDENTS]),
        *(f"{name.replace('-', '_')}-0.1.1" for name in DEPENDENTS),
        "config_core-0.2.0",
    }
    assert len(index.files) == 20


@pytest.mark.usefixtures("said")
def test_tags_are_pushed(copy):
    """The tags that start the workflow have reached the origin."""
    pushed = {line.rpartition("/")[2] for line in copy.git("ls-remote", "--tags", "--refs", "origin").splitlines()}
    assert pushed == {"config-core-v0.2.0", *(f"{name}-v0.1.1" for name in DEPENDENTS)}


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("pretrained-hub-io", {"config-core": "0.2.0", "auto-registry": "0.1.1", "hub-io": "0.1.1"}),
        ("pretrained-hub-io==0.1.0", {"config-core": "0.1.0", "auto-registry": "0.1.0", "hub-io": "0.1.0"}),
    ],
)
def test_user_gets_what_fits_together(environment, tmp_path, wanted, expected):
    """What pip takes is the newest of everything, or with an older package the older siblings, and can be imported."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "user"], check=True)
    python = tmp_path / "user/bin/python"
    run(f"{python} -I -m pip install --quiet '{wanted}'", tmp_path, environment)
    run(f"{python} -I -m pip check", tmp_path, environment)
    run(f"{python} -I -c 'import hub_io, auto_registry.rehearsal'", tmp_path, environment)
    assert installed(python) == expected


@pytest.mark.usefixtures("said")
def test_packages_on_torch_fit_together_too(environment, tmp_path):
    """The whole set resolves to the newest releases; torch itself is only looked up."""
    command = 'echo "pretrained-resnet[quickstart]" | uv pip compile --quiet --no-annotate --index "$RELEASE_INDEX" -'
    lines = run(command, tmp_path, environment).splitlines()
    pins = dict(line.removeprefix("pretrained-").split("==") for line in lines if line.startswith("pretrained-"))
    assert pins == {"config-core": "0.2.0", **dict.fromkeys(DEPENDENTS, "0.1.1")}


def test_step_that_runs_again_publishes_what_is_missing(copy, environment, index, said):
    """A job that ended after the first of two files is run again."""
    assert said
    lost = "pretrained_resnet-0.1.1.tar.gz"
    (index.folder / lost).unlink()
    run(".ci/release publish resnet-v0.1.1", copy.root, environment)
    assert lost in index.files


def test_release_waits_for_its_siblings(copy, tmp_path):
    """A dependent is not published before the sibling's release is on the index, and says what it waits for."""
    with local_index(tmp_path / "empty") as empty:
        result = subprocess.run(
            [
                sys.executable,
                "-c",
                "from release_tools.command import release; release()",
                "wait",
                "--minutes",
                "0",
                "auto-registry-v" + str(copy.package("auto-registry").version),
            ],
            cwd=copy.root,
            env=empty.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert result.returncode == 1
    assert "Not on the index after 0 minutes: pretrained-config-core>=0." in result.stderr
    assert "pretrained-config-core was not found in the package registry" in result.stderr


def test_tag_that_is_not_the_version_releases_nothing(copy):
    """A wrong tag is refused with those that fit, before anything is built."""
    result = subprocess.run(
        [".ci/release", "build", "config-core-v9.0.0"],
        cwd=copy.root,
        env={**os.environ},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 1
    assert "config-core-v9.0.0 is the tag of no package as it is here" in result.stderr
    assert not (copy.root / "dist/config-core-v9.0.0").exists()
