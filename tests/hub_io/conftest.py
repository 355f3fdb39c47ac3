"""Places of this machine that a test has for itself."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Nobody has trusted anything: settings, code store and working directory are new. Returns the last."""
    for name in [name for name in os.environ if name.startswith("HUB_IO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project
