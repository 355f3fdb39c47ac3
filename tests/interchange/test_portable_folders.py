"""Folders that our packages have saved load with transformers, with and without our packages beside it, and with ours.

The oracle is the model in memory before it was saved.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import auto_registry
from config_core import PretrainedConfig
from config_core.code import BASE_FILE, is_base_file
from model_core import PreTrainedModel
from portable_authors import AUTO_CLASSES, run

transformers = pytest.importorskip("transformers", reason="needs the dependency group `peers`")

IDS = torch.arange(6).reshape(1, 6)
ENVIRONMENTS = {"transformers alone": ["alone"], "transformers, with ours installed": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The checkpoints, made by our packages."""
    folder = tmp_path_factory.mktemp("portable")
    run("make", folder)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """What came of loading them with transformers, by environment."""
    return {
        name: json.loads(run("load", folder, *arguments).splitlines()[-1]) for name, arguments in ENVIRONMENTS.items()
    }


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Nobody has trusted anything, and the code store is new."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", AUTO_CLASSES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_transformers_computes_the_same_bits(results, environment, name):
    """Also once transformers has saved the model again, with its code."""
    result = results[environment][name]
    assert "error" not in result, result["error"]
    assert (result["same"], result["again"]) == (True, True)


def test_transformers_takes_its_own_classes(results):
    """Nothing of ours is imported by the code, even where it is installed."""
    assert [found["ours"] for found in results.values()] == [[], []]


def test_configs_hold_the_same_values_there(results):
    """Tuples, parts, new defaults, labels and fields that `__init__` computes."""
    found = {name: result["config"] for name, result in results["transformers alone"].items() if name != "ours"}
    parts = found["parts of configs"]
    assert (parts["rates"], parts["ratio"], parts["beside"]) == ("(0.1, 0.2, 0.3)", "3.0", "0.5")
    assert (parts["part"]["kernel"], parts["part"]["double"], parts["small"]["size"]) == ("(1, 2)", "10", "2")
    assert (parts["part"]["names"], parts["small"]["steps"]) == ("['a']", "[1, 2]")
    typed = found["annotated fields"]
    assert typed["part"]["scale"] == "<Scale.TWO: 'two'>"
    assert (typed["part"]["scales"], typed["part"]["ranges"]) == ("{1: <Scale.TWO: 'two'>}", "[(1, 2)]")
    assert (typed["either"]["width"], typed["either"]["kernel"]) == ("7", "(1, 2)")
    assert found["a new default"]["width"] == "16"
    assert found["labels"]["id2label"] == "{0: 'a', 1: 'b', 2: 'c'}"
    assert len(found["fields in the body"]["id2label"].split(",")) == 4
    assert found["fields in the body"]["problem_type"] == "'regression'"


@pytest.mark.parametrize("name", AUTO_CLASSES)
def test_our_own_loads_use_our_classes(folder, places, name):  # noqa: ARG001 - for its places
    """As if the code had been saved as it is: no name of transformers is served, and the bits are the same."""
    auto_class = getattr(auto_registry, AUTO_CLASSES[name])
    allowed = {"allow_missing": "classifier.*"} if name == "a missing head" else {}
    model, report = auto_class.from_pretrained(
        folder / name, trust_remote_code=True, output_loading_info=True, **allowed
    )
    assert isinstance(model, PreTrainedModel)
    assert isinstance(model.config, PretrainedConfig)
    assert report.served_names == ()
    outputs, expected = model(IDS), torch.load(folder / f"{name}.outputs", weights_only=True)
    pairs = [(outputs, expected)] if torch.is_tensor(outputs) else [(outputs[key], expected[key]) for key in expected]
    assert all(torch.equal(*pair) for pair in pairs)


def test_a_save_after_our_load_writes_the_same_code(folder, places):  # noqa: ARG001 - for its places
    """The file of base classes is not written twice, and no byte changes."""
    model = auto_registry.AutoModel.from_pretrained(folder / "parts of configs", trust_remote_code=True)
    model.save_pretrained("again")
    assert model_files("again") == model_files(folder / "parts of configs")
    assert is_base_file(model_files("again")[BASE_FILE])


def model_files(folder):
    """Return the source files in a folder, by name."""
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.py")}


def test_a_config_needs_no_torch(folder, tmp_path):
    """Neither torch nor transformers is imported for a config of portable code."""
    program = f"""
import sys
from auto_registry import AutoConfig
config = AutoConfig.from_pretrained({str(folder / "parts of configs")!r}, trust_remote_code=True)
print(type(config).__name__, config.part.kernel, sorted({{"torch", "transformers", "model_core"}} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "WideConfig (1, 2) []"


def test_generation_settings_in_a_file_break_no_load(folder, places, tmp_path):  # noqa: ARG001 - for its places
    """Version 4 has written them into every config: they are kept here, and dropped by transformers 5, as always."""
    shutil.copytree(folder / "parts of configs", tmp_path / "copy")
    path = tmp_path / "copy" / "config.json"
    settings = {"temperature": 0.3, "top_k": 50, "max_length": 77, "do_sample": False, "bad_words_ids": None}
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    ours = auto_registry.AutoConfig.from_pretrained(tmp_path / "copy", trust_remote_code=True)
    assert {name: ours.to_dict()[name] for name in settings} == settings
    theirs = transformers.AutoConfig.from_pretrained(tmp_path / "copy", trust_remote_code=True)
    assert (theirs.width, theirs.part.kernel) == (ours.width, ours.part.kernel)
    assert not settings.keys() & theirs.to_dict().keys()
    theirs.save_pretrained(tmp_path / "again")


WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("model_core", "torch", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from auto_registry import AutoModel
from hub_io import MissingRequirementsError
try:
    AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
except MissingRequirementsError as error:
    print(error.modules, str(error).partition("Run: ")[2])
print(any("modeling" in name or "configuration" in name for name in sys.modules if name.startswith("hub_io.remote.")))
"""


@pytest.mark.parametrize("written_for", ["ours", "transformers"])
def test_all_that_is_not_installed_is_named_before_anything_runs(folder, tmp_path, written_for):
    """The base classes come from a package that must be installed, too, whether they are ours or served."""
    source = tmp_path / "saved"
    shutil.copytree(folder / "parts of configs", source)
    for path in source.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name.startswith("modeling"):
            text = f"import timm\n{text}"
        if written_for == "transformers":
            text = re.sub(r"from \.pretrained_base import module(?: as (\w+))?", r"import transformers as \1", text)
            text = text.replace("from .pretrained_base", "from transformers")
        if path.name != BASE_FILE:
            path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(source)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    named = "('model_core', 'timm', 'torch') pip install pretrained-model-core timm torch"
    assert done.stdout == f"{named}\nFalse\n", done.stderr


def test_a_damaged_file_of_base_classes_is_code_like_any_other(folder, tmp_path, places):  # noqa: ARG001
    """Only the very bytes that we write are taken for it: what another file uses of transformers is listed."""
    shutil.copytree(folder / "parts of configs", tmp_path / "copy")
    with (tmp_path / "copy" / BASE_FILE).open("ab") as file:
        file.write(b"# changed\n")
    _, report = auto_registry.AutoModel.from_pretrained(
        tmp_path / "copy", trust_remote_code=True, output_loading_info=True
    )
    assert report.served_names
