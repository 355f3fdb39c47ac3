"""ResnetConfig: the guide's fields and those that make timm's family expressible, checked before anything is built."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from config_core import ConfigError, ConfigValidationError
from resnet import ResnetConfig


def test_defaults_are_the_guides():
    """A config made of nothing is the guide's ResNet-50 with 1,000 classes."""
    config = ResnetConfig()
    assert (config.block_type, config.layers, config.num_classes) == ("bottleneck", (3, 4, 6, 3), 1000)
    assert (config.input_channels, config.cardinality, config.base_width) == (3, 1, 64)
    assert (config.stem_width, config.stem_type, config.avg_down) == (64, "", False)


def test_guides_fields_keep_their_places():
    """The guide's signature can be called by position."""
    config = ResnetConfig("basic", [1, 2, 3, 4], 10, 1, 1, 64, 32, "deep", True)
    assert (config.layers, config.stem_width, config.avg_down) == ((1, 2, 3, 4), 32, True)


def test_lists_are_kept_as_tuples():
    """No two configs share a list, and none changes behind its owner's back."""
    layers = [1, 1, 1, 1]
    config = ResnetConfig(layers=layers, channels=[8, 16, 32, 64])
    layers[0] = 9
    assert (config.layers, config.channels) == ((1, 1, 1, 1), (8, 16, 32, 64))


def test_every_field_survives_the_file(tmp_path):
    """Saved and loaded, a config that differs from the defaults in every field is equal."""
    config = ResnetConfig(
        block_type=["bottleneck", "bottleneck", "bottleneck", "bottleneck"],
        layers=(1, 2, 1, 2),
        num_classes=7,
        input_channels=1,
        cardinality=2,
        base_width=32,
        stem_width=128,
        stem_type="deep-tiered",
        avg_down=True,
        channels=(64, 64, 128, 192),
        output_stride=8,
        replace_stem_pool=True,
        block_reduce_first=2,
        down_kernel_size=3,
        act_layer="silu",
        norm_layer="groupnorm",
        aa_layer="blur",
        attn_layer="se",
        attn_rd_ratio=0.25,
        drop_rate=0.1,
        drop_path_rate=0.2,
        drop_block_rate=0.3,
    )
    config.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    defaults = ResnetConfig().to_dict()
    assert [name for name, value in saved.items() if name != "model_type" and value == defaults[name]] == []
    assert ResnetConfig.from_pretrained(tmp_path) == config


def test_num_labels_is_num_classes():
    """The number of classes has two names and one value, however it is given."""
    assigned = ResnetConfig()
    assigned.num_labels = 3
    names = {0: "cat", 1: "dog", 2: "owl"}
    for config in (ResnetConfig(num_classes=3), ResnetConfig(num_labels=3), ResnetConfig(id2label=names), assigned):
        assert (config.num_classes, config.num_labels, len(config.id2label)) == (3, 3, 3)


def test_file_holds_the_number_of_classes_once():
    """Under the field's own name: two could disagree."""
    values = ResnetConfig(num_labels=10).to_dict()
    assert values["num_classes"] == 10
    assert "num_labels" not in values


def test_two_numbers_of_classes_are_refused():
    """What contradicts itself is not settled silently."""
    with pytest.raises(ConfigError, match="num_labels"):
        ResnetConfig(num_classes=10, num_labels=2)
    with pytest.raises(ConfigError, match="num_classes"):
        ResnetConfig(num_classes=10, id2label={0: "cat", 1: "dog"})


