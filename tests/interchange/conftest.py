"""What the tests of code that is trusted share."""

from __future__ import annotations

import pytest


@pytest.fixture
def new_places(tmp_path, monkeypatch):
    """Nobody has trusted anything, the code store is new, and the working directory is empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
