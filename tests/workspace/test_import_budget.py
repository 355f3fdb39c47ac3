"""What an import costs, counted in modules: the number repeats, a time does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import sys
before = set(sys.modules)
import {package}
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps(loaded))
"""


def modules_loaded_by(package):
    """Return the modules that `import package` adds to a fresh interpreter."""
    # -S and the paths by hand: what an environment's .pth files load at start must not hide what the package loads.
    program = f"import sys; sys.path += {[path for path in sys.path if path]!r}\n" + PROGRAM.format(package=package)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def strangers(modules, *own):
    """Return the top-level names that are neither the standard library's nor the package's own."""
    tops = {name.partition(".")[0] for name in modules}
    return tops - sys.stdlib_module_names - set(own)


def test_config_core_loads_a_handful_of_standard_modules():
    """A program that needs a config pays for sixty modules at most."""
    modules = modules_loaded_by("config_core")
    assert strangers(modules, "config_core") == set()
    assert len(modules) <= 60, modules


def test_auto_registry_loads_a_handful_of_standard_modules():
    """The Auto classes need neither torch nor the Hub's client to be imported."""
    modules = modules_loaded_by("auto_registry")
    assert strangers(modules, "auto_registry", "config_core") == set()
    assert len(modules) <= 60, modules


def test_hub_io_loads_neither_torch_nor_the_client():
    """huggingface_hub is imported when a repo id is really used, torch never."""
    modules = modules_loaded_by("hub_io")
    assert strangers(modules, "hub_io", "auto_registry", "config_core") == set()


@pytest.mark.parametrize("package", ["model_core", "resnet"])
def test_model_packages_load_neither_registry_nor_hub(package):
    """A model meets the Auto classes and the Hub through entry points alone."""
    modules = modules_loaded_by(package)
    assert not strangers(modules) & {"auto_registry", "hub_io"}
