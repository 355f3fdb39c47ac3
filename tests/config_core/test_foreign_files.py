"""Whose file is it? A config file of another class or library is not read as a class's own defaults."""

from __future__ import annotations

import json
import re
from typing import ClassVar

import pytest

from config_core import ConfigFileError, ForeignConfigError, PretrainedConfig


class NetConfig(PretrainedConfig):
    model_type = "foreign-net"
    attribute_map: ClassVar = {"hidden_size": "width"}
    foreign_readers: ClassVar = {"timm": "net.from_timm"}

    def __init__(self, width: int = 8, **kwargs):
        self.width = width
        super().__init__(**kwargs)


TIMM = {"architecture": "resnetaa50", "num_classes": 1000, "num_features": 2048, "pretrained_cfg": {"tag": "a1h_in1k"}}


def write(folder, values, name="config.json"):
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("values", "looks_like"),
    [
        (TIMM, "a config of timm, 'resnetaa50'"),
        (
            {"_class_name": "UNet2DModel", "_diffusers_version": "0.30", "act_fn": "silu"},
            "a config of diffusers, 'UNet2",
        ),
        ({"peft_type": "LORA", "r": 8, "base_model_name_or_path": "x"}, "the config of a PEFT adapter, 'LORA'"),
        ({"word_embedding_dimension": 384, "pooling_mode_cls_token": True}, "a config of sentence-transformers"),
        ({"max_seq_length": 256, "do_lower_case": False}, "a config of sentence-transformers"),
        ({"model_cfg": {"embed_dim": 512}}, "a config of open_clip"),
        ({"module": "keras", "class_name": "Functional", "config": {}}, "a config of Keras, 'Functional'"),
        ({"image_processor_type": "ViTImageProcessor", "do_resize": True}, "the config of an image processor"),
        ({"tokenizer_class": "BertTokenizer", "model_max_length": 512}, "the config of a tokenizer"),
        ({"processor_class": "CLIPProcessor"}, "the config of a processor, 'CLIPProcessor'"),
        ({"version": "1.0", "added_tokens": [], "pre_tokenizer": None, "model": {}}, "a tokenizer"),
        ({"metadata": {"total_size": 1}, "weight_map": {"a": "b.safetensors"}}, "the index of weight files"),
        ({"global_step": 10, "log_history": [], "epoch": 1.0}, "the state of a training"),
        ({"zero_optimization": {"stage": 2}, "fp16": {}}, "a config of DeepSpeed"),
        ({"speechbrain_interface": "EncoderClassifier"}, "a config of SpeechBrain, 'EncoderClassifier'"),
        ({"__version__": {"sentence_transformers": "3.0"}, "prompts": {}}, "a config of sentence-transformers"),
        ({"model_type": "bert", "vocab_size": 30522}, "a config with the model_type 'bert'"),
        ({"learning_rate": 0.1}, ""),
    ],
)
@pytest.mark.parametrize("read", [NetConfig.from_pretrained, NetConfig.from_json_file])
def test_a_file_of_another_library_is_refused(values, looks_like, read, tmp_path):
    """The error says what it looks like, and which keys the class does not know."""
    path = write(tmp_path, values)
    with pytest.raises(ForeignConfigError) as caught:
        read(path)
    assert isinstance(caught.value, ConfigFileError)
    assert caught.value.path == path
    assert caught.value.looks_like.startswith(looks_like)
    assert set(caught.value.unknown) <= values.keys()
    assert caught.value.unknown
    assert looks_like.removeprefix("a config with the ") in str(caught.value)
    assert str(caught.value).count("model_type 'bert'") <= 1


