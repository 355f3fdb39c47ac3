"""The Hugging Face Hub is a hub as `config_core` asks for one: its tests for all hubs, on the loopback Hub."""

from __future__ import annotations

import pytest

from config_core.hub_conformance import HubConformance


class TestHuggingFaceHub(HubConformance):
    """What every hub must do."""

    owner = "me"

    @pytest.fixture(autouse=True)
    def _log_in(self, hub, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", hub.token("me"))
