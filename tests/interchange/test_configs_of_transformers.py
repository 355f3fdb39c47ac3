"""Configs of transformers as parts of configs here, for models that are built around one of its models."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from config_core import ConfigValidationError, PretrainedConfig

pytest.importorskip("transformers", reason="needs the dependency group `peers`")
from transformers import BertConfig, CLIPConfig, ViTConfig


class CaptionConfig(PretrainedConfig):
    """Parts whose annotations name their classes."""

    model_type = "caption_with_transformers"

    encoder: ViTConfig | BertConfig | None = None
    decoders: list[BertConfig] = []  # noqa: RUF012 - each config has its own


class ByHandConfig(PretrainedConfig):
    """A part that `__init__` makes of a dict."""

    model_type = "by_hand_with_transformers"

    def __init__(self, text=None, **kwargs):
        self.text = BertConfig(**text) if isinstance(text, dict) else text or BertConfig()
        self.width = self.text.hidden_size
        super().__init__(**kwargs)


class SubConfigsConfig(PretrainedConfig):
    """A part that `sub_configs` names."""

    model_type = "sub_configs_with_transformers"
    sub_configs = {"text": BertConfig}  # noqa: RUF012 - as authors write it

    def __init__(self, text=None, **kwargs):
        self.text = text
        super().__init__(**kwargs)


def config_of(cls):
    """Return a config of a class with parts that differ from the defaults."""
    if cls is CaptionConfig:
        names = {0: "cat", 1: "dog", 2: "cow"}
        return cls(encoder=BertConfig(hidden_size=24, id2label=names), decoders=[BertConfig(hidden_size=12)])
    return cls(text=BertConfig(hidden_size=24))


@pytest.mark.parametrize("cls", [CaptionConfig, ByHandConfig, SubConfigsConfig])
def test_part_comes_back_as_it_was(tmp_path, cls):
    """Its class is that of transformers, and its values are those that it had."""
    config = config_of(cls)
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert loaded == config
    part = loaded.encoder if cls is CaptionConfig else loaded.text
    assert type(part) is BertConfig
    assert part.hidden_size == 24


def test_model_type_chooses_the_class_of_a_part(tmp_path):
    """The first class that an annotation names is that of a part without a model_type only."""
    CaptionConfig(encoder=BertConfig()).save_pretrained(tmp_path)
    assert type(CaptionConfig.from_pretrained(tmp_path).encoder) is BertConfig
    assert type(CaptionConfig(encoder={"hidden_size": 8}).encoder) is ViTConfig


@pytest.mark.parametrize("cls", [ByHandConfig, SubConfigsConfig])
def test_dict_changes_the_fields_of_a_part_that_it_names(tmp_path, cls):
    """The other fields stay, in a load and in an update."""
    cls(text=BertConfig(hidden_size=24, num_hidden_layers=3)).save_pretrained(tmp_path)
    config = cls.from_pretrained(tmp_path, text={"hidden_size": 36})
    assert (config.text.hidden_size, config.text.num_hidden_layers) == (36, 3)
    config.update({"text": {"num_hidden_layers": 5}})
    assert (config.text.hidden_size, config.text.num_hidden_layers) == (36, 5)


def test_dict_changes_the_parts_of_a_part_as_well(tmp_path):
    """At any depth."""

    class NestedConfig(PretrainedConfig):
        clip: CLIPConfig | None = None

    NestedConfig(clip=CLIPConfig(text_config={"hidden_size": 16}, projection_dim=7)).save_pretrained(tmp_path)
    clip = NestedConfig.from_pretrained(tmp_path, clip={"text_config": {"num_hidden_layers": 3}}).clip
    assert (clip.text_config.hidden_size, clip.text_config.num_hidden_layers, clip.projection_dim) == (16, 3, 7)


def test_field_that_is_computed_of_a_part_is_computed_again(tmp_path):
    """It follows an override of the part."""
    ByHandConfig(text=BertConfig(hidden_size=24)).save_pretrained(tmp_path)
    assert ByHandConfig.from_pretrained(tmp_path, text={"hidden_size": 36}).width == 36


def test_sub_config_that_is_not_given_has_its_defaults():
    """As it is with configs of this package."""
    assert SubConfigsConfig().text.to_dict() == BertConfig().to_dict()


def test_part_that_nothing_restores_is_refused_by_the_save(tmp_path):
    """The error says how to annotate the field."""

    class PlainConfig(PretrainedConfig):
        def __init__(self, text=None, **kwargs):
            self.text = text
            super().__init__(**kwargs)

    with pytest.raises(ConfigValidationError, match=r"\.text: .* such as transformers\.BertConfig after"):
        PlainConfig(text=BertConfig()).save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (PretrainedConfig | None, BertConfig(), r"expected PretrainedConfig or None, got transformers\.BertConfig"),
        (BertConfig | None, ViTConfig(), r"expected BertConfig or None, got transformers\.ViTConfig"),
        (BertConfig | None, {"model_type": "gpt2"}, r"expected model_type 'bert', got 'gpt2'"),
        (BertConfig | None, 3, r"expected BertConfig or None, got int 3"),
    ],
)
def test_value_that_does_not_fit_is_named(annotation, value, problem):
    """Both libraries call their base class PretrainedConfig, so the error says whose a config is."""

    class PartConfig(PretrainedConfig):
        part: annotation = None

    with pytest.raises(ConfigValidationError, match=rf"PartConfig\.part: {problem}"):
        PartConfig(part=value)


def test_schema_leaves_the_fields_of_a_part_to_transformers():
    """A config of transformers is any object there."""
    choices = CaptionConfig.json_schema()["properties"]["encoder"]["anyOf"]
    assert choices == [{"type": "object"}, {"type": "object"}, {"type": "null"}]


CODE = """
from config_core import PretrainedConfig
from transformers import BertConfig, ViTConfig


class MixedConfig(PretrainedConfig):
    model_type = "mixed_with_transformers"

    part: ViTConfig | BertConfig | None = None
    parts: list[BertConfig] = []
"""
LOADING = """
import json
from transformers import AutoConfig

config = AutoConfig.from_pretrained("saved", trust_remote_code=True)
config.save_pretrained("again")
again = AutoConfig.from_pretrained("again", trust_remote_code=True)
parts = [part for each in (config, again) for part in (each.part, *each.parts)]
print(json.dumps([[type(part).__name__, part.hidden_size] for part in parts]))
"""


def test_transformers_restores_the_parts_as_well(tmp_path, monkeypatch):
    """With the code that was saved, also from what transformers has saved again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    (tmp_path / "mixed_with_transformers.py").write_text(CODE, encoding="utf-8")
    cls = importlib.import_module("mixed_with_transformers").MixedConfig
    cls.register_for_auto_class()
    cls(part=BertConfig(hidden_size=24), parts=[BertConfig(hidden_size=12)]).save_pretrained("saved")
    (tmp_path / "mixed_with_transformers.py").unlink()
    result = subprocess.run([sys.executable, "-c", LOADING], check=True, capture_output=True, text=True)
    assert json.loads(result.stdout.splitlines()[-1]) == [["BertConfig", 24], ["BertConfig", 12]] * 2
