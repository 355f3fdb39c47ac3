"""What outsiders have: the wheels of these packages, plain pip, and no checkout of the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fresh_environment import FreshEnvironment, build_wheels

OUTSIDERS = Path(__file__).parent
collect_ignore = ["folder-hub"]  # its tests are about the hub that is installed, and here that is not theirs


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Name of each distribution to its wheel."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def make_environment(tmp_path_factory):
    """Return a function that makes an environment with pip, and copies of some of the outsiders' files beside it."""
    made = []

    def make(*names):
        environment = FreshEnvironment.with_pip(tmp_path_factory.mktemp("outsider") / "work")
        made.append(environment)
        for name in names:
            source, copy = OUTSIDERS / name, environment.folder / name
            shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
        return environment

    yield make
    for environment in made:
        shutil.rmtree(environment.folder)  # with torch, gigabytes
