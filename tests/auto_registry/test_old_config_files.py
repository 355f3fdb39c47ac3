"""Old config files through `AutoConfig`: it sees the file, and calls the methods, that the config class itself does."""

from __future__ import annotations

import json

from auto_registry import AutoConfig, Registry
from config_core import PretrainedConfig


class UpgradedConfig(PretrainedConfig):
    model_type = "auto-upgraded"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    @classmethod
    def upgrade(cls, values):
        return {"width" if name == "size" else name: value for name, value in values.items()}


class OwnFromDictConfig(UpgradedConfig):
    model_type = "auto-own"

    @classmethod
    def from_dict(cls, values, **kwargs):
        return super().from_dict({**values, "width": values["size"] + 1}, **kwargs)

    @classmethod
    def upgrade(cls, values):
        values.pop("size", None)
        return values


def load(folder, **overrides):
    """Load a config with a registry that knows the classes."""
    registry = Registry()
    for cls in (UpgradedConfig, OwnFromDictConfig):
        AutoConfig.register(cls.model_type, cls, registry=registry)
    return AutoConfig.from_pretrained(folder, registry=registry, **overrides)


def write(folder, values, name="config.json"):
    (folder / name).write_text(json.dumps(values), encoding="utf-8")


def test_an_upgrade_of_the_class_is_called(tmp_path):
    """The Auto class finds the class by the model_type of the file as it is."""
    write(tmp_path, {"model_type": "auto-upgraded", "size": 3})
    assert load(tmp_path) == UpgradedConfig(3)
    assert load(tmp_path, width=4) == UpgradedConfig(4)


def test_a_from_dict_of_the_class_is_called(tmp_path):
    """With overrides and unused keywords passed on."""
    write(tmp_path, {"model_type": "auto-own", "size": 3})
    assert load(tmp_path).width == 4
    config, unused = load(tmp_path, num_labels=5, colour=1, return_unused_kwargs=True)
    assert (config.width, config.num_labels, unused) == (4, 5, {"colour": 1})


def test_the_file_for_this_version_of_transformers_names_the_class(tmp_path):
    """Class and values come from the same file: the listed one."""
    write(tmp_path, {"model_type": "no-class", "configuration_files": ["config.4.0.0.json", "config.99.0.json"]})
    write(tmp_path, {"model_type": "auto-upgraded", "width": 4}, "config.4.0.0.json")
    write(tmp_path, {"model_type": "no-class"}, "config.99.0.json")
    assert load(tmp_path) == UpgradedConfig(4)
