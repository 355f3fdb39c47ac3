"""Small real things to look up: config and model classes without torch, checkpoint folders, installed packages."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import auto_registry
import config_core
from auto_registry import Registry
from config_core import PretrainedConfig


class ParrotModel:
    """A model without torch that remembers how it was made."""

    def __init__(self, config, **options):
        self.config = config
        self.options = options

    @classmethod
    def from_pretrained(cls, checkpoint, *args, config=None, device="cpu", **options):
        model = cls(config, **options)
        model.checkpoint, model.args, model.device = checkpoint, args, device
        return model


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def make_config():
    """Return a maker of config classes."""

    def make(model_type="parrot", name="ParrotConfig", bases=(PretrainedConfig,)):
        def init(self, size=3, **kwargs):
            self.size = size
            super(made, self).__init__(**kwargs)

        made = type(name, bases, {"model_type": model_type, "__init__": init, "__module__": __name__})
        return made

    return make


@pytest.fixture
def make_model():
    """Return a maker of model classes."""
    return lambda config_class, name="Parrot": type(name, (ParrotModel,), {"config_class": config_class})


@pytest.fixture
def parrot(registry, make_config, make_model):
    """Return a config class and a model class that the registry knows for AutoModel."""
    config_class = make_config()
    model_class = make_model(config_class)
    registry.register_config("parrot", config_class)
    registry.register_model("AutoModel", config_class, model_class)
    return config_class, model_class


@pytest.fixture
def aviary(registry, parrot):
    """Return a registry that knows a parrot."""
    assert registry.model_types() == (parrot[0].model_type,)
    return registry


@pytest.fixture
def write_checkpoint(tmp_path):
    """Return a writer of folders with a config.json."""
    numbers = itertools.count()

    def write(text=None, /, **values):
        folder = tmp_path / f"checkpoint{next(numbers)}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(values) if text is None else text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return an installer of packages: a module and a dist-info folder, as an installer leaves them, on the path."""
    before = set(sys.modules)
    numbers = itertools.count()

    def install_package(distribution, *, module=None, source="", configs=None, models=None):
        site = tmp_path / f"site{next(numbers)}"
        write_distribution(
            site,
            distribution,
            modules={module or distribution.replace("-", "_"): source},
            entry_points={"auto_registry.configs": configs or {}, "auto_registry.models": models or {}},
        )
        monkeypatch.syspath_prepend(site)
        return site

    yield install_package
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def write_distribution(site, distribution, *, modules, entry_points):
    """Write modules and metadata into a folder as an installer does."""
    metadata = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        line
        for group, offers in entry_points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in offers.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source, encoding="utf-8")


PARROT_SOURCE = """
from config_core import PretrainedConfig

class ParrotConfig(PretrainedConfig):
    model_type = {model_type!r}

    def __init__(self, size=3, **kwargs):
        self.size = size
        super().__init__(**kwargs)

class Parrot:
    config_class = ParrotConfig

    def __init__(self, config):
        self.config = config

    @classmethod
    def from_pretrained(cls, checkpoint, *, config=None):
        if config.size > 100:
            raise ValueError("the weights do not fit")
        return cls(config)
"""


@pytest.fixture
def install_parrot(install):
    """Return an installer of a package that offers a parrot, under a model_type and a module of its own."""

    def install_it(model_type, *, distribution=None, module=None):
        module = module or f"{model_type.replace('-', '_').replace('.', '_')}_package"
        return install(
            distribution or f"{model_type}-models",
            module=module,
            source=PARROT_SOURCE.format(model_type=model_type),
            configs={model_type: f"{module}:ParrotConfig"},
            models={f"AutoModel.{model_type}": f"{module}:Parrot"},
        )

    return install_it


@dataclass
class Judge:
    """A remote-code service that trusts what the caller trusts, and remembers what it was asked."""

    classes: dict
    asked: list = field(default_factory=list)

    def decide(self, load, auto_class):
        self.asked.append((load, auto_class))
        return Judgement(bool(load.trust_remote_code), self.classes.get(auto_class))

    def load_class(self, judgement):
        if not judgement.trusted:
            raise judgement.refusal()
        return judgement.cls


@dataclass
class Judgement:
    trusted: bool
    cls: type | None

    def refusal(self):
        return PermissionError("this code is not trusted")


@pytest.fixture
def make_judge():
    """Return a maker of remote-code services."""
    return lambda **classes: Judge(classes)


@pytest.fixture
def run_alone():
    """Return a runner of programs in a fresh Python that has auto_registry, config_core and the given folders only."""

    def run(program, *sites, cwd=None):
        own = {str(Path(package.__file__).parents[1]) for package in (auto_registry, config_core)}
        path = f"import sys; sys.path[:0] = {[*map(str, sites), *sorted(own)]!r}\n"
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-W", "error", "-c", path + program]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def offer_service(tmp_path):
    """Return a maker of a distribution that runs the code of checkpoints, in the plainest way."""

    def offer():
        site = tmp_path / "service"
        groups = {"auto_registry.remote_code": {"plain": "plain_service:SERVICE"}}
        write_distribution(site, "plain-service", modules={"plain_service": SERVICE_SOURCE}, entry_points=groups)
        return site

    return offer


SERVICE_SOURCE = """
import types
from config_core.code import CodeBundle

class Decision:
    def __init__(self, load, auto_class):
        self.load, self.auto_class, self.trusted = load, auto_class, bool(load.trust_remote_code)

    def refusal(self):
        return PermissionError("refused")

class Service:
    def decide(self, load, auto_class):
        return Decision(load, auto_class)

    def load_class(self, decision):
        if not decision.trusted:
            raise decision.refusal()
        load = decision.load
        if load.checkpoint is None:
            namespace = __import__("sys").modules[load.code_class.__module__].__dict__
        else:
            namespace = self.run(load)
        return namespace[load.auto_map[decision.auto_class].rpartition(".")[2]]

    def run(self, load):
        import sys
        code = load.checkpoint.read_bytes("bird.py", limit=10_000)
        bundle = CodeBundle(files={"bird.py": code}, auto_map=load.auto_map)
        name = f"plain_remote_{bundle.digest}"
        if name not in sys.modules:
            sys.modules[name] = module = types.ModuleType(name)
            module.__code_bundle__ = bundle
            exec(code, module.__dict__)
        return sys.modules[name].__dict__

SERVICE = Service()
"""