def test_the_class_names_what_reads_the_file(tmp_path):
    """A class knows which libraries' files its package can read."""
    write(tmp_path, TIMM)
    with pytest.raises(ForeignConfigError, match=r"net\.from_timm reads it"):
        NetConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"width": 3},
        {"hidden_size": 3, "num_labels": 4, "torch_dtype": "float32"},
        {"width": 3, "transformers_version": "4.30", "_name_or_path": "x"},
        {"width": 3, "newer": 1, "model_type": "foreign-net"},
        {"width": 3, "newer": 1, "auto_map": {"AutoConfig": "configuration_net.NetConfig"}},
        {"width": 3, "newer": 1, "architectures": ["NetForImageClassification"]},
    ],
)
def test_a_file_that_may_be_the_classs_own_is_read(values, tmp_path):
    """It names the class, or it has only keys that the class knows."""
    write(tmp_path, values)
    config = NetConfig.from_pretrained(tmp_path)
    assert config.width == values.get("width", values.get("hidden_size", 8))


@pytest.mark.parametrize(
    "claim",
    [
        {"auto_map": {"AutoConfig": "configuration_x.OtherConfig"}},
        {"architectures": ["BertModel"]},
        {"architectures": "NetModel"},
        {"auto_map": {"AutoConfig": ["NetConfig", None]}},
    ],
)
def test_a_file_that_names_another_class_is_refused(claim, tmp_path):
    """A claim for somebody else is none for the class that reads it."""
    write(tmp_path, {"width": 3, "newer": 1, **claim})
    with pytest.raises(ForeignConfigError, match="'newer'"):
        NetConfig.from_pretrained(tmp_path)


def test_a_class_for_files_of_any_kind_reads_them(tmp_path):
    """It has no model_type, so no file is foreign to it."""
    write(tmp_path, TIMM)
    assert PretrainedConfig.from_pretrained(tmp_path).architecture == "resnetaa50"


def test_a_dict_is_whose_the_caller_says():
    """from_dict is told the values, not a place."""
    assert NetConfig.from_dict({"newer": 1}).newer == 1


def test_a_file_that_holds_the_config_as_a_part_says_where(tmp_path):
    """As the file of a composite model does for the config of its encoder."""
    write(tmp_path, {"model_type": "whole", "vision_config": {"model_type": "foreign-net", "width": 3}})
    call = "NetConfig.from_dict(NetConfig.get_config_dict(...)[0]['vision_config'])"
    with pytest.raises(ForeignConfigError, match=f"Its 'vision_config' is one: {re.escape(call)}"):
        NetConfig.from_pretrained(tmp_path)
    assert NetConfig.from_dict(NetConfig.get_config_dict(tmp_path)[0]["vision_config"]).width == 3


def test_keys_that_an_upgrade_reads_are_known(tmp_path):
    """A file of an old version may have neither the model_type nor the present names."""

    class OldConfig(NetConfig):
        model_type = "foreign-old"

        @classmethod
        def upgrade(cls, values):
            if "size" in values:
                values["width"] = values.pop("size")
            return values

    write(tmp_path, {"size": 5})
    assert OldConfig.from_pretrained(tmp_path).width == 5


class TextConfig(PretrainedConfig):
    model_type = "foreign-text"

    width: int = 8


class HandWrittenConfig(PretrainedConfig):
    model_type = "foreign-hand-written"

    def __init__(self, text=None, **kwargs):
        self.text = TextConfig(**(text or {}))
        super().__init__(**kwargs)


def test_a_warning_about_another_model_type_names_the_file(tmp_path):
    """At the root, and in a part that `__init__` makes, whose class it names."""
    path = write(tmp_path, {"model_type": "other"})
    with pytest.warns(UserWarning, match=rf"^{re.escape(str(path))}: .*'other', but HandWrittenConfig is for"):
        HandWrittenConfig.from_pretrained(path)
    path = write(tmp_path, {"model_type": "foreign-hand-written", "text": {"model_type": "clip", "width": 3}})
    with pytest.warns(UserWarning, match=rf"^{re.escape(str(path))}: .*'clip', but TextConfig is for"):
        assert HandWrittenConfig.from_pretrained(path).text.width == 3
