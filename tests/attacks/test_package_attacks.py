"""Packages: what runs because something beside it is imported, and classes that do things when they are made."""

from __future__ import annotations

import sys

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from auto_registry.errors import CheckpointConfigError
from config_core import SourceCodeError
from hub_io import RemoteCodeImportError, RemoteCodeRefusedError, load_into_registry
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json

IN_FOLDER = {"config.json": config_json({"AutoConfig": "sub/configuration_tiny.TinyConfig"})}


def test_package_file_at_the_top_does_not_run(lenient_witness):
    """Nobody imports the folder itself, and a bundle has no file that nothing needs."""
    folder = lenient_witness.write({"__init__.py": lenient_witness.trace}, harmless=True)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {"configuration_tiny.py", "modeling_tiny.py"}
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


def test_package_file_on_the_way_is_part_of_what_is_reviewed(witness):
    """It runs before the module that lies in the package."""
    content = {"sub/__init__.py": witness.trace, "sub/configuration_tiny.py": CONFIGURATION}
    folder = witness.write(IN_FOLDER | content)
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  sub/__init__\.py"):
        AutoConfig.from_pretrained(folder)


def test_what_a_package_file_imports_is_part_of_what_is_reviewed(witness):
    """And so on, from file to file."""
    content = {
        "sub/__init__.py": "from .. import shared",
        "shared.py": "from .deep.down import x",
        "deep/__init__.py": witness.trace,
        "deep/down.py": "x = 1",
        "sub/configuration_tiny.py": CONFIGURATION,
    }
    folder = witness.write(IN_FOLDER | content)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {*content}


def test_circle_of_imports_ends(witness):
    """Three files that need each other are three files."""
    content = {f"{name}.py": f"from . import {other}" for name, other in ("ab", "bc", "ca")}
    folder = witness.write(content | {"configuration_tiny.py": f"from . import a\n{witness.trace}"})
    with pytest.raises(RemoteCodeRefusedError, match=r"  a\.py\n.*  b\.py\n.*  c\.py"):
        AutoConfig.from_pretrained(folder)


def test_config_of_a_checkpoint_does_not_run_its_model(lenient_witness):
    """Trust is for all files that were listed; what nobody asked for is not imported all the same."""
    folder = lenient_witness.write({"modeling_tiny.py": lenient_witness.trace + MODELING}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


@pytest.mark.parametrize("method", ["__init__", "__new__", "from_pretrained", "from_dict", "__class_getitem__"])
def test_methods_of_refused_classes_are_not_called(witness, method):
    """Neither constructor nor loader of a class runs in order to decide on it."""
    decorator = "" if method in {"__init__", "__new__"} else "    @classmethod\n"
    source = (
        f"class TinyConfig:\n{decorator}    def {method}(self, *a, **k):\n        open({str(witness.marker)!r}, 'w')\n"
    )
    folder = witness.write({"configuration_tiny.py": source})
    for trust in (None, False):
        with pytest.raises(RemoteCodeRefusedError):
            AutoConfig.from_pretrained(folder, trust_remote_code=trust)


@pytest.mark.parametrize(
    "source",
    ["class TinyConfig: pass", "class TinyConfig(dict): pass", "class TinyConfig(type): pass",
     "from config_core import PretrainedConfig\nclass TinyConfig(PretrainedConfig):\n    model_type = 3",
     "from config_core import PretrainedConfig\nclass TinyConfig(PretrainedConfig):\n    from_pretrained = None"],
)  # fmt: skip
def test_trusted_class_that_is_no_config_enters_no_registry(lenient_witness, source):
    """Code that may run is still held to what its classes must be."""
    folder = lenient_witness.write({"configuration_tiny.py": source, "modeling_tiny.py": "class TinyModel: pass"})
    registry = Registry()
    with pytest.raises((TypeError, ValueError, ImportError)):
        load_into_registry(folder, registry=registry, trust_remote_code=True)
    assert registry.model_types() == ()


@pytest.mark.parametrize("base", ["object", "dict", "type"])
def test_trusted_class_that_is_no_config_serves_no_config(lenient_witness, base):
    """It is not called as if it were one; the error names the class and the key."""
    folder = lenient_witness.write({"configuration_tiny.py": f"class TinyConfig({base}): pass"}, harmless=True)
    for load in (AutoConfig.from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(
            CheckpointConfigError, match=r"auto_map names .*TinyConfig of .* for AutoConfig, which is no"
        ):
            load(folder, trust_remote_code=True)


def test_code_cannot_leave_the_bundle_by_its_path(lenient_witness):
    """A package that adds a folder to its `__path__` would import files that nobody has listed."""
    (lenient_witness.outside / "evil.py").write_text(lenient_witness.trace, encoding="utf-8")
    source = f"__path__.append({str(lenient_witness.outside)!r})\nfrom . import evil\n"
    content = {"sub/__init__.py": source, "sub/configuration_tiny.py": CONFIGURATION}
    folder = lenient_witness.write(IN_FOLDER | content, harmless=True)
    with pytest.raises((SourceCodeError, RemoteCodeImportError)):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("place", ["a config", "a class", "a function"])
def test_names_of_the_importing_machinery_are_only_names(lenient_witness, place):
    """A module that is called like ours, or sets `__file__`, `__package__` and `__loader__`, changes only itself."""
    lines = {
        "a config": "__file__ = '/etc/passwd'\n__loader__ = None\n",
        "a class": "class hub_io: remote = None\n",
        "a function": "def __import__(*a): raise LookupError\n",
    }
    folder = lenient_witness.write({"configuration_tiny.py": lines[place] + CONFIGURATION}, harmless=True)
    before = (sys.modules["hub_io"], __builtins__)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]
    assert (sys.modules["hub_io"], __builtins__) == before


@pytest.mark.parametrize("name", ["AutoModelForImageClassification", "AutoModel", "AutoConfig"])
def test_reference_for_one_auto_class_serves_no_other(witness, name):
    """Which class is asked for decides which entry is read."""
    auto_map = {key: value for key, value in AUTO_MAP.items() if key == name}
    folder = witness.write({"config.json": config_json(auto_map)})
    for other in (AutoConfig, AutoModel):
        with pytest.raises((PermissionError, LookupError, ValueError)):
            other.from_pretrained(folder)
