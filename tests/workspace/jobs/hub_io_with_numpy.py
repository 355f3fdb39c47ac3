"""A NumPy model out of a folder, where hub_io and NumPy are all that is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from auto_registry import AutoModel
from hub_io import MissingRequirementsError, load_into_registry

MODELING = """
import numpy as np
from config_core import PretrainedConfig


class LinearConfig(PretrainedConfig):
    model_type = "linear"


class LinearModel:
    config_class = LinearConfig

    def __init__(self, config, weight):
        self.config, self.weight = config, weight

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        return cls(config, np.load(checkpoint.local_path("weight.npy"), allow_pickle=False))

    def __call__(self, x):
        return self.weight @ x
"""

saved = Path("numpy-model")
saved.mkdir()
np.save(saved / "weight.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
auto_map = {"AutoConfig": "modeling_linear.LinearConfig", "AutoModel": "modeling_linear.LinearModel"}
(saved / "config.json").write_text(json.dumps({"model_type": "linear", "auto_map": auto_map}), encoding="utf-8")
(saved / "requirements.txt").write_text("numpy>=1\ntorch>=2.5\n", encoding="utf-8")

# A model of torch, which is not here, says so before any of it runs.
(saved / "modeling_linear.py").write_text(f"open('marker', 'w').close()\nimport torch\n{MODELING}", encoding="utf-8")
missing = None
try:
    load_into_registry(saved, trust_remote_code=True)
except MissingRequirementsError as error:
    missing = error
assert missing is not None
assert missing.modules == ("torch",)
assert "'torch>=2.5'" in str(missing)
assert not Path("marker").exists()

(saved / "modeling_linear.py").write_text(MODELING, encoding="utf-8")
loaded = load_into_registry(saved, trust_remote_code=True)
model = AutoModel.from_pretrained(saved)
assert type(model) is loaded.model_classes["AutoModel"]
assert model(np.array([1.0, 1.0])).tolist() == [3.0, 7.0]
assert sys.modules.keys().isdisjoint({"torch", "model_core"})
