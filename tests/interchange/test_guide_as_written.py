"""The guide's own steps, with the import lines that it has, in a repository that loads where transformers is not there.

The text is written anew after the guide: a config, two models, their registration for the Auto classes, an `auto_map`,
weights of timm, and a push.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import transformers_stock
from tiny_checkpoints import write
from transformers_stock import environment

GUIDE = Path(transformers_stock.__file__).parent / "repositories" / "guide"
CONFIGURATION = (GUIDE / "configuration_resnet.py").read_text(encoding="utf-8")
# What the guide says next, in the same module.
REGISTRATION = """

from transformers import AutoConfig, AutoModel, AutoModelForImageClassification

AutoConfig.register("resnet", ResnetConfig)
AutoModel.register(ResnetConfig, ResnetModel)
AutoModelForImageClassification.register(ResnetConfig, ResnetModelForImageClassification)

ResnetConfig.register_for_auto_class()
ResnetModel.register_for_auto_class("AutoModel")
ResnetModelForImageClassification.register_for_auto_class("AutoModelForImageClassification")
"""
MODELING = (GUIDE / "modeling_resnet.py").read_text(encoding="utf-8") + REGISTRATION
# The program of a user; what the guide does at the top of a module, with classes that came by their names.
PROGRAM = """
import json, sys
import torch, timm
from transformers_stock.load import BlockTransformers
sys.meta_path.insert(0, BlockTransformers())
from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification

folder, token = sys.argv[1:]
small = {"layers": [1, 1, 1, 1], "stem_width": 32, "stem_type": "deep", "avg_down": True, "num_classes": 5}
resnet50d_config = AutoConfig.from_pretrained(folder, trust_remote_code=True, **small)
resnet50d_config.save_pretrained("custom-resnet")
resnet50d = AutoModelForImageClassification.from_config(resnet50d_config, trust_remote_code=True)
torch.manual_seed(0)
pretrained_model = timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, [1, 1, 1, 1], num_classes=5,
                                             stem_width=32, stem_type="deep", avg_down=True)
resnet50d.model.load_state_dict(pretrained_model.state_dict())
resnet50d.eval()
commit = resnet50d.push_to_hub("custom-resnet50d", token=token).oid
loaded = AutoModelForImageClassification.from_pretrained("me/custom-resnet50d", revision=commit, trust_remote_code=True)
headless = AutoModel.from_pretrained("me/custom-resnet50d", revision=commit, trust_remote_code=True)
picture = torch.randn(1, 3, 64, 64)
with torch.no_grad():
    same = torch.equal(resnet50d(picture)["logits"], loaded(picture)["logits"])
    features = headless(picture).shape
    loss = loaded(picture, labels=torch.tensor([1]))["loss"].ndim
try:
    type(resnet50d_config)(stem_type="shallow")
except ValueError as error:
    refused = "stem_type" in str(error)
known = type(AutoConfig.for_model("resnet")).__module__
print(json.dumps([same, list(features), loss, refused, known, "transformers" in sys.modules]))
"""


@pytest.fixture
def folder(tmp_path):
    """The guide's folder, with an `auto_map` that was edited by hand."""
    auto_map = {
        "AutoConfig": "configuration_resnet.ResnetConfig",
        "AutoModel": "modeling_resnet.ResnetModel",
        "AutoModelForImageClassification": "modeling_resnet.ResnetModelForImageClassification",
    }
    return write(
        tmp_path / "resnet_model",
        {
            "__init__.py": "",
            "configuration_resnet.py": CONFIGURATION,
            "modeling_resnet.py": MODELING,
            "config.json": json.dumps({"model_type": "resnet", "auto_map": auto_map}),
        },
    )


def test_guide_runs_with_the_import_lines_that_it_has(folder, hub, tmp_path, places_environment):
    """From the config to the push and the load of what was pushed, where transformers cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), hub.token("me")],
        check=False, cwd=tmp_path, capture_output=True, encoding="utf-8", env=places_environment, timeout=200,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        True, [1, 2048, 2, 2], 0, True, "resnet.configuration_resnet", False,
    ]  # fmt: skip

    pushed = hub.files("me/custom-resnet50d")
    assert pushed["modeling_resnet.py"].decode() == MODELING
    assert sorted(json.loads(pushed["config.json"])["auto_map"]) == [
        "AutoConfig", "AutoModel", "AutoModelForImageClassification",
    ]  # fmt: skip
    assert json.loads((tmp_path / "custom-resnet" / "config.json").read_text(encoding="utf-8"))["stem_type"] == "deep"


@pytest.fixture
def places_environment(tmp_path):
    """The environment of a process in which nobody has trusted anything, and which asks the Hub."""
    found = environment(XDG_CONFIG_HOME=str(tmp_path / "settings"), HUB_IO_CACHE=str(tmp_path / "cache"))
    return {name: value for name, value in found.items() if name != "HF_HUB_OFFLINE"}
