"""`sub_configs_defaults` of transformers 5: what parts a config makes by itself."""

from __future__ import annotations

from typing import ClassVar

import pytest

from config_core.transformers_names import (
    PretrainedConfig,
    SubConfigSpec,
    consolidate_backbone_kwargs_to_config,
)


class ViewConfig(PretrainedConfig):
    model_type = "spec-view"

    width: int = 4
    height: int = 1
    double: int | None = None

    def __post_init__(self, **kwargs):
        if self.double is None:
            self.double = 2 * self.width
        super().__post_init__(**kwargs)


class AnyFinder:
    """What AutoConfig is to this package: a class that finds config classes."""

    @classmethod
    def config_class_for(cls, model_type):  # noqa: ARG003 - the module of the config has them
        return None


class BothConfig(PretrainedConfig):
    model_type = "spec-both"
    sub_configs_defaults: ClassVar = {
        "view": SubConfigSpec(AnyFinder, model_type="spec-view", init_kwargs={"width": 6}),
        "second": SubConfigSpec(ViewConfig, optional=True),
        "backbone_config": SubConfigSpec(AnyFinder, model_type="spec-view", init_kwargs={"width": 8}),
    }

    view: dict | PretrainedConfig | None = None
    second: dict | PretrainedConfig | None = None
    backbone_config: dict | PretrainedConfig | None = None
    depth: int = 1


class ByHandConfig(PretrainedConfig):
    model_type = "spec-by-hand"
    sub_configs_defaults: ClassVar = {"view": ViewConfig}

    def __init__(self, view=None, **kwargs):
        self.view = view
        super().__init__(**kwargs)


@pytest.mark.parametrize("cls", [BothConfig, ByHandConfig])
@pytest.mark.parametrize("given", [{}, {"view": None}, {"view": {"width": 3}}, {"view": ViewConfig(width=3)}])
def test_a_part_is_made_of_what_is_given(cls, given, tmp_path):
    """Of nothing, with the fields that its specification names; and it comes back from a file."""
    config = cls(**given)
    default = 6 if cls is BothConfig else 4
    assert config.view == ViewConfig(width=3 if given.get("view") else default)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config


def test_configs_share_no_list_of_a_specification():
    """Each has its own."""

    class SizesConfig(PretrainedConfig):
        model_type = "spec-sizes"

        def __init__(self, sizes=None, **kwargs):
            self.sizes = sizes
            super().__init__(**kwargs)

    class ListConfig(PretrainedConfig):
        sub_configs_defaults: ClassVar = {"part": SubConfigSpec(SizesConfig, init_kwargs={"sizes": [1]})}
        part: dict | PretrainedConfig | None = None

    ListConfig().part.sizes.append(2)
    assert ListConfig().part.sizes == [1]


def test_an_optional_part_may_be_none():
    """A part that is not optional is made."""
    assert BothConfig().second is None
    assert BothConfig(second={}).second == ViewConfig()


def test_an_alias_of_no_field_is_named_where_it_is_read():
    """The error says what the alias stands for."""

    class AliasConfig(PretrainedConfig):
        attribute_map: ClassVar = {"hidden_size": "widht", "width": "width"}
        width: int = 1

    assert not hasattr(AliasConfig(), "hidden_size")
    with pytest.raises(AttributeError, match="'hidden_size': attribute_map makes it an alias of 'widht', which"):
        AliasConfig().hidden_size  # noqa: B018 - read


@pytest.mark.parametrize("way", ["from_dict", "from_pretrained", "update"])
def test_a_dict_changes_the_part_that_a_file_leaves_out(way, tmp_path):
    """It keeps the fields of its specification, and what it computes from the changed ones is computed again."""
    (tmp_path / "config.json").write_text('{"model_type": "spec-both"}', encoding="utf-8")
    config = BothConfig()
    if way == "from_dict":
        config = BothConfig.from_dict({}, view={"height": 2}, second={"width": 5})
    elif way == "from_pretrained":
        config = BothConfig.from_pretrained(tmp_path, view={"height": 2}, second={"width": 5})
    else:
        config.update({"view": {"height": 2}, "second": {"width": 5}})
    assert (config.view.width, config.view.height) == (6, 2)
    assert config.second == ViewConfig(width=5)


def test_a_backbone_is_made_of_the_keywords_of_older_files():
    """They are no fields; the class of a model of timm is one that has to be registered."""
    assert BothConfig().backbone_config == ViewConfig(width=8)
    config = BothConfig(use_timm_backbone=False, backbone=None, backbone_config={"model_type": "spec-view"})
    assert config.backbone_config == ViewConfig()
    assert not hasattr(config, "use_timm_backbone")
    with pytest.raises(ValueError, match="no config class is known for model_type 'timm_backbone'"):
        BothConfig(backbone="resnet50")
    assert consolidate_backbone_kwargs_to_config(None, depth=3) == (None, {"depth": 3})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"model_type": "spec-unheard"}, "no config class is known for model_type 'spec-unheard'"),
        (3, "view must be a dict, a config or None, got 3"),
    ],
)
def test_a_part_that_cannot_be_made_is_an_error(given, problem):
    """Whatever the caller gives as a part."""
    with pytest.raises((ValueError, TypeError), match=problem):
        BothConfig(view=given)


def test_a_spec_of_any_class_needs_a_model_type():
    """For a part that names none."""
    with pytest.raises(ValueError, match="SubConfigSpec needs a model_type"):
        SubConfigSpec(AnyFinder)


def test_code_reads_what_a_specification_says():
    """Also where the class has named just the class of the part."""
    spec = ByHandConfig.sub_configs_defaults["view"]
    assert (spec.config_class, spec.model_type, spec.init_kwargs) == (ViewConfig, "spec-view", {})


def test_only_configs_of_version_4_tie_without_saying_so():
    """Those have an `__init__`; in version 5 no base class has this field."""
    assert ByHandConfig().tie_word_embeddings
    assert not hasattr(BothConfig(), "tie_word_embeddings")