def test_block_types_are_one_a_stage():
    """A single kind stands for all four stages."""
    mixed = ["basic", "basic", "bottleneck", "basic"]
    assert ResnetConfig(block_type="basic").block_types == ("basic",) * 4
    assert ResnetConfig(block_type=mixed).block_types == tuple(mixed)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"block_type": "basik"}, "block_type"),
        ({"block_type": ["basic", "basic", "basic", "plain"]}, "block_type"),
        ({"block_type": ["basic", "bottleneck"]}, "block_type"),
        ({"layers": [3, 4, 6]}, "layers"),
        ({"layers": [3, 4, 0, 3]}, "layers[2]"),
        ({"layers": [3, 4, "6", 3]}, "layers[2]"),
        ({"channels": [64, -1, 256, 512]}, "channels[1]"),
        ({"num_classes": -1}, "num_classes"),
        ({"num_classes": 2.5}, "num_classes"),
        ({"input_channels": 0}, "input_channels"),
        ({"stem_width": True}, "stem_width"),
        ({"stem_type": "deep_tiered"}, "stem_type"),
        ({"stem_type": "deep-tiered", "stem_width": 3}, "stem_width"),
        ({"avg_down": "yes"}, "avg_down"),
        ({"output_stride": 4}, "output_stride"),
        ({"block_reduce_first": 0}, "block_reduce_first"),
        ({"channels": [4, 8, 16, 32], "block_reduce_first": 8}, "channels[0]"),
        ({"base_width": 1, "channels": [32, 64, 64, 64]}, "channels[0]"),
        ({"down_kernel_size": 5}, "down_kernel_size"),
        ({"act_layer": "ReLU"}, "act_layer"),
        ({"norm_layer": "layernorm"}, "norm_layer"),
        ({"aa_layer": "max"}, "aa_layer"),
        ({"attn_layer": "self"}, "attn_layer"),
        ({"attn_rd_ratio": 0.25}, "attn_rd_ratio"),
        ({"attn_layer": "se", "attn_rd_ratio": 0.0}, "attn_rd_ratio"),
        ({"drop_rate": 1.0}, "drop_rate"),
        ({"drop_path_rate": -0.1}, "drop_path_rate"),
        ({"drop_block_rate": float("nan")}, "drop_block_rate"),
        ({"block_type": "basic", "cardinality": 32}, "block_type"),
        ({"layers": [1, 1, 1, 1_001]}, "layers[3]"),
        ({"channels": [64, 64, 64, 65_537]}, "channels[3]"),
        ({"num_classes": 2**24 + 1}, "num_classes"),
        ({"input_channels": 10**30}, "input_channels"),
        ({"norm_layer": "groupnorm", "channels": [64, 65, 64, 64]}, "channels[1]"),
        ({"norm_layer": "groupnorm", "block_reduce_first": 4, "channels": [64, 64, 64, 64]}, "channels[0]"),
        ({"norm_layer": "groupnorm", "stem_type": "deep", "stem_width": 40}, "stem_width"),
        ({"norm_layer": "groupnorm", "stem_type": "deep-tiered", "stem_width": 32}, "stem_width"),
        ({"cardinality": 3, "block_reduce_first": 5}, "block_reduce_first"),
        ({"block_type": ["bottleneck", "basic", "basic", "basic"], "base_width": 128}, "block_type"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_wrong_value_is_refused_by_name(fields, named):
    """The error is a ValueError that names the field, and the place in it."""
    with pytest.raises(ConfigError) as refused:
        ResnetConfig(**fields)
    assert f"ResnetConfig.{named}:" in str(refused.value)


def test_wrong_type_is_a_type_error_too():
    """Callers that catch either builtin catch it."""
    with pytest.raises(ConfigValidationError) as refused:
        ResnetConfig(layers="3463")
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, TypeError)


def test_wrong_change_is_refused_before_it_is_saved(tmp_path):
    """An attribute that was assigned is checked as well, and nothing is written."""
    config = ResnetConfig()
    config.stem_type = "shallow"
    with pytest.raises(ConfigError, match="stem_type"):
        config.save_pretrained(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_config_needs_neither_torch_nor_timm():
    """A program that only reads configs pays for no framework."""
    program = (
        "import sys; from resnet import ResnetConfig; ResnetConfig(); import resnet.configuration_resnet;"
        "print(sorted({'torch', 'timm', 'numpy', 'model_core'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
