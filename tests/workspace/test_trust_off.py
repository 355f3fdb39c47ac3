"""No public loader of any package runs the code of a checkpoint unasked. The loaders are found, not listed.

The modules of the checkpoint write a file when imported. Loads may succeed (an installed package serves) or fail; the
file must be absent either way.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import warnings

import pytest

from workspace_packages import WORKSPACE_PACKAGES

MODULE = """
import pathlib
pathlib.Path({marker!r}).write_text("this ran")

from config_core import PretrainedConfig


class MarkedConfig(PretrainedConfig):
    model_type = {model_type!r}


class MarkedModel:
    config_class = MarkedConfig

    @classmethod
    def from_pretrained(cls, checkpoint, config=None, **kwargs):
        return cls()
"""


def loaders():
    """Return every public function and class method that is given a source to load from, by name."""
    found = {}
    for package in WORKSPACE_PACKAGES.values():
        for module_name, _ in package.modules():
            if module_name.endswith("__main__"):
                continue
            module = importlib.import_module(module_name)
            for name in module.__all__:
                public = getattr(module, name)
                if inspect.isfunction(public):
                    found[f"{public.__module__}.{public.__qualname__}"] = public
                elif inspect.isclass(public):
                    for attribute, method in inspect.getmembers(public, inspect.ismethod):
                        if not attribute.startswith("_") and isinstance(method.__self__, type):
                            found[f"{public.__module__}.{public.__qualname__}.{attribute}"] = method
    return {name: loader for name, loader in found.items() if "source" in inspect.signature(loader).parameters}


LOADERS = loaders()


@pytest.fixture
def marker(tmp_path):
    """The file that the checkpoint's code writes when it runs."""
    return tmp_path / "marker"


@pytest.fixture(params=["unknown", "resnet"])
def files(request, marker):
    """A checkpoint with code, of a type that no package offers, and of one that a package does."""
    auto_classes = importlib.import_module("auto_registry.auto_tasks").AUTO_CLASS_NAMES
    auto_map = dict.fromkeys(auto_classes, "modeling_marked.MarkedModel") | {
        "AutoConfig": "modeling_marked.MarkedConfig"
    }
    module = MODULE.format(marker=str(marker), model_type=request.param)
    return {
        "config.json": json.dumps({"model_type": request.param, "auto_map": auto_map}),
        "modeling_marked.py": module,
        "__init__.py": module,
    }


@pytest.fixture(params=["folder", "hub"])
def source(request, files, tmp_path):
    """The checkpoint in a folder, and in a repository."""
    if request.param == "hub":
        request.getfixturevalue("hub").create_repo("stranger/marked", files=files)
        return "stranger/marked"
    folder = tmp_path / "marked"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return str(folder)


def call(loader, source, **options):
    """Call a loader as far as it goes; the trust options only where it has them."""
    parameters = inspect.signature(loader).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    given = {name: value for name, value in options.items() if takes_any or name in parameters}
    with contextlib.suppress(Exception):
        loader(source=source, **given)


def test_loaders_are_found():
    """The walk meets the loaders that everybody knows, so it meets the others too."""
    assert {
        "config_core.pretrained_config.PretrainedConfig.from_pretrained",
        "config_core.pretrained_config.PretrainedConfig.get_config_dict",
        "config_core.checkpoint.open_checkpoint",
        "model_core.pretrained_model.PreTrainedModel.from_pretrained",
        "auto_registry.auto_config.AutoConfig.from_pretrained",
        "auto_registry.auto_tasks.AutoModel.from_pretrained",
        "auto_registry.auto_tasks.AutoModelForImageClassification.from_pretrained",
        "hub_io.registry_loading.load_into_registry",
        "resnet.configuration_resnet.ResnetConfig.from_pretrained",
        "resnet.modeling_resnet.ResnetModel.from_pretrained",
    } <= LOADERS.keys()


@pytest.mark.parametrize("options", [{}, {"trust_remote_code": None}, {"trust_remote_code": False}], ids=str)
def test_no_loader_runs_code_unasked(source, marker, options):
    """Saying nothing, None and False are all no."""
    for name, loader in LOADERS.items():
        call(loader, source, **options)
        assert not marker.exists(), name


def test_marker_appears_with_trust(source, marker):
    """The walk above could fail: with trust, the code runs and the file appears."""
    loader = LOADERS["auto_registry.auto_tasks.AutoModel.from_pretrained"]
    with warnings.catch_warnings(action="ignore"):  # that nobody has pinned the code
        call(loader, source, trust_remote_code=True)
    assert marker.exists()
