"""A few lines of what hub_io is for: a config and its code go up to a Hub, and come down if trusted, as models do."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from uuid import uuid4

from auto_registry import AutoConfig, AutoModel
from hub_io import load_into_registry

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
repo_id = f"alice/probe-{uuid4()}"  # other runs of this program may use the same Hub
commit = ProbeConfig(hidden_size=16).push_to_hub(repo_id)

refusal = None
try:
    AutoConfig.from_pretrained(repo_id)
except Exception as error:  # noqa: BLE001  # whatever its class: it must say what to do
    refusal = error
assert "trust_remote_code" in str(refusal)

config = AutoConfig.from_pretrained(repo_id, revision=commit.oid, trust_remote_code=True)
assert type(config).__name__ == "ProbeConfig"
assert type(config) is not ProbeConfig
assert config.hidden_size == 16

# A model without any library for models: its class, its config and its weights come out of a folder.
saved = Path("saved")
saved.mkdir()
(saved / "modeling_line.py").write_text(
    """
import json
from config_core import PretrainedConfig


class LineConfig(PretrainedConfig):
    model_type = "line"

    def __init__(self, offset=0.0, **kwargs):
        self.offset = offset
        super().__init__(**kwargs)


class LineModel:
    config_class = LineConfig

    def __init__(self, config, slope):
        self.config, self.slope = config, slope

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        return cls(config, json.loads(checkpoint.read_bytes("weights.json", limit=1000))["slope"])

    def __call__(self, x):
        return self.slope * x + self.config.offset
""",
    encoding="utf-8",
)
(saved / "requirements.txt").write_text("pretrained-config-core>=0.1\n", encoding="utf-8")
(saved / "weights.json").write_text('{"slope": 2.0}', encoding="utf-8")
auto_map = {"AutoConfig": "modeling_line.LineConfig", "AutoModel": "modeling_line.LineModel"}
(saved / "config.json").write_text(
    json.dumps({"model_type": "line", "offset": 1.0, "auto_map": auto_map}), encoding="utf-8"
)

loaded = load_into_registry(saved, trust_remote_code=True)
assert loaded.model_type == "line"
model = AutoModel.from_pretrained(saved)
assert type(model) is loaded.model_classes["AutoModel"]
assert model(3.0) == 7.0
assert pickle.loads(pickle.dumps(model))(3.0) == 7.0
assert sys.modules.keys().isdisjoint({"numpy", "torch", "model_core"})
