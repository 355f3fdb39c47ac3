"""A few lines of what hub_io is for: a config and its code go up to a Hub, and come down if trusted."""

from __future__ import annotations

import sys
from pathlib import Path

from auto_registry import AutoConfig

sys.path.insert(0, str(Path.cwd()))
Path("configuration_probe.py").write_text(
    """
from config_core import PretrainedConfig


class ProbeConfig(PretrainedConfig):
    model_type = "probe"

    def __init__(self, hidden_size=8, **kwargs):
        self.hidden_size = hidden_size
        super().__init__(**kwargs)
""",
    encoding="utf-8",
)
from configuration_probe import ProbeConfig  # noqa: E402

ProbeConfig.register_for_auto_class()
commit = ProbeConfig(hidden_size=16).push_to_hub("alice/probe")

refusal = None
try:
    AutoConfig.from_pretrained("alice/probe")
except Exception as error:  # noqa: BLE001  # whatever its class: it must say what to do
    refusal = error
assert "trust_remote_code" in str(refusal)

config = AutoConfig.from_pretrained("alice/probe", revision=commit.oid, trust_remote_code=True)
assert type(config).__name__ == "ProbeConfig"
assert type(config) is not ProbeConfig
assert config.hidden_size == 16
