"""Unknown fields in a caller's dicts, at any depth: each class's own rule holds; what a file has is kept."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field

import pytest

from config_core import ConfigError, PretrainedConfig, UnknownOptionError


@dataclass
class LayerConfig(PretrainedConfig, extra="forbid"):
    model_type = "strict-layer"

    width: int = 8


@dataclass
class ImageConfig(PretrainedConfig, extra="forbid"):
    model_type = "strict-image"

    width: int = 16
    layers: list[LayerConfig] = field(default_factory=list)
    named: dict[str, LayerConfig] = field(default_factory=dict)
    last: LayerConfig | None = None


class TextConfig(PretrainedConfig):
    model_type = "strict-text"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        super().__init__(**kwargs)


class CaptionConfig(PretrainedConfig):
    """Parts declared in `sub_configs` and by an annotation; unknown fields of its own only warn."""

    model_type = "strict-caption"
    sub_configs = {"text": TextConfig}  # noqa: RUF012 - as authors write it

    def __init__(self, image: ImageConfig | None = None, text=None, beams: int = 4, **kwargs):
        self.image = image
        self.text = text
        self.beams = beams
        super().__init__(**kwargs)


class HandWrittenConfig(PretrainedConfig):
    """Parts made by hand from what `__init__` is given, as in many published classes."""

    model_type = "strict-hand-written"

    def __init__(self, image=None, **kwargs):
        self.image = image if isinstance(image, ImageConfig) else ImageConfig(**(image or {}))
        super().__init__(**kwargs)


TYPOS = [
    ({"image": {"widht": 32}}, "image.widht"),
    ({"image": {"layers": [{}, {}, {"widht": 1}]}}, "image.layers[2].widht"),
    ({"image": {"named": {"a": {"widht": 1}}}}, "image.named['a'].widht"),
    ({"image": {"last": {"widht": 1}}}, "image.last.widht"),
]


@pytest.mark.parametrize(("values", "path"), TYPOS)
def test_a_typo_in_a_part_is_an_error_with_its_path(values, path, tmp_path):
    """The class of the part forbids unknown fields, so every call that takes its dict says where the typo is."""
    CaptionConfig(image={"width": 3}).save_pretrained(tmp_path)
    calls = [
        lambda: CaptionConfig(**values),
        lambda: CaptionConfig.from_pretrained(tmp_path, **values),
        lambda: CaptionConfig.from_dict({"beams": 2}, **values),
        lambda: CaptionConfig.from_dict(values, extra="forbid"),
        lambda: CaptionConfig().update(values),
        lambda: CaptionConfig(image={}).update(values),
    ]
    for call in calls:
        with pytest.raises(UnknownOptionError) as caught:
            call()
        assert caught.value.names == (path,)
        assert "Did you mean 'width'?" in str(caught.value)


def test_a_class_that_allows_unknown_fields_warns_with_the_path(tmp_path):
    """Its own rule, at depth as at the top; the value is kept as an attribute."""
    CaptionConfig().save_pretrained(tmp_path)
    config = CaptionConfig()
    calls = [
        lambda: CaptionConfig(text={"dept": 3}),
        lambda: CaptionConfig.from_pretrained(tmp_path, text={"dept": 3}),
        lambda: CaptionConfig.from_dict({"text": {"dept": 3}}, extra="warn"),
        lambda: config.update({"text": {"dept": 3}}) or config,
    ]
    for call in calls:
        with pytest.warns(UserWarning, match=r"no field 'text\.dept'\. Did you mean 'depth'\?") as warned:
            made = call()
        assert made.text.dept == 3
        assert warned[0].filename == __file__


def test_parts_made_by_hand_are_named_by_their_path():
    """A class that makes its part in `__init__` says where the typo is, too."""
    with pytest.raises(UnknownOptionError) as caught:
        HandWrittenConfig(image={"widht": 1})
    assert caught.value.names == ("image.widht",)


def test_all_forbidden_names_are_in_one_error():
    """Two typos at different depths are corrected in one go."""
    with pytest.raises(UnknownOptionError) as caught:
        CaptionConfig(image={"widht": 1, "layers": [{"wdth": 2}]})
    assert sorted(caught.value.names) == ["image.layers[0].wdth", "image.widht"]


def test_a_file_is_read_leniently_at_any_depth(tmp_path):
    """A file of a newer version loads without a word, with overrides beside what it does not know, and survives."""
    layer = {"model_type": "strict-layer", "width": 4, "newer": 1}
    image = {"model_type": "strict-image", "layers": [layer], "last": layer, "newer": 2}
    values = {"model_type": "strict-caption", "image": image, "text": {"newer": 3}, "newest": 4}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    loads = [
        CaptionConfig.from_pretrained(tmp_path),
        CaptionConfig.from_pretrained(tmp_path, image={"width": 7}, beams=1),
        CaptionConfig.from_dict(values),
        CaptionConfig.from_dict(values, extra="keep"),
        CaptionConfig.from_json_file(tmp_path / "config.json"),
    ]
    for config in loads:
        parts = (config.image.layers[0], config.image.last, config.image, config.text)
        assert [part.newer for part in parts] == [1, 1, 2, 3]
        assert config.newest == 4
    assert loads[1].image.width == 7


def test_a_part_of_a_file_that_is_made_by_hand_is_read_leniently(tmp_path):
    """`ImageConfig(**image)` in an `__init__` gets the values of the file, newer ones included."""
    values = {"model_type": "strict-hand-written", "image": {"width": 3, "newer": 1}}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    assert HandWrittenConfig.from_pretrained(tmp_path).image.newer == 1


@pytest.mark.parametrize("extra", ["warn", "forbid"])
def test_from_dict_holds_values_that_people_write_to_one_rule(extra):
    """For a YAML file, the call decides for all classes, the root included."""
    values = {"beam": 3, "image": {"widht": 1}, "text": {"dept": 2}}
    if extra == "forbid":
        with pytest.raises(UnknownOptionError) as caught:
            CaptionConfig.from_dict(values, extra=extra)
        assert sorted(caught.value.names) == ["beam", "image.widht", "text.dept"]
        return
    with pytest.warns(UserWarning, match="has no field") as warned:
        config = CaptionConfig.from_dict(values, extra=extra)
    assert len(warned) == 3
    assert (config.beam, config.image.widht, config.text.dept) == (3, 1, 2)


def test_from_dict_refuses_another_rule():
    """The error says what is allowed."""
    with pytest.raises(UnknownOptionError, match=r"'keep', 'warn' or 'forbid', got 'ignore'"):
        CaptionConfig.from_dict({}, extra="ignore")


def test_an_update_with_a_typo_changes_nothing():
    """All or nothing, whatever the depth of the typo."""
    config = CaptionConfig(image={"width": 3})
    with pytest.raises(UnknownOptionError):
        config.update({"beams": 9, "image": {"width": 4, "widht": 5}})
    assert config == CaptionConfig(image={"width": 3})


def test_options_of_trust_are_refused_in_a_caller_s_part(tmp_path):
    """A part that is merged into that of a file is no way round."""
    CaptionConfig(image={}).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="trust_remote_code"):
        CaptionConfig.from_pretrained(tmp_path, image={"trust_remote_code": True})


def test_known_names_of_parts_say_nothing(tmp_path):
    """Aliases, fields of the base class and what a file already has are no typos."""
    CaptionConfig.from_dict({"image": {"newer": 1}}).save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = CaptionConfig.from_pretrained(tmp_path, image={"newer": 2, "torch_dtype": "float16", "num_labels": 3})
    assert (config.image.newer, config.image.dtype, config.image.num_labels) == (2, "float16", 3)


def written(folder, values):
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("values", "name", "meant"),
    [
        ({"beems": 1}, "beems", "beams"),
        ({"baems": 1}, "baems", "beams"),
        ({"image": {"widht": 1}}, "image.widht", "width"),
        ({"image": {"layers": [{}, {"wdth": 1}]}}, "image.layers[1].wdth", "width"),
        ({"image": {"named": {"a": {"widths": 1}}}}, "image.named['a'].widths", "width"),
        ({"text": {"dept": 1}}, "text.dept", "depth"),
    ],
)
def test_a_misspelt_field_of_a_file_is_a_warning(values, name, meant, tmp_path):
    """It would have its default without a word: the warning names the file, the path and the field."""
    folder = written(tmp_path, {"model_type": "strict-caption", **values})
    with pytest.warns(UserWarning, match="It is kept as an attribute, and the field has its default") as caught:
        CaptionConfig.from_pretrained(folder)
    (message,) = (str(warning.message) for warning in caught)
    assert message.startswith(f"{folder / 'config.json'}: CaptionConfig has no field {name!r}.")
    assert f"Did you mean {meant!r}?" in message
    assert caught[0].filename == __file__


@pytest.mark.parametrize("values", [{"width": 3, "widht": 2}, {"widthless": 2}, {"wid": 2}, {"width2": 2}])
def test_other_unknown_names_of_a_file_are_kept_without_a_word(values, tmp_path):
    """The file of another version: it has the field as well, or the name is another word or has another number."""
    config = ImageConfig.from_pretrained(written(tmp_path, {"model_type": "strict-image", **values}))
    assert all(getattr(config, name) == value for name, value in values.items())


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_file_with_many_unknown_names_is_not_searched_for_misspelt_ones(in_parts, tmp_path):
    """Comparing a million names with each field would take minutes, in one config or in many parts."""
    others = {f"other{letter}{number}": 1 for letter in "abcdefghij" for number in range(20)}
    layers = [{name: 1} for name in others]
    values = {"image": {"layers": [*layers, {"wdth": 1}]}} if in_parts else {"image": {**others, "widht": 1}}
    config = CaptionConfig.from_pretrained(written(tmp_path, {"model_type": "strict-caption", **values}))
    assert config.image.layers[-1].wdth == 1 if in_parts else config.image.widht == 1


def test_a_misspelt_field_that_a_caller_gives_is_no_warning(tmp_path):
    """Nothing of the file's counts there."""
    folder = written(tmp_path, {"model_type": "strict-image", "widht": 3})
    assert ImageConfig.from_pretrained(folder, width=4).width == 4
