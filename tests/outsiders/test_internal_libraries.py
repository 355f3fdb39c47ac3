"""A company's own packages on ours, built and installed with plain pip: its base config, and models of two kinds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from release_tools.environments import locked_versions
from workspace_packages import ROOT, WORKSPACE_PACKAGES

OUTSIDERS = Path(__file__).parent
PROJECTS = sorted(OUTSIDERS.glob("*/pyproject.toml"))
INSTALLERS = {"pip", "setuptools"}  # what `python -m venv` brings, depending on the Python

# Loads a checkpoint by its name alone; the class behind it is imported by nobody else.
LOAD = """
import sys
import auto_registry
assert not [name for name in sys.modules if name.startswith("acme")]
model = auto_registry.{auto_class}.from_pretrained("{folder}")
print(type(model).__module__, type(model).__name__, "torch" in sys.modules, "hub_io" in sys.modules)
"""
HOUSE_RULES = """
from acme_config import AcmeConfig
from config_core import UnknownOptionError

class StreetConfig(AcmeConfig):
    model_type = "street"

    def __init__(self, width: int = 8, **kwargs):
        self.width = width
        super().__init__(**kwargs)

StreetConfig(dataset="streets", width=4).save_pretrained("street")
assert StreetConfig.from_pretrained("street") == StreetConfig(dataset="streets", width=4)
for mistake, error in [({"widht": 4}, UnknownOptionError), ({"dataset": "my streets"}, ValueError)]:
    try:
        StreetConfig(**mistake)
    except error as caught:
        print(caught)
"""


@pytest.fixture(scope="module")
def config_library(make_environment, wheels):
    """An environment in which only the internal library was asked for."""
    environment = make_environment("acme-config")
    environment.shell("pip install ./acme-config", wheels=wheels)
    return environment


@pytest.fixture(scope="module")
def trend(make_environment, wheels):
    """An environment with the NumPy models and the Auto classes."""
    environment = make_environment("acme-config", "acme-trend", "use_trend.py")
    environment.shell("pip install ./acme-config ./acme-trend pretrained-auto-registry", wheels=wheels)
    return environment


@pytest.fixture(scope="module")
def tagger(make_environment, wheels):
    """An environment with the torch models and the Auto classes."""
    environment = make_environment("acme-config", "acme-tagger", "use_tagger.py")
    torch = ["torch", "safetensors[numpy]"]
    environment.install(torch, constraints=locked_versions(ROOT))  # linked in a second; pip copies gigabytes
    environment.shell("pip install ./acme-config ./acme-tagger pretrained-auto-registry", wheels=wheels)
    return environment


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_bounds_of_outsiders_admit_the_packages_as_they_are(path):
    """They are bounds on releases: one that breaks them is one for which these projects and the READMEs change."""
    project = tomllib.loads(path.read_text(encoding="utf-8"))
    assert "tool" not in project  # no sources but an index
    for requirement in map(Requirement, project["project"]["dependencies"]):
        if package := WORKSPACE_PACKAGES.get(requirement.name):
            assert package.version in requirement.specifier, requirement
            assert {bound.operator for bound in requirement.specifier} == {">=", "<"}, requirement


@pytest.mark.slow
def test_internal_library_brings_only_config_core(config_library):
    """A team that needs configs pays for one small package."""
    installed = config_library.distributions().keys() - INSTALLERS
    assert installed == {"acme-config", "pretrained-config-core"}


@pytest.mark.slow
def test_rules_of_an_internal_library_hold_for_its_models(config_library):
    """A field and a check of the base class work in every subclass, and so does `extra="forbid"`."""
    typo, dataset = config_library.run("-c", HOUSE_RULES).splitlines()
    assert "Did you mean 'width'?" in typo
    assert "'my streets' is not the name of a data set" in dataset


@pytest.mark.slow
def test_numpy_models_are_found_by_auto_classes(trend):
    """Its entry points are enough to make a model by name, and to load it in a process that never imported it."""
    assert trend.run("use_trend.py") == "7.5\n"
    loading = LOAD.format(auto_class="AutoModelForTimeSeriesPrediction", folder="sales-trend")
    assert trend.run("-c", loading) == "acme_trend.modeling_trend TrendModel False False\n"


@pytest.mark.slow
def test_numpy_models_bring_no_other_framework(trend):
    """What is installed is NumPy, their own packages and two of ours."""
    installed = trend.distributions().keys() - INSTALLERS
    ours = {"pretrained-config-core", "pretrained-auto-registry"}
    assert installed == {"acme-config", "acme-trend", "numpy", *ours}


@pytest.mark.slow
def test_torch_models_are_found_by_auto_classes(tagger):
    """The same, on `model_core.PreTrainedModel`, with weights in safetensors."""
    tagger.run("use_tagger.py")
    loading = LOAD.format(auto_class="AutoModelForTokenClassification", folder="street-tagger")
    assert tagger.run("-c", loading) == "acme_tagger.modeling_tagger TaggerModel True False\n"
    assert "pretrained-hub-io" not in tagger.distributions()
