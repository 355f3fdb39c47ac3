"""Parts of a config: configs in fields, of a class that the annotation names or that their model_type names."""

from __future__ import annotations

from typing import ClassVar

import pytest

from config_core import ConfigDefinitionError, ConfigValidationError, PretrainedConfig


class ImageConfig(PretrainedConfig):
    model_type = "image"

    def __init__(self, width: int = 4, **kwargs):
        self.width = width
        super().__init__(**kwargs)


class TextConfig(PretrainedConfig):
    model_type = "text"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        super().__init__(**kwargs)


class OwnFinder:
    """What AutoConfig is to this package: a class that finds config classes."""

    @classmethod
    def config_class_for(cls, model_type):
        return {"image": ImageConfig, "text": TextConfig}.get(model_type)


class AnyConfig(PretrainedConfig):
    model_type = "any"
    sub_configs: ClassVar = {"encoder": OwnFinder}

    def __init__(
        self,
        encoder=None,
        parts: list[ImageConfig | TextConfig] = [],  # noqa: B006
        named: dict[str, ImageConfig] = {},  # noqa: B006
        **kwargs,
    ):
        self.encoder = encoder
        self.parts = parts
        self.named = named
        super().__init__(**kwargs)


@pytest.mark.parametrize("part", [ImageConfig(width=5), TextConfig(depth=6)])
def test_a_part_is_of_the_class_that_is_found(part, tmp_path):
    """Through a file, through a dict, and by an override that changes one of its fields."""
    config = AnyConfig(encoder=part)
    config.save_pretrained(tmp_path)
    for loaded in (AnyConfig.from_pretrained(tmp_path), AnyConfig.from_dict(config.to_dict())):
        assert type(loaded.encoder) is type(part)
        assert loaded == config
    assert AnyConfig(encoder=part.to_dict()) == config


def test_an_override_changes_a_field_of_a_part_of_any_class(tmp_path):
    """The class of the part is that of the file."""
    AnyConfig(encoder=TextConfig(depth=6)).save_pretrained(tmp_path)
    assert AnyConfig.from_pretrained(tmp_path, encoder={"output_attentions": True}).encoder == TextConfig(
        depth=6, output_attentions=True
    )


def test_a_part_of_any_class_may_be_none(tmp_path):
    """There is no class to make one of."""
    AnyConfig().save_pretrained(tmp_path)
    assert AnyConfig.from_pretrained(tmp_path).encoder is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": {"model_type": "sound"}}, r"AnyConfig.encoder: no config class is known for model_type 'sound'"),
        ({"encoder": {"width": 3}}, r"AnyConfig.encoder: expected a 'model_type'"),
        ({"encoder": {"model_type": 3}}, r"AnyConfig.encoder: expected text as model_type, got 3"),
        ({"encoder": 3}, r"AnyConfig.encoder: expected OwnFinder or a dict, got int 3"),
        ({"parts": [{}, {"model_type": "sound"}]}, r"AnyConfig.parts\[1\]: expected model_type 'image' or 'text', got"),
        ({"parts": [{"model_type": "text", "depth": "x"}]}, r"AnyConfig.parts\[0\].depth: expected int, got str 'x'"),
        (
            {"named": {"a": {"model_type": "sound"}}},
            r"AnyConfig.named\['a'\]: expected model_type 'image', got",
        ),
        ({"named": {"a": TextConfig()}}, r"AnyConfig.named\['a'\]: expected ImageConfig, got TextConfig"),
    ],
)
@pytest.mark.parametrize("make", [AnyConfig.from_dict, lambda values: AnyConfig(**values)], ids=["loaded", "made"])
def test_a_part_of_a_class_that_does_not_fit_is_refused(values, message, make):
    """It is never read as another class."""
    with pytest.raises(ConfigValidationError, match=message):
        make(values)


@pytest.mark.parametrize("sub_configs", [{"part": int}, {"part": "AutoConfig"}, {3: ImageConfig}, [ImageConfig]])
def test_a_part_that_cannot_be_made_is_refused_with_the_class(sub_configs):
    """And not when the first file is read."""
    with pytest.raises(ConfigDefinitionError, match=r"Whole.sub_configs must map names of fields to subclasses of"):
        type("Whole", (PretrainedConfig,), {"sub_configs": sub_configs})


class OpenConfig(PretrainedConfig):
    """Parts whose classes only this module knows."""

    model_type = "open"

    def __init__(self, part: PretrainedConfig | None = None, parts: list[PretrainedConfig] = [], **kwargs):  # noqa: B006
        self.part = part
        self.parts = parts
        super().__init__(**kwargs)


class LowerConfig(TextConfig):
    """It inherits its model_type, and is not what that names."""


def test_a_part_may_be_of_a_class_beside_that_of_the_whole(tmp_path):
    """The module of the class that has the part defines or imports it; nobody has to register it."""
    config = OpenConfig(part=ImageConfig(width=5), parts=[TextConfig(depth=6), ImageConfig()])
    config.save_pretrained(tmp_path)
    for loaded in (OpenConfig.from_pretrained(tmp_path), OpenConfig.from_dict(config.to_dict())):
        assert loaded == config
        assert [type(part) for part in (loaded.part, *loaded.parts)] == [ImageConfig, TextConfig, ImageConfig]
    assert OpenConfig.from_pretrained(tmp_path, part={"width": 7}).part == ImageConfig(width=7)


def test_a_class_beside_that_of_the_whole_counts_if_there_is_one():
    """Of two that name the same model_type, neither is taken."""

    class Twin(PretrainedConfig):
        model_type = "image"

    globals()["Twin"] = Twin
    try:
        with pytest.raises(ConfigValidationError, match=r"OpenConfig.part: no config class is known for .*'image'"):
            OpenConfig(part={"model_type": "image"})
    finally:
        del globals()["Twin"]


def test_a_class_beside_that_of_a_part_is_not_one_of_the_whole():
    """Only the module of the class that has the part is looked at."""
    foreign = type("Foreign", (PretrainedConfig,), {"model_type": "far", "__module__": "config_core.errors"})
    with pytest.raises(ConfigValidationError, match="no config class is known for model_type 'far'"):
        OpenConfig(part=foreign().to_dict())


class ForgetfulConfig(PretrainedConfig):
    model_type = "parts-forgetful"

    width: int = 1

    @classmethod
    def from_dict(cls, config_dict, **overrides):
        super().from_dict(config_dict, **overrides)


class HolderConfig(PretrainedConfig):
    model_type = "parts-holder"

    part: ForgetfulConfig | None = None


@pytest.mark.parametrize("cls", [ForgetfulConfig, HolderConfig])
@pytest.mark.parametrize("overrides", [{}, {"return_unused_kwargs": True}])
def test_a_from_dict_that_returns_no_config_is_said(cls, overrides, tmp_path):
    """A forgotten `return` would be a part that is None without a word."""
    values = f'{{"model_type": "{cls.model_type}", "part": {{"width": 2}}}}'
    (tmp_path / "config.json").write_text(values, encoding="utf-8")
    with pytest.raises(ConfigDefinitionError, match=r"ForgetfulConfig\.from_dict must return a config, got None\."):
        cls.from_pretrained(tmp_path, **overrides)
    with pytest.raises(ConfigDefinitionError, match="must return a config"):
        HolderConfig(part={"width": 2})
