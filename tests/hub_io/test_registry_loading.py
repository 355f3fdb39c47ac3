"""load_into_registry: all the classes of a checkpoint or none, and only with trust."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification, Registry
from auto_registry.errors import RegistrationError
from config_core import PretrainedConfig
from hub_io import (
    NoRemoteCodeError,
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    TrustPolicy,
    UnpinnedCodeWarning,
    load_into_registry,
)
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json, files, trust, write


@pytest.fixture
def registry():
    return Registry()


def contents(registry):
    return registry.model_types(), set(map(registry.config_class, registry.model_types()))


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_all_classes_are_registered_and_reported(request, tmp_path, registry, place):
    """The auto classes then serve checkpoints of this type without code and without trust."""
    source = str(write(tmp_path / "saved", files()))
    sha = None
    if place == "hub":
        hub = request.getfixturevalue("hub")
        sha, source = hub.create_repo("me/tiny", files()), "me/tiny"
    report = load_into_registry(source, revision=sha, trust_remote_code=True, registry=registry)

    assert (report.source, report.commit, report.model_type) == (source, sha, "tiny")
    assert report.config_class.__name__ == "TinyConfig"
    assert {name: cls.__name__ for name, cls in report.model_classes.items()} == {
        "AutoModel": "TinyModel",
        "AutoModelForImageClassification": "TinyClassifier",
    }
    assert report.trusted_by == "trust_remote_code=True"
    assert len(report.digests) == 1
    assert registry.config_class("tiny") is report.config_class

    plain = write(tmp_path / "plain", {"config.json": '{"model_type": "tiny", "size": 5}', "weights.json": "[5.0]"})
    assert AutoConfig.from_pretrained(plain, registry=registry).size == 5
    assert AutoModel.from_pretrained(plain, registry=registry).weights == [5.0]
    model = AutoModelForImageClassification.from_pretrained(source, revision=sha, registry=registry)
    assert type(model) is report.model_classes["AutoModelForImageClassification"]


def test_loading_a_class_registers_nothing(tmp_path):
    """Only this function puts remote classes where other loads find them."""
    folder = write(tmp_path / "saved", files())
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    plain = write(tmp_path / "plain", {"config.json": '{"model_type": "tiny"}'})
    with pytest.raises(ValueError, match="tiny"):
        AutoConfig.from_pretrained(plain)


def test_taken_place_leaves_the_registry_as_it_was(tmp_path, registry):
    """One place that another class holds stops all, unless it may be replaced."""
    folder = write(tmp_path / "saved", files())

    class Mine(PretrainedConfig):
        model_type = "tiny"

    registry.register_config("tiny", Mine)
    before = contents(registry)
    with pytest.raises(RegistrationError, match="is registered already"):
        load_into_registry(folder, trust_remote_code=True, registry=registry)
    assert contents(registry) == before
    report = load_into_registry(folder, trust_remote_code=True, registry=registry, exist_ok=True)
    assert registry.config_class("tiny") is report.config_class


def test_loading_twice_changes_nothing(tmp_path, registry):
    """The same content is the same class, which may be registered where it is."""
    folder = write(tmp_path / "saved", files())
    first = load_into_registry(folder, trust_remote_code=True, registry=registry)
    assert load_into_registry(folder, trust_remote_code=True, registry=registry) == first


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"modeling_tiny.py": MODELING + "raise LookupError('boom')\n"}, RemoteCodeImportError),
        ({"modeling_tiny.py": MODELING.replace("class TinyClassifier", "class Other")}, RemoteCodeImportError),
        ({"configuration_tiny.py": CONFIGURATION.replace('"tiny"', '"large"')}, RegistrationError),
        ({"modeling_tiny.py": MODELING.replace("config_class = TinyConfig", "config_class = None")}, Exception),
    ],
)
def test_failure_registers_and_imports_nothing(tmp_path, registry, changed, error):
    """A module that fails, a class that is missing, a wrong model_type, a wrong config class."""
    folder = write(tmp_path / "saved", files(changed))
    before = {name for name in sys.modules if name.startswith("hub_io.remote.")}
    with pytest.raises(error):
        load_into_registry(folder, trust_remote_code=True, registry=registry)
    assert contents(registry) == ((), set())
    if error is RemoteCodeImportError:
        assert {name for name in sys.modules if name.startswith("hub_io.remote.")} == before


@pytest.mark.parametrize("auto_map", [{}, {"AutoTokenizer": "tokenization_tiny.Tokenizer"}])
def test_checkpoint_without_code_has_nothing_to_register(tmp_path, registry, auto_map):
    """The error says so, whatever was trusted."""
    folder = write(tmp_path / "saved", {"config.json": config_json(auto_map)})
    with pytest.raises(NoRemoteCodeError, match="ships no code"):
        load_into_registry(folder, trust_remote_code=True, registry=registry)


def test_config_alone_can_be_registered(tmp_path, registry):
    """A checkpoint need not ship models."""
    auto_map = {"AutoConfig": AUTO_MAP["AutoConfig"]}
    folder = write(tmp_path / "saved", files({"config.json": config_json(auto_map), "modeling_tiny.py": None}))
    report = load_into_registry(folder, trust_remote_code=True, registry=registry)
    assert (report.model_classes, registry.model_types()) == ({}, ("tiny",))


NUMPY_MODELING = """
import numpy

