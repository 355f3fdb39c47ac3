"""A hub of somebody else, and a service for code, installed with pip: they pass the tests that our packages ship.

Hubs with a fault fail them, and the message says which.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OUTSIDERS = Path(__file__).parent
PUSH = """
import os, pathlib
os.environ["FOLDER_HUB"] = str(pathlib.Path("shared").resolve())
from auto_registry import AutoConfig
from config_core import PretrainedConfig

class CropConfig(PretrainedConfig):
    model_type = "crop"

    def __init__(self, size: int = 96, **kwargs):
        self.size = size
        super().__init__(**kwargs)

AutoConfig.register("crop", CropConfig)
first = CropConfig(size=32).push_to_hub("team/crop")
CropConfig(size=64).push_to_hub("team/crop")
print(AutoConfig.from_pretrained("team/crop").size, AutoConfig.from_pretrained("team/crop", revision=first.oid).size)
"""
BESIDE_HUB_IO = """
import json, pathlib
from auto_registry import AutoConfig
from config_core.checkpoint import HubOptions
from config_core.services import find_service
from folder_hub import FOLDER_HUB

assert find_service("config_core.hub", distribution="pretrained-hub-io", purpose="This test") is not FOLDER_HUB
saved = pathlib.Path("saved")
saved.mkdir()
code = "from config_core import PretrainedConfig\\nclass CropConfig(PretrainedConfig):\\n    model_type = 'crop'\\n"
(saved / "configuration_crop.py").write_text(code, encoding="utf-8")
auto_map = {"AutoConfig": "configuration_crop.CropConfig"}
(saved / "config.json").write_text(json.dumps({"model_type": "crop", "auto_map": auto_map}), encoding="utf-8")
FOLDER_HUB.publish(saved, "team/crop")
opened = FOLDER_HUB.open("team/crop", HubOptions())
try:
    AutoConfig.from_pretrained(opened)
except PermissionError as refusal:
    print("team/crop" in str(refusal), opened.commit in str(refusal))
config = AutoConfig.from_pretrained(opened, trust_remote_code=True)
print(type(config).__name__, config.code_origin.source, config.code_origin.commit == opened.commit)
"""
FAULTS = {
    "PathsOfFolders": ("test_a_repository_has_what_was_published", "the checkpoint of 'conformance/"),
    "NewestAlways": ("test_a_commit_can_be_opened_by_its_id", "open(revision="),
    "InPlace": ("test_an_opened_repository_stays_at_its_commit", "has b'second', and b'first' was pushed"),
    "NamesUnchecked": (
        "test_names_that_lead_elsewhere_are_refused",
        "local_path('../config.json') must raise UnsafeNameError, and raised nothing.",
    ),
    "Silent": (
        "test_a_push_elsewhere_leaves_the_default_branch",
        "a push with {'revision': 'trial'} has changed the default branch",
    ),
    "OwnErrors": (
        "test_what_is_missing_is_an_error_that_loads_understand",
        "which does not exist, must raise CheckpointNotFoundError, and raised KeyError",
    ),
    "KeepsOldWeights": (
        "test_a_push_replaces_weights_in_another_layout",
        "model.safetensors is still there after a push of shards",
    ),
    "Gullible": ("test_code_that_nobody_trusts_is_refused", "decide() trusts code with trust_remote_code=None"),
    "Mute": (
        "test_code_that_nobody_trusts_is_refused",
        "load_class() must raise PermissionError, and raised NotImplementedError",
    ),
}


@pytest.fixture(scope="module")
def folder_hub(make_environment, wheels):
    """An environment with that hub."""
    environment = make_environment("folder-hub", "broken_hubs.py")
    environment.shell("pip install ./folder-hub", wheels=wheels)
    return environment


@pytest.fixture(scope="module")
def complaints(folder_hub):
    """What the tests say of each hub with a fault: the message of each test that fails."""
    return json.loads(folder_hub.run("broken_hubs.py"))


@pytest.mark.slow
def test_hub_of_somebody_else_conforms(folder_hub):
    """It passes all tests that config-core and auto-registry ship, without pytest."""
    told = folder_hub.shell("python -m unittest -v folder-hub/test_folder_hub.py 2>&1", wheels={})
    assert told.endswith("OK\n"), told
    assert told.count(" ... ok\n") == 17, told


@pytest.mark.slow
def test_hub_of_somebody_else_is_used(folder_hub):
    """`push_to_hub` and `from_pretrained` go through it, to the commit that was asked for."""
    assert folder_hub.run("-c", PUSH) == "64 32\n"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found_and_named(complaints, fault):
    """A hub that breaks the contract fails the test of that promise, in words that say what it did."""
    test, words = FAULTS[fault]
    assert words in complaints[fault][test]
    assert complaints[fault][test].startswith("AssertionError: This ")


def test_hub_of_somebody_else_serves_beside_hub_io(tmp_path):
    """A hub that is not the installed one opens checkpoints, and hub_io decides on their code as on any other."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(OUTSIDERS / "folder-hub" / "src"),
        "FOLDER_HUB": str(tmp_path / "shared"),
    }
    command = [sys.executable, "-c", BESIDE_HUB_IO]
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.stdout == "True True\nCropConfig team/crop True\n", done.stderr
