"""Settings of rotary position embeddings in configs that were written for transformers."""

from __future__ import annotations

import copy

import pytest

from config_core.transformers_names import PretrainedConfig, rope_config_validation


class BodyConfig(PretrainedConfig):
    """In the style of version 5: fields in the body."""

    model_type = "rope-body"
    default_theta = 500.0

    layers: int = 2
    max_position_embeddings: int = 32
    layer_types: list[str] | None = None
    rope_parameters: dict | None = None


class InitConfig(PretrainedConfig):
    """In the style of version 4: an `__init__`, and fields that were merged since."""

    model_type = "rope-init"

    def __init__(self, rope_theta=10.0, rope_scaling=None, **kwargs):
        self.rope_theta = rope_theta
        self.rope_scaling = rope_scaling
        rope_config_validation(self)
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"rope_theta": 500.0, "rope_type": "default"}),
        ({"rope_theta": 7.0}, {"rope_theta": 7.0, "rope_type": "default"}),
        ({"rope_parameters": {"rope_theta": 3.0}}, {"rope_theta": 3.0, "rope_type": "default"}),
        (
            {"rope_scaling": {"type": "linear", "factor": 2.0}, "partial_rotary_factor": 0.5},
            {
                "rope_theta": 500.0, "rope_type": "linear", "type": "linear", "factor": 2.0,
                "partial_rotary_factor": 0.5,
            },
        ),
        (
            {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}},
            {"rope_theta": 500.0, "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 32},
        ),
        (
            {"layer_types": ["full", "near"], "rope_parameters": {"full": {"rope_theta": 1.0}, "near": None}},
            {"full": {"rope_theta": 1.0, "rope_type": "default"}, "near": None},
        ),
    ],
)  # fmt: skip
def test_rope_parameters_are_completed(given, expected, tmp_path):
    """From the defaults, and from the fields of older files; a saved config has the same ones."""
    config = BodyConfig(**given)
    assert config.rope_parameters == expected
    assert not hasattr(config, "rope_theta")
    config.save_pretrained(tmp_path)
    assert BodyConfig.from_pretrained(tmp_path) == config


@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling"])
def test_settings_of_the_caller_stay_as_they_are(name):
    """Configs of several classes may be made of one dict, each with the defaults of its class."""
    settings = {"full": {"rope_type": "yarn", "factor": 2.0}, "near": None}
    given = copy.deepcopy(settings)
    assert BodyConfig(layer_types=["full", "near"], **{name: given}).rope_parameters["full"]["rope_theta"] == 500.0
    assert given == settings


def test_config_with_the_older_fields_keeps_them():
    """It gets no field that its author does not know."""
    config = InitConfig(rope_scaling={"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]})
    assert not hasattr(config, "rope_parameters")
    assert config.rope_scaling["rope_type"] == "longrope"
    assert InitConfig().rope_scaling is None


def test_class_with_a_property_of_that_name_keeps_the_older_fields():
    """Its author makes the settings of them."""

    class PropertyConfig(PretrainedConfig):
        model_type = "rope-property"

        @property
        def rope_parameters(self):
            return {"rope_theta": self.rope_theta}

    assert PropertyConfig(rope_theta=7.0).rope_parameters == {"rope_theta": 7.0}


@pytest.mark.parametrize("kind", ["linear", "dynamic", "yarn", "longrope", "llama3"])
def test_settings_that_a_kind_needs_are_checked(kind):
    """As a KeyError, which is what transformers raises."""
    with pytest.raises(KeyError, match=f"of type '{kind}' need "):
        InitConfig(rope_scaling={"rope_type": kind})


def test_attention_that_is_set_before_the_base_class_is_not_kept():
    """The base class of transformers resets it; what the caller or a file names counts, and is no field of its own."""

    class EarlyConfig(PretrainedConfig):
        model_type = "early-attention"

        def __init__(self, **kwargs):
            self._attn_implementation = "flash_attention_2"
            super().__init__(**kwargs)

    assert EarlyConfig()._attn_implementation == "eager"
    config = EarlyConfig(attn_implementation="sdpa")
    assert config._attn_implementation == "sdpa"
    assert not hasattr(config, "attn_implementation")


def test_keys_that_a_class_leaves_unchecked_are_in_no_file():
    """`ignore_keys_at_rope_validation` is for the check alone; transformers would refuse it in a file."""

    class OwnKeysConfig(BodyConfig):
        def __post_init__(self, **kwargs):
            super().__post_init__(ignore_keys_at_rope_validation={"near"}, **kwargs)

    assert "ignore_keys_at_rope_validation" not in OwnKeysConfig().to_dict()
