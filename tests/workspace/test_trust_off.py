"""No public loader of any package runs the code of a checkpoint unasked. The loaders are found, not listed.

The modules of the checkpoint write a file when imported. Loads may succeed (an installed package serves) or fail; the
file must be absent either way.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import re
import warnings

import click
import pytest
from click.testing import CliRunner

from hub_io.command import main
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


# How a public loader's name begins, and what its first parameter may be.
VERB = re.compile(r"(from|load|open|read|download|import|get_config)(_|$)")
SOURCES = ("source", "pretrained_model_name_or_path")
FIRST = (*SOURCES, "repo_id", "path", "json_file", "config_dict", "config")
NOT_OF_CHECKPOINTS = {
    "hub_io.REMOTE_CODE_SERVICE.load_class": "takes a decision, of which only one that trusts the code is of use",
    "resnet.timm_weights.from_timm": "timm's own weights; nothing of a checkpoint is read",
}


def face_of(public):
    """Return the module that users import a class or function from: the one that defines it, or the face before it."""
    return ".".join(part for part in public.__module__.split(".") if not part.startswith("_"))


def public_callables(module):
    """Return what a module offers to be called without making an object first, by name."""
    found = {}
    for name in module.__all__:
        public = getattr(module, name)
        if inspect.isfunction(public):
            found[f"{face_of(public)}.{public.__qualname__}"] = public
        elif type(public).__module__.partition(".")[0] in IMPORT_NAMES:  # an object, such as the Hub
            for attribute, method in inspect.getmembers(public, inspect.ismethod):
                found[f"{module.__name__}.{name}.{attribute}"] = method
        elif inspect.isclass(public):
            for attribute, method in inspect.getmembers(public, inspect.ismethod):
                if isinstance(method.__self__, type):
                    found[f"{face_of(public)}.{public.__qualname__}.{attribute}"] = method
    return {name: each for name, each in found.items() if not name.rpartition(".")[2].startswith("_")}


def is_loader(name, loader):
    """Return whether a callable is given something to load from."""
    parameters = list(inspect.signature(loader).parameters)
    named_so = VERB.match(name.rpartition(".")[2]) and parameters and parameters[0] in FIRST
    return not set(SOURCES).isdisjoint(parameters) or bool(named_so)


def loaders():
    """Return every public function and method that is given something to load from, by name."""
    found = {}
    for package in WORKSPACE_PACKAGES.values():
        for module_name, _ in package.modules():
            if not module_name.endswith("__main__"):
                found |= public_callables(importlib.import_module(module_name))
    return {name: loader for name, loader in found.items() if is_loader(name, loader)}


IMPORT_NAMES = {package.import_name for package in WORKSPACE_PACKAGES.values()}
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


@pytest.fixture
def given(source, files, tmp_path):
    """What loaders are given, by the name of the parameter."""
    path = tmp_path / "alone" / "config.json"
    path.parent.mkdir()
    path.write_text(files["config.json"], encoding="utf-8")
    config = importlib.import_module("config_core").PretrainedConfig.from_json_file(path)
    values = json.loads(files["config.json"])
    sources = dict.fromkeys((*SOURCES, "repo_id"), source)
    return {**sources, "path": path, "json_file": path, "config_dict": values, "config": config}


def call(loader, given, **options):
    """Call a loader as far as it goes; the trust options only where it has them."""
    parameters = inspect.signature(loader).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    options = {name: value for name, value in options.items() if takes_any or name in parameters}
    first = next((name for name in SOURCES if name in parameters), next(iter(parameters)))
    with contextlib.suppress(Exception):
        loader(**{first: given[first]}, **options)


def test_loaders_are_found():
    """The walk meets the loaders that everybody knows, so it meets the others too."""
    assert {
        "config_core.config.PretrainedConfig.from_pretrained",
        "config_core.config.PretrainedConfig.get_config_dict",
        "config_core.checkpoint.open_checkpoint",
        "model_core.pretrained_model.PreTrainedModel.from_pretrained",
        "config_core.config.PretrainedConfig.from_json_file",
        "auto_registry.auto_config.AutoConfig.from_pretrained",
        "auto_registry.auto_tasks.AutoModel.from_pretrained",
        "auto_registry.auto_tasks.AutoModelForImageClassification.from_pretrained",
        "auto_registry.auto_tasks.AutoModel.from_config",
        "hub_io.hub_service.HUB_SERVICE.open",
        "hub_io.registry_loading.load_into_registry",
        "resnet.configuration_resnet.ResnetConfig.from_pretrained",
        "resnet.modeling_resnet.ResnetModel.from_pretrained",
    } <= LOADERS.keys()


def test_everything_that_is_called_like_a_loader_is_walked():
    """A new loader whose first parameter has another name is met here, and not forgotten."""
    public = {}
    for name in sorted(IMPORT_NAMES):
        public |= public_callables(importlib.import_module(name))
    called_so = {name for name in public if VERB.match(name.rpartition(".")[2])}
    walked = {inspect.unwrap(getattr(loader, "__func__", loader)) for loader in LOADERS.values()}
    forgotten = {
        name for name in called_so if inspect.unwrap(getattr(public[name], "__func__", public[name])) not in walked
    }
    assert forgotten == NOT_OF_CHECKPOINTS.keys()


@pytest.mark.parametrize("options", [{}, {"trust_remote_code": None}, {"trust_remote_code": False}], ids=str)
def test_no_loader_runs_code_unasked(given, marker, options):
    """Saying nothing, None and False are all no."""
    for name, loader in LOADERS.items():
        call(loader, given, **options)
        assert not marker.exists(), name


def test_marker_appears_with_trust(given, marker):
    """The walk above could fail: with trust, the code runs and the file appears."""
    loader = LOADERS["auto_registry.auto_tasks.AutoModel.from_pretrained"]
    with warnings.catch_warnings(action="ignore"):  # that nobody has pinned the code
        call(loader, given, trust_remote_code=True)
    assert marker.exists()


def arguments_of(verb, source):
    """Return arguments for a verb: the checkpoint, and yes to what it would ask."""
    takes_source = any(isinstance(parameter, click.Argument) for parameter in verb.params)
    asks = any("--yes" in parameter.opts for parameter in verb.params)
    return [*([source] if takes_source else []), *(["--yes"] if asks else [])]


def test_no_verb_of_the_command_runs_code(source, marker, tmp_path, monkeypatch):
    """It shows code, records that it is trusted, and compares it; it runs none."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "trust.json"))
    monkeypatch.chdir(tmp_path)
    ended = {}
    for name, verb in main.commands.items():
        ended[name] = CliRunner().invoke(main, [name, *arguments_of(verb, source)], prog_name="hub-io").exit_code
        assert not marker.exists(), name
    assert ended == dict.fromkeys(("inspect", "trust", "check", "diff", "verify", "list", "revoke"), 0)