from .configuration_tiny import TinyConfig


class TinyModel:
    config_class = TinyConfig

    def __init__(self, config):
        self.weights = numpy.zeros(config.size)

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        model = cls(config)
        model.weights = numpy.loadtxt(checkpoint.local_path("weights.csv"), delimiter=",")
        return model

    def __call__(self, values):
        return float(self.weights @ numpy.asarray(values))
"""


def test_model_of_numpy_is_registered(tmp_path):
    """The registry and its loaders know of no framework: torch is not even imported."""
    if importlib.util.find_spec("numpy") is None:
        pytest.skip("needs numpy")
    auto_map = {name: AUTO_MAP[name] for name in ("AutoConfig", "AutoModel")}
    content = {"config.json": config_json(auto_map), "modeling_tiny.py": NUMPY_MODELING, "weights.csv": "1.0,2.0"}
    folder = write(tmp_path / "saved", files(content))
    program = """
import sys
from auto_registry import AutoModel
from hub_io import load_into_registry

report = load_into_registry(sys.argv[1], trust_remote_code=True)
model = AutoModel.from_pretrained(sys.argv[1])
assert type(model) is report.model_classes["AutoModel"]
print(model([3.0, 4.0]), "torch" in sys.modules)
"""
    printed = run_program(tmp_path / "main.py", program, folder, environ=environment(tmp_path / "cache"))
    assert printed == "11.0 False\n"


def test_entry_of_the_store_is_enough(tmp_path, registry, places):
    """No flag is needed, and the report says what trusted it."""
    trust(places / "hub-code.lock", files(), source="somewhere")
    report = load_into_registry(write(tmp_path / "saved", files()), registry=registry)
    assert report.trusted_by.startswith(f"{places / 'hub-code.lock'} (somewhere, ")
    assert registry.model_types() == ("tiny",)


def test_commit_comes_from_the_policy_of_the_load(hub, registry, places):
    """A policy without an entry opens the default branch, and not the commit that another store has."""
    old = hub.create_repo("me/branch-of-policy", files())
    new = hub.commit("me/branch-of-policy", {"modeling_tiny.py": f"{MODELING}NEW = 1\n"})
    trust(places / "hub-code.lock", files(), source="me/branch-of-policy", commit=old)
    options = {"policy": TrustPolicy(), "trust_remote_code": True, "registry": registry}
    with pytest.warns(UnpinnedCodeWarning, match=new):
        report = load_into_registry("me/branch-of-policy", **options)
    assert report.commit == new


@pytest.fixture
def two_repositories(hub, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """A checkpoint whose models lie elsewhere. Returns the commits of both."""
    code = hub.create_repo("other/code", files())
    elsewhere = {name: f"other/code--{reference}" for name, reference in AUTO_MAP.items()} | {
        "AutoConfig": AUTO_MAP["AutoConfig"]
    }
    own = files({"config.json": config_json(elsewhere), "modeling_tiny.py": None})
    return hub.create_repo("me/tiny", own), code


def test_code_of_two_repositories_is_reported_as_two(registry, two_repositories, places):
    """Two bundles, each with what trusted it."""
    commit, _ = two_repositories
    own = {"configuration_tiny.py": CONFIGURATION}
    trust(places / "hub-code.lock", own, source="me/tiny", commit=commit)
    with pytest.warns(UnpinnedCodeWarning, match="other/code"):
        report = load_into_registry("me/tiny", trust_remote_code=True, registry=registry)
    assert len(report.digests) == 2
    assert report.trusted_by.startswith(f"{places / 'hub-code.lock'} (me/tiny, ")
    assert report.trusted_by.endswith("; trust_remote_code=True")


def test_one_bundle_that_is_refused_lets_none_run(registry, two_repositories, places):
    """Everything is decided on before anything is imported."""
    commit, _ = two_repositories
    trust(places / "hub-code.lock", {"configuration_tiny.py": CONFIGURATION}, source="me/tiny", commit=commit)
    before = set(sys.modules)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        load_into_registry("me/tiny", registry=registry)
    assert caught.value.source == "other/code"
    assert {name for name in set(sys.modules) - before if name.startswith("hub_io.remote.")} == set()
    assert registry.model_types() == ()
