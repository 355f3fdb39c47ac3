"""A checkpoint's own code, in processes that have this package, config_core and a plain remote-code service only.

What hub_io's service does is tested with hub_io. Here: that nothing runs without trust, whoever is asked.
"""

from __future__ import annotations

import json

import pytest

BIRD = """
from pathlib import Path
from config_core import PretrainedConfig
Path("ran").touch()

class BirdConfig(PretrainedConfig):
    model_type = "bird"

class Bird:
    config_class = BirdConfig
    def __init__(self, config):
        self.config = config
    @classmethod
    def from_pretrained(cls, checkpoint, *, config=None):
        return cls(config)
"""
CALLS = [
    'AutoConfig.from_pretrained("bird")',
    'AutoConfig.from_pretrained("bird", trust_remote_code=False)',
    'AutoModel.from_pretrained("bird")',
    'AutoModel.from_pretrained("bird", trust_remote_code=False)',
    'AutoModel.from_pretrained("bird", config="bird")',
    'AutoModelForCausalLM.from_pretrained("bird", config=PretrainedConfig())',
]
IMPORTS = """
from pathlib import Path
from auto_registry import AutoConfig, AutoModel, AutoModelForCausalLM, UnknownTaskError
from config_core import MissingServiceError, PretrainedConfig
"""


@pytest.fixture
def bird(tmp_path):
    """Return a folder with a checkpoint `bird` that ships its code, which would leave a file `ran`."""
    folder = tmp_path / "bird"
    folder.mkdir()
    auto_map = dict.fromkeys(("AutoModel", "AutoModelForCausalLM"), "bird.Bird") | {"AutoConfig": "bird.BirdConfig"}
    values = {"model_type": "bird", "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "bird.py").write_text(BIRD, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("call", CALLS)
def test_untrusted_code_does_not_run(run_alone, offer_service, bird, call):
    """Without trust every public loader raises the service's refusal, and no line of the code ran."""
    program = f"{IMPORTS}\ntry:\n    {call}\nexcept PermissionError:\n    print('refused')"
    assert run_alone(program, offer_service(), cwd=bird) == "refused\n"
    assert not (bird / "ran").exists()


@pytest.mark.parametrize("call", CALLS)
def test_missing_service_is_named(run_alone, bird, call):
    """Without a service the error says which distribution to install, and nothing ran."""
    program = f"{IMPORTS}\ntry:\n    {call}\nexcept MissingServiceError as error:\n    print(error)"
    assert "pip install pretrained-hub-io" in run_alone(program, cwd=bird)
    assert not (bird / "ran").exists()


def test_trusted_code_serves(run_alone, offer_service, bird):
    """With trust, config and model come out of the checkpoint's code and fit each other."""
    program = f"""{IMPORTS}
model = AutoModel.from_pretrained("bird", trust_remote_code=True)
print(type(model).__name__, type(model.config) is type(model).config_class)
config = AutoConfig.from_pretrained("bird", trust_remote_code=True)
print(type(AutoModel.from_pretrained("bird", config=config, trust_remote_code=True)).__name__)
"""
    assert run_alone(program, offer_service(), cwd=bird) == "Bird True\nBird\n"
    assert (bird / "ran").exists()


def test_loading_remote_code_registers_nothing(run_alone, offer_service, bird):
    """A class that came out of a checkpoint does not serve the next checkpoint of that name."""
    program = f"""{IMPORTS}
from auto_registry import REGISTRY
AutoModel.from_pretrained("bird", trust_remote_code=True)
print(REGISTRY.model_types())
try:
    AutoModel.from_pretrained("bird")
except PermissionError:
    print("refused")
"""
    assert run_alone(program, offer_service(), cwd=bird) == "()\nrefused\n"


def test_from_config_needs_trust_of_its_own(run_alone, offer_service, bird):
    """A config whose class came out of a checkpoint's code does not make its models trusted."""
    program = f"""{IMPORTS}
config = AutoConfig.from_pretrained("bird", trust_remote_code=True)
try:
    AutoModel.from_config(config)
except PermissionError:
    print("refused")
print(type(AutoModel.from_config(config, trust_remote_code=True)).__name__)
"""
    assert run_alone(program, offer_service(), cwd=bird) == "refused\nBird\n"


def test_weights_without_code_take_the_code_of_the_config(run_alone, offer_service, bird):
    """A folder that ships no code is loaded by the code that the given config came out of."""
    (bird / "weights").mkdir()
    program = f"""{IMPORTS}
config = AutoConfig.from_pretrained("bird", trust_remote_code=True)
try:
    AutoModel.from_pretrained("weights", config=config)
except PermissionError:
    print("refused")
print(type(AutoModel.from_pretrained("weights", config=config, trust_remote_code=True)).__name__)
"""
    assert run_alone(program, offer_service(), cwd=bird) == "refused\nBird\n"


def test_registered_class_needs_no_service(run_alone, bird):
    """What the program registered serves a checkpoint that ships code, with nothing installed that could run it."""
    program = f"""{IMPORTS}
class BirdConfig(PretrainedConfig):
    model_type = "bird"
class Bird:
    config_class = BirdConfig
    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        return cls()
AutoConfig.register("bird", BirdConfig)
AutoModel.register(BirdConfig, Bird)
print(type(AutoModel.from_pretrained("bird", trust_remote_code=True)) is Bird)
"""
    assert run_alone(program, cwd=bird) == "True\n"
    assert not (bird / "ran").exists()


def test_repository_without_hub_io_says_what_to_install(run_alone, tmp_path):
    """A repository is opened by another distribution, named where it is missing."""
    call = "AutoModel.from_pretrained('owner/name')"
    program = f"{IMPORTS}\ntry:\n    {call}\nexcept MissingServiceError as error:\n    print(error)"
    assert "pip install pretrained-hub-io" in run_alone(program, cwd=tmp_path)
