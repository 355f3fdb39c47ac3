"""Copies of this repository, and the program `release` as it is run in them."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

from release_tools.command import release
from repository_copy import RepositoryCopy

OFFER = "packages/config-core/src/config_core/offer.py"
OFFERED = '''"""A face whose API the tests of releases change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

__all__ = ["LIMIT", "Circle", "Closer", "Paint", "Pen", "Shape", "area"]

LIMIT = 3


class Shape(ValueError):
    """Base of shapes."""

    size: int = 1

    def grow(self, by: int = 1) -> Shape:
        """Return a larger one."""
        return self

    def _measure(self, unit: str) -> int:
        return len(unit)


class Circle(Shape, KeyError):
    """A shape."""


class Paint(NamedTuple):
    """What a shape is painted with."""

    color: str


class Pen(ABC):
    """What a shape is drawn with."""

    @abstractmethod
    def draw(self) -> None:
        """Draw."""

    def thickness(self) -> int:
        """Return the thickness."""
        return 1


class Closer(Protocol):
    """What other packages offer to this one."""

    def close(self, shape: Shape) -> None:
        """Close a shape."""


def area(shape: Shape, unit: str = "m", *, exact: bool | None = None) -> int:
    """Return the area."""
    return len(unit)


def _private(value: int) -> int:
    return value
'''


@pytest.fixture(scope="session")
def _first_copy(tmp_path_factory):
    copy = RepositoryCopy.create(tmp_path_factory.mktemp("release") / "first")
    copy.write(OFFER, OFFERED)
    copy.commit("A face for the tests")
    return copy


@pytest.fixture(scope="session")
def _first_release(_first_copy, tmp_path_factory):
    copy = RepositoryCopy(shutil.copytree(_first_copy.root, tmp_path_factory.mktemp("release") / "released"))
    copy.release_all()
    for package in copy.workspace.packages.values():
        copy.write(f"packages/{package.name}/changes/work.misc.md", "Work for the next release.\n")
    copy.commit("Notes of what the tests change")
    return copy


@pytest.fixture
def copy(_first_copy, tmp_path):
    """Return a copy of this repository in which nothing is released, and config-core has `offer.py`."""
    return RepositoryCopy(shutil.copytree(_first_copy.root, tmp_path / "copy"))


@pytest.fixture
def released(_first_release, tmp_path):
    """Return such a copy in which every package is released as 0.1.0, and asks its siblings for `>=0.1,<0.2`."""
    return RepositoryCopy(shutil.copytree(_first_release.root, tmp_path / "copy"))


@pytest.fixture
def run_release(monkeypatch):
    """Return a function that runs `release` in a copy and returns the exit code and what was printed."""

    def run(copy, *arguments):
        monkeypatch.chdir(copy.root)
        result = CliRunner().invoke(release, arguments, catch_exceptions=False)
        return result.exit_code, result.output

    return run
