"""Configs of transformers 5 whose `sub_configs_defaults` say what parts they have are equal here and there."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

import transformers_stock
from auto_registry import AutoConfig

pytest.importorskip("transformers", reason="compares with it; needs the dependency group `peers`")

CODE = Path(transformers_stock.__file__).parent / "repositories" / "parts_by_spec" / "configuration_captioner.py"
GIVEN = [
    {},
    {"vision_config": None, "audio_config": None},
    {"vision_config": {"patch_size": 2}},
    {"vision_config": {"model_type": "stock_captioner_audio", "num_heads": 1}},
    {"text_config": {"hidden_size": 5, "tie_word_embeddings": True, "model_type": "of an older file"}},
    {"audio_config": {}, "projection_dim": 3},
]


@pytest.fixture(scope="module")
def there():
    """The class as transformers makes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CODE.parent.parent))
        return importlib.import_module("parts_by_spec.configuration_captioner").CaptionerConfig


@pytest.fixture
def folder_of(tmp_path, monkeypatch):
    """Returns a checkpoint with values in its config.json; nobody has trusted its code."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))

    def write(values):
        folder = tmp_path / "checkpoint"
        folder.mkdir()
        shutil.copy(CODE, folder)
        values = {
            **values,
            "model_type": "stock_captioner",
            "auto_map": {"AutoConfig": f"{CODE.stem}.CaptionerConfig"},
        }
        (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
        return folder

    return write


def assert_equal(here, there):
    """Both are of classes of the same name, and what one writes is what the other has, at every depth."""
    assert type(here).__name__ == type(there).__name__
    values = there.to_dict()
    for name, value in here.to_dict().items():
        if hasattr(getattr(there, name, None), "model_type"):
            assert_equal(getattr(here, name), getattr(there, name))
        elif name not in {"transformers_version", "_computed_fields"}:
            assert (name, value) == (name, values[name])


@pytest.mark.parametrize("given", GIVEN)
def test_the_same_file_gives_the_same_config(given, folder_of, there):
    """Parts that are given in part, as nothing, or not at all."""
    folder = folder_of(given)
    here = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert_equal(here, there.from_pretrained(folder))
    assert_equal(type(here)(**given), there(**given))


@pytest.mark.parametrize("given", GIVEN)
def test_what_either_saves_the_other_loads(given, folder_of, there, tmp_path):
    """As it was."""
    here = AutoConfig.from_pretrained(folder_of(given), trust_remote_code=True)
    here.save_pretrained(tmp_path / "here")
    there(**given).save_pretrained(tmp_path / "there")
    assert_equal(here, there.from_pretrained(tmp_path / "here"))
    assert type(here).from_pretrained(tmp_path / "here") == here
    assert_equal(type(here).from_pretrained(tmp_path / "there"), there(**given))


@pytest.mark.parametrize("given", GIVEN)
def test_a_dict_changes_a_part(given, folder_of, there):
    """In a load and in an update; what it does not name stays."""
    folder = folder_of(given)
    change = {"vision_config": {"patch_size": 8}, "text_config": {"dropout": 0.5}}
    here = AutoConfig.from_pretrained(folder, trust_remote_code=True, **change)
    assert_equal(here, there.from_pretrained(folder, **change))
    updated = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    updated.update(change)
    assert updated == here


def test_a_config_is_a_part_as_it_is(folder_of, there):
    """It is not copied."""
    cls = type(AutoConfig.from_pretrained(folder_of({}), trust_remote_code=True))
    part = type(cls().vision_config)(patch_size=1)
    assert cls(vision_config=part).vision_config is part
    assert_equal(cls(vision_config=part), there(vision_config=type(there().vision_config)(patch_size=1)))
