"""hub_io is a service for the code of checkpoints as `auto_registry` asks for one: its tests for all such services."""

from __future__ import annotations

import pytest

from auto_registry.code_conformance import RemoteCodeConformance


@pytest.mark.usefixtures("places")
class TestRemoteCodeRunner(RemoteCodeConformance):
    """What every such service must do."""
