"""Every attack has a witness, who at the end of the test looks whether anything ran, changed, or stayed."""

from __future__ import annotations

import os

import pytest

from hostile import Witness


@pytest.fixture(autouse=True)
def _nobody_trusts_anything(tmp_path, monkeypatch):
    """Neither this machine's settings and stores nor those of the test before have a say."""
    for name in [name for name in os.environ if name.startswith("HUB_IO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def witness(tmp_path):
    """A hostile checkpoint to be made, none of whose code may run: not even where the caller trusts it."""
    made = Witness(tmp_path)
    yield made
    made.check()


@pytest.fixture
def lenient_witness(tmp_path):
    """A checkpoint whose harmless modules may be imported; what else it brings may not."""
    made = Witness(tmp_path)
    yield made
    made.check(imported=True)
