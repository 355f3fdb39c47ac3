"""What an import costs, counted in modules: the number repeats, a time does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import site, sys
sys.path += {paths!r}
before = set(sys.modules)
{statement}
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps(loaded))
"""

PROGRAM_OF_A_CONFIG = """
import sys
sys.path += {paths!r}
from config_core import PretrainedConfig

class Config(PretrainedConfig):
    model_type = "budget"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

config = Config.from_dict(Config(width=3).to_dict())
made = [cls.__name__ for cls in object.__subclasses__() if cls.__name__ == "AST"]
import json
print(json.dumps([*made, type(config).__name__, config.width]))
"""


def modules_loaded_by(statement):
    """Return the modules that a statement adds to a fresh interpreter."""
    # -S and the paths by hand: what an environment's .pth files load at start must not hide what the package loads.
    # `site` itself is part of bare Python, and only imported, not run.
    program = PROGRAM.format(paths=[path for path in sys.path if path], statement=statement)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, encoding="utf-8", check=True, timeout=120
    )
    return json.loads(done.stdout)


def top_names(modules):
    """Return the first parts of modules' names."""
    return {name.partition(".")[0] for name in modules}


def strangers(modules, *own):
    """Return the top-level names that are neither those of the standard library nor the given ones."""
    return top_names(modules) - sys.stdlib_module_names - set(own)


@pytest.mark.parametrize("statement", ["import config_core", "from config_core import PretrainedConfig"])
def test_config_core_loads_a_handful_of_standard_modules(statement):
    """A program that needs a config loads modules of the standard library and of the package, and few of them."""
    modules = modules_loaded_by(statement)
    assert strangers(modules, "config_core") == set()
    assert len(modules) <= 63, modules


def test_config_core_compiles_no_annotations(tmp_path):
    """No import, class or config needs the classes of `ast`, all of which Python makes when it first compiles text.

    They cost as much as ten modules. `typing` compiles the annotations of a `NamedTuple` and a `TypedDict` if they are
    text, so modules with such classes have no `from __future__ import annotations`.
    """
    program = PROGRAM_OF_A_CONFIG.format(paths=[path for path in sys.path if path])
    command = [sys.executable, "-I", "-S", "-X", f"pycache_prefix={tmp_path}", "-c", program]
    for _ in range(2):  # the first compiles the modules themselves
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=120)
    assert json.loads(done.stdout) == ["Config", 3]


@pytest.mark.parametrize("statement", ["import auto_registry", "from auto_registry import AutoConfig, AutoModel"])
def test_auto_registry_loads_a_handful_of_standard_modules(statement):
    """The Auto classes need neither torch nor the Hub's client to be imported."""
    modules = modules_loaded_by(statement)
    assert strangers(modules, "auto_registry", "config_core") == set()
    assert len(modules) <= 45, modules


@pytest.mark.parametrize(
    "statement",
    ["import hub_io", "from hub_io import load_into_registry", "from hub_io.remote_code import REMOTE_CODE_SERVICE"],
)
def test_hub_io_loads_what_decides_and_not_what_pushes_or_runs_code(statement):
    """A program waits for the modules that push, or run trusted code, when it first does that."""
    modules = modules_loaded_by(statement)
    assert not {"hub_io.running", "hub_io.hub._push", "hub_io.transformers_loading"}.intersection(modules)
    assert len(modules) <= 146, modules


@pytest.mark.parametrize("statement", ["import hub_io", "from hub_io import *"])
def test_hub_io_loads_neither_torch_nor_the_client(statement):
    """huggingface_hub is imported when a repo id is really used, torch never."""
    modules = modules_loaded_by(statement)
    assert strangers(modules, "hub_io", "auto_registry", "config_core") == set()


@pytest.mark.parametrize("package", ["model_core", "resnet"])
def test_model_packages_load_neither_registry_nor_hub(package):
    """A model meets the Auto classes and the Hub through entry points alone."""
    modules = modules_loaded_by(f"from {package} import *")
    assert not top_names(modules) & {"auto_registry", "hub_io"}


def test_config_of_a_model_loads_no_model():
    """Whoever asks a ResNet's config what it is waits for neither torch nor timm."""
    modules = modules_loaded_by("from resnet import ResnetConfig")
    assert strangers(modules, "resnet", "config_core") == set()
