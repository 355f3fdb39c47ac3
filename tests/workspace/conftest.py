"""What the tests of the workspace share: wheels that are built once, and a Hub for the programs that tests start."""

from __future__ import annotations

import pytest

from fresh_environment import build_wheels


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Name of each distribution to the wheel that was built from its source distribution."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def hub_environ(hub):
    """Environment variables with which a program is `alice` on the loopback Hub."""
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token("alice")}
