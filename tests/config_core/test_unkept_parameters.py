"""Parameters that an `__init__` takes and keeps under another name, or nowhere: no value is lost in silence."""

from __future__ import annotations

import dataclasses
from dataclasses import InitVar

import pytest

from config_core import ConfigError, ConfigValidationError, PretrainedConfig, UnknownOptionError


class RenamingConfig(PretrainedConfig):
    model_type = "unkept-renaming"

    def __init__(self, hidden: int = 8, **kwargs):
        self.hidden_size = hidden
        self.inner_size = 4 * hidden
        super().__init__(**kwargs)


class SmallConfig(RenamingConfig):
    model_type = "unkept-small"

    def __init__(self, size: int = 4, **kwargs):
        super().__init__(hidden=size, **kwargs)


class PresetConfig(PretrainedConfig):
    model_type = "unkept-preset"

    def __init__(self, preset="small", width=None, **kwargs):
        self.width = width or {"small": 8, "large": 16}[preset]
        super().__init__(**kwargs)


@dataclasses.dataclass
class ScaledConfig(PretrainedConfig):
    model_type = "unkept-scaled"

    width: int = 8
    scale: InitVar[int] = 2
    inner: int = None

    def __post_init__(self, scale):
        self.inner = self.inner or self.width * scale


class PrivateConfig(PretrainedConfig):
    model_type = "unkept-private"

    def __init__(self, hidden=8, **kwargs):
        self._hidden = hidden
        self._made = object()  # is no value of a parameter
        super().__init__(**kwargs)


class PropertyConfig(PretrainedConfig):
    model_type = "unkept-property"

    def __init__(self, hidden=8, **kwargs):
        self._hidden = hidden
        super().__init__(**kwargs)

    @property
    def hidden(self):
        return self._hidden


class LoopConfig(PretrainedConfig):
    model_type = "unkept-loop"

    def __init__(self, width=8, depth=2, **kwargs):
        for name, value in {"width": width, "depth": depth}.items():
            setattr(self, name, value)
        super().__init__(**kwargs)


CASES = [
    (RenamingConfig, {"hidden": 3}, {"hidden": 5}, "hidden_size"),
    (SmallConfig, {"size": 3}, {"size": 5}, "hidden_size"),
    (PresetConfig, {"width": 3}, {"preset": "large"}, "width"),
    (ScaledConfig, {"scale": 3}, {"scale": 5}, "inner"),
]


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_what_is_made_of_a_parameter_is_kept(cls, values, changed, field, tmp_path):
    """A file has that in its place."""
    config = cls(**values)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    assert getattr(cls.from_pretrained(tmp_path), field) == getattr(config, field)
    assert getattr(cls.from_dict(changed), field) == getattr(cls(**changed), field)


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_an_override_without_effect_is_refused(cls, values, changed, field, tmp_path):
    """The file says otherwise; the error names what to give."""
    config = cls(**values)
    config.save_pretrained(tmp_path)
    (name,) = changed
    with pytest.raises(ConfigError, match=rf"{name}=.* would have no effect.*Give .*'{field}'.* instead"):
        cls.from_pretrained(tmp_path, **changed)
    with pytest.raises(ConfigError, match="would have no effect"):
        config.__replace__(**changed)
    same = cls.from_pretrained(tmp_path, **{**values, field: getattr(config, field)})
    assert getattr(same, field) == getattr(config, field)


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_an_update_of_one_is_refused(cls, values, changed, field):
    """It would set an attribute that nothing reads."""
    config = cls(**values)
    with pytest.raises(UnknownOptionError, match="has no field"):
        config.update(changed)
    assert config == cls(**values)
    config.update({field: 7})
    assert getattr(config, field) == 7


def test_what_only_a_private_attribute_holds_is_refused_at_the_save(tmp_path):
    """Private attributes are not written; those with the value of a default are not lost."""
    PrivateConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigValidationError, match=r"_hidden: private attributes .* make this 8\. .*'hidden'"):
        PrivateConfig(hidden=3).save_pretrained(tmp_path)


@pytest.mark.parametrize("cls", [PropertyConfig, LoopConfig])
def test_other_ways_to_keep_a_parameter_are_found(cls, tmp_path):
    """Properties, and attributes that are set by names that code does not spell."""
    name = "hidden" if cls is PropertyConfig else "width"
    cls(**{name: 3}).save_pretrained(tmp_path)
    assert getattr(cls.from_pretrained(tmp_path), name) == 3
    assert getattr(cls.from_pretrained(tmp_path, **{name: 5}), name) == 5
