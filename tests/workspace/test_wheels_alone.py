"""Each wheel does its job alone: in an environment outside the workspace, with what it declares and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from fresh_environment import FreshEnvironment
from workspace_packages import WORKSPACE_PACKAGES

pytestmark = pytest.mark.slow

JOBS = Path(__file__).parent / "jobs"
PACKAGES = [pytest.param(package, id=package.import_name) for package in WORKSPACE_PACKAGES.values()]
EXTRAS = [
    pytest.param(package, extra, id=f"{package.import_name}-{extra}")
    for package in WORKSPACE_PACKAGES.values()
    for extra in package.extras
]
WITHOUT_MODELS = [
    pytest.param(package, id=package.import_name)
    for package in WORKSPACE_PACKAGES.values()
    if package.import_name in {"config_core", "auto_registry", "hub_io"}
]
# Tensors, models and the libraries of the GPU, by the start of their distributions' names.
MODEL_SOFTWARE = (
    *("torch", "numpy", "timm", "safetensors", "transformers", "nvidia", "cuda", "triton", "pillow"),
    *("pretrained-model-core", "pretrained-resnet"),
)


@pytest.fixture(scope="module", params=PACKAGES)
def alone(request, tmp_path_factory, wheels):
    """A package, and an environment in which only its wheel was asked for."""
    environment = FreshEnvironment.create(tmp_path_factory.mktemp("alone") / request.param.import_name)
    environment.install(request.param.distribution, wheels=wheels)
    return request.param, environment


def declared_siblings(package):
    """Return the workspace's distributions that a package brings, itself and those of its siblings included."""
    names = {canonicalize_name(requirement.name) for requirement in package.requirements()}
    siblings = [WORKSPACE_PACKAGES[name] for name in names & WORKSPACE_PACKAGES.keys()]
    return {package.distribution}.union(*map(declared_siblings, siblings))


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_every_source_file_and_the_license(package, wheels):
    """What lies in the source folder reaches the user, the marker for type checkers and data files included."""
    with zipfile.ZipFile(wheels[package.distribution]) as wheel:
        shipped = set(wheel.namelist())
    sources = {
        path.relative_to(package.folder / "src").as_posix()
        for path in package.source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources <= shipped
    assert [name for name in shipped if name.endswith(".dist-info/licenses/LICENSE")]


def test_wheel_does_its_job_alone(alone, hub_environ):
    """With its declared dependencies alone, the package imports and does a few lines of what it is for."""
    package, environment = alone
    environment.run("-c", f"import {package.import_name}")
    environment.run(JOBS / f"{package.import_name}.py", environ=hub_environ)


def test_wheel_brings_only_the_siblings_that_it_declares(alone):
    """No package of the workspace comes along by accident."""
    package, environment = alone
    assert environment.distributions().keys() & WORKSPACE_PACKAGES.keys() == declared_siblings(package)


def test_what_is_installed_fits_together(alone):
    """`uv pip check` finds no bound broken; those between siblings the workspace itself never checks."""
    _, environment = alone
    environment.check()


@pytest.mark.parametrize(("package", "extra"), EXTRAS)
def test_extra_does_its_job_alone(package, extra, tmp_path, wheels):
    """An extra brings all that its part of the package needs."""
    environment = FreshEnvironment.create(tmp_path / "environment")
    environment.install(f"{package.distribution}[{extra}]", wheels=wheels)
    environment.run(JOBS / f"{package.import_name}_{extra}.py")
    environment.check()


@pytest.mark.parametrize("alone", WITHOUT_MODELS, indirect=True)
def test_packages_without_models_bring_no_model_software(alone):
    """A config, a registry or the Hub costs no torch, no numpy and no model's code."""
    _, environment = alone
    assert [name for name in environment.distributions() if name.startswith(MODEL_SOFTWARE)] == []


def test_hub_io_runs_models_of_whatever_library_is_there(tmp_path, wheels):
    """With NumPy beside it and no torch, a NumPy model loads, and one of torch says what it lacks."""
    environment = FreshEnvironment.create(tmp_path / "environment")
    environment.install("pretrained-hub-io", "numpy", wheels=wheels)
    environment.run(JOBS / "hub_io_numpy.py")
    assert not [name for name in environment.distributions() if name.startswith("torch")]
