"""The guide's model package in a folder of its own, and programs that run beside it in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE_MODEL = Path(__file__).parent / "resnet_model"


class Workplace:
    """A folder in which an author or a user works."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, program, *, name="program.py", **environment):
        """Run a program here in a fresh process and return what it printed."""
        (self.folder / name).write_text(program, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", name],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def author_in(folder):
    """Return a workplace with the guide's package in it."""
    shutil.copytree(GUIDE_MODEL, folder / "resnet_model", ignore=shutil.ignore_patterns("__pycache__"))
    return Workplace(folder)


@pytest.fixture
def author(tmp_path):
    """Where the model's author works: the guide's package lies beside the program."""
    return author_in(tmp_path / "author")


@pytest.fixture(scope="module")
def shared_author(tmp_path_factory):
    """A workplace that the tests of a module share."""
    return author_in(tmp_path_factory.mktemp("authors") / "author")


@pytest.fixture
def user(tmp_path):
    """Where somebody else works: nothing lies there."""
    folder = tmp_path / "user"
    folder.mkdir()
    return Workplace(folder)
